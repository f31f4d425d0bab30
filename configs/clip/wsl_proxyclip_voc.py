# ProxyCLIP (Lan et al., ECCV 2024) on VOC 2012: patches of CLIP ViT-B/16 attend to each other by the features of DINO
# ViT-B/8, and are compared with the texts. Nothing is trained. The proxy's folder is a copy of facebook/dino-vitb8 of
# the Hugging Face Hub. Size, constants and words for the background are the authors', who had masks. Here an image is
# scored as a whole, with one sentence for a text.
_base_ = ['wsl_clipes_voc.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmwsl.ProxyAttentionBackbone',
        folder=_base_.folder,
        proxy=dict(
            type='mmwsl.TransformerBackbone', folder='{{$MMWSL_WEIGHTS_ROOT:weights}}/dino-vitb8', dtype='float32'
        ),
        beta=1.2,
        gamma=3.0,
        tuned_on='masks of VOC 2012, by the authors of ProxyCLIP',
    ),
    decode_head=dict(
        prompts=dict(_delete_=True, boat='ship', diningtable='table'),
        background_prompts=[
            *('sky', 'wall', 'tree', 'wood', 'grass', 'road', 'sea', 'river', 'mountain', 'sands', 'desk', 'bed'),
            *('building', 'cloud', 'lamp', 'door', 'window', 'wardrobe', 'ceiling', 'shelf', 'curtain', 'stair'),
            *('floor', 'hill', 'rail', 'fence'),
        ],
        templates=['a photo of a {}.'],
        scale=40.0,
    ),
    inference=dict(
        class_maps=dict(_delete_=True, type='mmwsl.Probabilities'),
        postprocessors=[],
    ),
)
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='Resize', scale=(2048, 336), keep_ratio=True),
    *_base_.test_pipeline[3:],
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
