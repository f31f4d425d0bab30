#!/usr/bin/env bash
# Usage: benchmarks/stc.sh [voc6|voc] [arguments of tools/generate_pseudo_labels.py, such as --gt-masks]
# Trains the three stages of STC one after another: see configs/stc/README.md. Each stage labels the images of the next
# one. All files are in work_dirs of the current folder. Repeat the command to resume an interrupted run.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
data="${1:-voc6}"

train() {  # STAGE
    python "$root/tools/train.py" "$root/configs/stc/$1.py" --work-dir "work_dirs/$1" --resume
}

label() {  # STAGE CONFIG NEXT_STAGE [arguments]: labels the training images of CONFIG; all stages have one network
    python "$root/tools/generate_pseudo_labels.py" "$root/configs/stc/$2.py" "$(cat "work_dirs/$1/last_checkpoint")" \
        --out "work_dirs/$3_labels" "${@:4}"
}

initial=wsl_stc_${data}_initial enhanced=psl_stc_${data}_enhanced powerful=psl_stc_${data}_powerful

train "$initial"
label "$initial" "$initial" "$enhanced" "${@:2}"
export MMWSL_PSEUDO_LABELS=work_dirs/${enhanced}_labels
train "$enhanced"
label "$enhanced" "$powerful" "$powerful" "${@:2}"  # while MMWSL_PSEUDO_LABELS names the labels that the network was trained on
export MMWSL_PSEUDO_LABELS=work_dirs/${powerful}_labels
train "$powerful"
