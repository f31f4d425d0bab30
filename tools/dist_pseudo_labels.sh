#!/usr/bin/env bash
# Usage: tools/dist_pseudo_labels.sh CONFIG CHECKPOINT GPUS --out DIR [arguments of tools/generate_pseudo_labels.py]
# On several machines: NNODES, NODE_RANK, MASTER_ADDR and PORT as torchrun has them. Without GPUs, GPUS counts processes.
# MAX_RESTARTS: how often torchrun starts all processes again after one has died; finished images are not predicted again.
set -euo pipefail
if [ $# -lt 3 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi

exec bash "$(dirname "$0")/torchrun.sh" "$3" generate_pseudo_labels.py "$1" "$2" "${@:4}"
