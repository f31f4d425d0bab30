# The first branch of CorrCLIP (Zhang et al., ICCV 2025) on VOC 2012: patches of CLIP ViT-B/16 attend to each other
# within the masks of SAM, by the queries and keys of DINO ViT-B/8. Nothing is trained. The masks are those of
# `tools/sam_masks.py`; larger ones are in front. Constants are the authors', who had masks; size, texts and words for
# the background are those of ProxyCLIP. At the end a mask has one class.
_base_ = ['wsl_proxyclip_voc.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmwsl.RegionAttentionBackbone',
        folder=_base_.folder,
        proxy=_base_.model.backbone.proxy,
        temperature=0.25,
        max_distance=0.2,
        tuned_on='masks of VOC 2012 and other datasets, by the authors of CorrCLIP',
    ),
    inference=dict(postprocessors=[dict(type='mmwsl.SuperpixelVote')]),
)
sam = dict(type='mmwsl.FolderProposals', folder='{{$MMWSL_DATA_ROOT:data}}/sam_masks')
regions = [dict(type='mmwsl.PartitionByProposals', source=sam)]
test_pipeline = _base_.test_pipeline[:1] + regions + _base_.test_pipeline[1:]
tta_pipeline = _base_.tta_pipeline[:1] + regions + _base_.tta_pipeline[1:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
