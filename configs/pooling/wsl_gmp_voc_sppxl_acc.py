# Per-class accuracy with superpixels of a checkpoint of wsl_gmp_voc.py: see wsl_lse_voc_sppxl_acc.py. Published, VOC
# 2008, 2009, 2010: 44.3, 45.5, 45.9.
_base_ = ['../priors/wsl_lse_voc_sppxl.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GlobalMaxPooling')))
val_evaluator = [dict(type='mmwsl.ClassAccuracyMetric', iou_metrics=['mIoU']), dict(type='mmwsl.ImageLabelMetric')]
test_evaluator = val_evaluator
