# CLIP-ES (Lin et al., CVPR 2023) with CLIP ViT-B/16, which is not trained. The folder is a copy of the model
# openai/clip-vit-base-patch16 of the Hugging Face Hub: config.json, preprocessor_config.json, weights, tokenizer.
folder = '{{$MMWSL_WEIGHTS_ROOT:weights}}/clip-vit-base-patch16'
data_preprocessor = dict(type='mmwsl.FolderPreProcessor', folder=folder, size_divisor=16, pad_val=0, seg_pad_val=255)
model = dict(
    type='mmwsl.CLIPSegmentor',
    data_preprocessor=data_preprocessor,
    backbone=dict(type='mmwsl.TransformerBackbone', folder=folder),
    decode_head=dict(type='mmwsl.TextSimilarityHead', folder=folder),
    inference=dict(
        # Images are compared with the classes that they are labeled with: for pseudo-labels of training images.
        image_labels=dict(type='mmwsl.KnownImageLabels'),
        class_maps=dict(
            type='mmwsl.CLIPESMaps',
            attention_layers=8,
            rounds=3,
            box_threshold=0.4,
            background=dict(type='mmwsl.PowerBackground', alpha=1.0),
            tuned_on='masks of VOC 2012, by the authors of CLIP-ES',
        ),
        postprocessors=[
            dict(
                type='mmwsl.DenseCRF',
                gaussian_sxy=1.0,
                gaussian_weight=3.0,
                bilateral_sxy=67.0,
                bilateral_srgb=3.0,
                bilateral_weight=4.0,
                min_pixel_prob=0.05,  # leaves absent classes out, for speed
            )
        ],
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
