#!/usr/bin/env bash
# Usage: tools/dist_pseudo_labels.sh CONFIG CHECKPOINT GPUS --out DIR [arguments of tools/generate_pseudo_labels.py]
# On several machines: NNODES, NODE_RANK, MASTER_ADDR and PORT as torchrun has them. Without GPUs, GPUS counts processes.
set -euo pipefail
if [ $# -lt 3 ]; then
    sed -n '2,3s/^# //p' "$0" >&2
    exit 2
fi

HERE="$(cd "$(dirname "$0")" && pwd)"
PYTHONPATH="$HERE/..${PYTHONPATH:+:$PYTHONPATH}" exec python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$3" \
    "$HERE/generate_pseudo_labels.py" "$1" "$2" --launcher pytorch "${@:4}"
