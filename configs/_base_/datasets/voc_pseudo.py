# Pseudo-labels of tools/generate_pseudo_labels.py: what a training set of VOC reads in place of its masks. The tags
# that they came from are not used in training; tools/compare.py counts them.
os = __import__('os')  # not a statement: mmengine 0.10.7 would take the file for a lazy config

pseudo_labels = dict(
    label_file='Annotations',
    data_prefix=dict(seg_map_path=os.path.abspath('{{$MMWSL_PSEUDO_LABELS:work_dirs/pseudo_labels}}/masks')),
)
