# AffinityNet of PSA (Ahn & Kwak, CVPR 2018) on pseudo-labels of voc6, with a light frozen backbone. There is no
# validation: the network predicts affinities, not masks. The labels are those of round 1, see configs/pseudo_labels;
# ignored pixels are in no pair.
_base_ = [
    '../_base_/models/affinity_mobilenet-v2.py',
    '../_base_/datasets/voc6_masks.py',
    '../_base_/datasets/voc6_pseudo.py',
    '../_base_/schedules/adamw_6e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(backbone=dict(out_indices=(2, 4, 6))),  # of stride 8, 16 and 16
    decode_head=dict(
        type='mmwsl.AffinityHead',
        in_channels=(32, 96, 320),
        in_index=(0, 1, 2),
        level_channels=(32, 64, 128),
        radius=5,
        num_classes=7,
    ),
)
train_dataloader = dict(dataset=_base_.pseudo_labels)
val_cfg = val_dataloader = val_evaluator = None
test_cfg = test_dataloader = test_evaluator = None
