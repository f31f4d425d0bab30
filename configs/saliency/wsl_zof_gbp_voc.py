# ZOF + GBP (Shimoda & Yanai): zoom-out features of all layers, an mi-SVM per class, saliency by guided
# back-propagation, a CRF over superpixels. Published: VOC 2012 val 38.1, test 37.7 mIoU; the poster gives no constant.
# The SVMs are trained on image-level labels; their file is made by
# python tools/fit_zoom_out.py configs/saliency/wsl_zof_gbp_voc.py work_dirs/wsl_lse_voc/iter_20000.pth
_base_ = ['../wsl_lse_voc.py', '../_base_/postprocessing/superpixel_crf.py']
model = dict(
    inference=dict(
        class_maps=dict(
            type='mmwsl.GuidedBackpropSaliency',
            layers=['backbone.layer2', 'backbone.layer3'],
            power=0.5,
            tuned_on='masks of voc6 train',
            scores=dict(
                type='mmwsl.ZoomOutMaps',
                svm='work_dirs/wsl_zof_gbp_voc/zoom_out/svm.pth',
                layers=[
                    'backbone.stem',
                    'backbone.layer1',
                    'backbone.layer2',
                    'backbone.layer3',
                    'backbone.layer4',
                    'decode_head.convs.4',
                ],
                # With the scene level an SVM separates the images by it alone, and all their superpixels stay positive.
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
