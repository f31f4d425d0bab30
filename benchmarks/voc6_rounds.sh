#!/usr/bin/env bash
# Usage: benchmarks/voc6_rounds.sh [PROCESSES]
# From the tags of voc6 to DeepLab v3+ and FCN in two rounds of pseudo-labels, beside their supervised twins: see
# README, "Pseudo-labels". Labels are made by 2 processes, or as many as given, networks trained by one. Everything lies
# in work_dirs; killed at any point, the same command goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/.."
processes="${1:-2}"
# glibc keeps the memory of large maps: to give it back after each step takes as long as the step of DeepLab v3+ itself
export MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=16000000000

train() {  # NAME [arguments of tools/train.py]
    python tools/train.py "configs/$1.py" --resume "${@:2}"
}

# The variable names what the network learned, nothing in round 1: the manifest takes over which masks that owes to.
label() {  # ROUND NAME CHECKPOINT [arguments of tools/generate_pseudo_labels.py]
    MMWSL_PSEUDO_LABELS="work_dirs/pseudo_labels_$(($1 - 1))" \
        bash tools/dist_pseudo_labels.sh "configs/$2.py" "$3" "$processes" --out "work_dirs/pseudo_labels_$1" --masks "${@:4}"
}

learn() {  # ROUND NAME
    MMWSL_PSEUDO_LABELS="work_dirs/pseudo_labels_$1" train "$2" --work-dir "work_dirs/$2_round$1"
}

network=psl_deeplabv3plus_voc6

train wsl_lse_voc6
label 1 wsl_lse_voc6_pseudo work_dirs/wsl_lse_voc6/epoch_6.pth
learn 1 $network
label 2 ${network}_pseudo work_dirs/${network}_round1/epoch_4.pth --tta --low 0.25 --high 0.75
learn 2 $network
learn 2 psl_fcn_voc6
train fsl_deeplabv3plus_voc6
train fsl_fcn_voc6
python tools/compare.py work_dirs/${network}_round{1,2} work_dirs/fsl_deeplabv3plus_voc6 \
    work_dirs/psl_fcn_voc6_round2 work_dirs/fsl_fcn_voc6 \
    configs/wsl_lse_voc6.py:work_dirs/wsl_lse_voc6/epoch_6.pth \
    configs/wsl_lse_voc6_seg_crf.py:work_dirs/wsl_lse_voc6/epoch_6.pth
