# ZOF + GBP: see wsl_zof_gbp_voc.py. The file of the SVMs is made by
# python tools/fit_zoom_out.py configs/saliency/wsl_zof_gbp_voc6.py work_dirs/wsl_lse_voc6/epoch_6.pth
_base_ = ['../lse/wsl_lse_voc6.py', '../_base_/postprocessing/superpixel_crf.py']
_blocks = [f'backbone.backbone.layer{i}' for i in range(1, 8)]
model = dict(
    inference=dict(
        class_maps=dict(
            type='mmwsl.GuidedBackpropSaliency',
            layers=_blocks[2:6],
            power=0.5,
            tuned_on='masks of voc6 train',
            scores=dict(
                type='mmwsl.ZoomOutMaps',
                svm='work_dirs/wsl_zof_gbp_voc6/zoom_out/svm.pth',
                layers=['backbone.backbone.conv1', *_blocks, 'decode_head.convs.0'],
                scene=False,
            ),
        ),
        postprocessors=_base_.superpixel_crf,
    )
)
maps = [dict(type='mmwsl.ComputeSuperpixels')]
test_pipeline = _base_.test_pipeline[:1] + maps + _base_.test_pipeline[1:]
tta_pipeline = _base_.tta_pipeline[:1] + maps + _base_.tta_pipeline[1:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
