# Pseudo-labels of tools/generate_pseudo_labels.py: a training set of voc6 reads them in place of its masks. They hold
# the class ids of the model that generated them, not VOC's.
_base_ = []  # without this line, mmengine 0.10.7 takes a file with an import for a config in its lazy style
import os  # noqa: E402

# The folder is made by python tools/generate_pseudo_labels.py configs/pseudo_labels/wsl_lse_voc6_pseudo.py CHECKPOINT
pseudo_labels = dict(
    seg_map_classes=('background', 'cat', 'cow', 'dog', 'horse', 'person', 'sheep'),
    data_prefix=dict(seg_map_path=os.path.abspath('{{$MMWSL_PSEUDO_LABELS:work_dirs/pseudo_labels}}/masks')),
)
