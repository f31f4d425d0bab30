# Pseudo-labels of tools/generate_pseudo_labels.py: a training set of COCO reads them in place of its masks. Training
# does not use the image-level labels that they came from; tools/compare.py counts these.
_base_ = []  # without this line, mmengine 0.10.7 takes a file with an import for a config in its lazy style
import os  # noqa: E402

# The folder is made by python tools/generate_pseudo_labels.py configs/pseudo_labels/wsl_lse_coco_pseudo.py CHECKPOINT
pseudo_labels = dict(
    label_file='annotations/instances_train2017.json',
    data_prefix=dict(seg_map_path=os.path.abspath('{{$MMWSL_PSEUDO_LABELS:work_dirs/pseudo_labels}}/masks')),
)
