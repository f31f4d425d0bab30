#!/usr/bin/env bash
# Usage: tools/torchrun.sh GPUS SCRIPT [arguments of tools/SCRIPT]
# On several machines: NNODES, NODE_RANK, MASTER_ADDR and PORT as torchrun has them. Without GPUs, GPUS counts processes.
# MAX_RESTARTS: how often torchrun starts all processes again after one has died.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi

HERE="$(cd "$(dirname "$0")" && pwd)"
ADDRESS="${MASTER_ADDR:-127.0.0.1}" PORT="${PORT:-29500}"
if [ "${MAX_RESTARTS:-0}" -gt 0 ]; then
    # Otherwise the processes of a restart would connect to those that died.
    export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
    RENDEZVOUS=(--rdzv_backend=c10d --rdzv_endpoint="$ADDRESS:$PORT" --rdzv_id="$2" --max_restarts="$MAX_RESTARTS")
else
    RENDEZVOUS=(--node_rank="${NODE_RANK:-0}" --master_addr="$ADDRESS" --master_port="$PORT")
fi
PYTHONPATH="$HERE/..${PYTHONPATH:+:$PYTHONPATH}" exec python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --nproc_per_node="$1" \
    "${RENDEZVOUS[@]}" \
    "$HERE/$2" --launcher pytorch "${@:3}"
