#!/usr/bin/env bash
# Usage: benchmarks/instances.sh [arguments of tools/generate_pseudo_labels.py]
# Instances from image-level labels, on the synthetic shapes: see configs/instances/README.md. The network that is
# trained on image-level labels makes instances of the training images, on which Mask R-CNN is trained. All files are in
# data and work_dirs of the current folder. Repeat the command to resume an interrupted run.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
configs="$root/configs/instances" labels=work_dirs/shapes_instances
export MMWSL_DATA_ROOT=data MMWSL_PSEUDO_LABELS=$labels

if [ ! -e data/shapes_instances ]; then
    rm -rf data/shapes_instances.part
    python "$root/benchmarks/true_instances.py" shapes data/shapes_instances.part
    mv data/shapes_instances.part data/shapes_instances
fi
python "$root/tools/train.py" "$configs/wsl_lse_shapes_touching.py" --work-dir work_dirs/wsl_lse_shapes_touching --resume
python "$root/tools/generate_pseudo_labels.py" "$configs/wsl_lse_shapes_touching.py" \
    "$(cat work_dirs/wsl_lse_shapes_touching/last_checkpoint)" --split train --format coco-instances --out "$labels" "$@"
python "$root/benchmarks/true_instances.py" compare data/shapes_instances/train/annotations.json \
    "$labels/coco-instances/annotations.json"
python "$root/tools/train.py" "$configs/psl_mask-rcnn_shapes.py" --work-dir work_dirs/psl_mask-rcnn_shapes --resume
python "$root/tools/test.py" "$configs/psl_mask-rcnn_shapes.py" "$(cat work_dirs/psl_mask-rcnn_shapes/last_checkpoint)"
