# EM-Fixed (Papandreou et al., ICCV 2015) on voc6: a softmax over classes, background present in every image, latent
# labels with fixed biases. Its masks are an argmax: there is no threshold to search.
_base_ = [
    '../_base_/models/lse_mobilenet-v2.py',
    '../_base_/datasets/voc6.py',
    '../_base_/schedules/adamw_6e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        aggregator=dict(_delete_=True, type='mmwsl.GlobalMaxPooling'),
        background=dict(_delete_=True, type='mmwsl.LearnedBackground'),
        loss_decode=dict(_delete_=True, type='mmwsl.EMFixedLoss', foreground_bias=5.0, background_bias=3.0),
    )
)
val_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU']), dict(type='mmwsl.ImageLabelMetric')]
test_evaluator = val_evaluator
