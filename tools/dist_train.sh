#!/usr/bin/env bash
# Usage: tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py]
# On several machines: NNODES, NODE_RANK, MASTER_ADDR and PORT as torchrun has them. Without GPUs, GPUS counts processes.
# MAX_RESTARTS: how often torchrun starts all processes again after one has died; with --resume they continue.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi

exec bash "$(dirname "$0")/torchrun.sh" "$2" train.py "$1" "${@:3}"
