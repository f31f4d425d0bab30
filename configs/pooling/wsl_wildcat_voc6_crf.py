# WILDCAT with a threshold per class and the fully connected CRF, as in the paper: uses a checkpoint of
# wsl_wildcat_voc6.py.
_base_ = ['wsl_wildcat_voc6.py', '../_base_/postprocessing/crf_ccnn.py']
thresholds = dict(type='mmwsl.ClassThresholds', thresholds='{{ fileDirname }}/voc6_wildcat_thr.json')
model = dict(inference=dict(postprocessors=[thresholds, *_base_.crf]))
