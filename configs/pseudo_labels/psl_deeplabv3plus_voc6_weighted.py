# Each pixel weighs as much as the highest score that it was labeled by; the sum is divided by the sum of the weights.
# CoSA (Yang et al., ECCV 2024) weights the same way and divides by the number of pixels.
_base_ = ['psl_deeplabv3plus_voc6.py']
model = dict(type='mmwsl.ConfidenceWeightedSegmentor')
train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='mmwsl.LoadConfidence', folder='{{$MMWSL_PSEUDO_LABELS:work_dirs/pseudo_labels}}/scores'),
    *_base_.train_pipeline[2:-1],
    dict(type='mmwsl.PackSegInputsWithMaps'),
]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
