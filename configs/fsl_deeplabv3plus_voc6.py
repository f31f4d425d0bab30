# DeepLab v3+ (Chen et al., ECCV 2018) on voc6, fully supervised.
_base_ = [
    '_base_/models/deeplabv3plus_mobilenet-v2.py', '_base_/datasets/voc6_masks.py', '_base_/schedules/adamw_4e.py',
    '_base_/default_runtime.py'
]
# Pictures of a class that fewer than one in six have (cow, horse, sheep) come twice in an epoch: without, cows are
# taken for horses.
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ClassBalancedDataset',
        oversample_thr=1 / 6,
        dataset=_base_.train_dataloader.dataset))
tta_model = dict(type='SegTTAModel')
