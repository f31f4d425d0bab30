# Pseudo-labels of tools/generate_pseudo_labels.py: what a training set of voc6 reads in place of its masks. The ids in
# the files are those of the model that made them, not VOC's.
os = __import__('os')  # not a statement: mmengine 0.10.7 would take the file for a lazy config

pseudo_labels = dict(
    seg_map_classes=('background', 'cat', 'cow', 'dog', 'horse', 'person', 'sheep'),
    data_prefix=dict(seg_map_path=os.path.abspath('{{$MMWSL_PSEUDO_LABELS:work_dirs/pseudo_labels}}/masks')),
)
