# Labels the training images for the next self-training round, with the segmentor of the round before.
_base_ = ['../folder/psl_deeplabv3plus_efficientnet-lite2_folder.py', '../_base_/models/self_training.py']
model = _base_.self_training
test_pipeline = [*_base_.test_pipeline[:-1], _base_.pack]
tta_pipeline = [*_base_.tta_pipeline[:-1], _base_.label_views]
tta_model = dict(type='mmwsl.WeakSegTTAModel')
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
