#!/usr/bin/env bash
# Measures on a machine with a GPU all that docs/performance.md waits for, in about ten minutes:
#   tools/bench/gpu.sh FOLDER [WORK]
# FOLDER gets a JSON file of each part and the logs; WORK (default: FOLDER/work) holds the model of 2 GB that the rehearsal
# writes. With ORACLE=DIR the numbers are first held against that folder (npm run verify). With SMALL=1 the same goes without
# a GPU: a tiny model, PyTorch on the processor, to see that every part runs. A part that fails says so and the next one runs;
# the exit code is the number of parts that failed. Afterwards: npm run bench -- report FOLDER/*.json
set -u
cd "$(dirname "$0")/../.."
out=$(mkdir -p "$1" && cd "$1" && pwd)
work=${2:-$out/work}
device=cuda
model=(--latents 64 --steps 10)
if [ -n "${SMALL:-}" ]; then
  device=cpu
  model=(--model tiny)
fi
failed=0

part() {
  local name=$1
  shift
  echo "== $name: $*"
  if ! "$@" >"$out/$name.log" 2>&1; then
    failed=$((failed + 1))
    echo "   failed, see $out/$name.log"
  fi
  tail -n 3 "$out/$name.log"
}

if [ -n "${ORACLE:-}" ]; then part oracle npm run verify -- "$ORACLE" --backend webgpu; fi
part forms npm run bench -- forms --json "$out/forms.json"
part forward npm run bench -- forward --json "$out/forward.json"
part evaluation npm run bench -- evaluation --json "$out/evaluation.json"
part evaluation-wasm npm run bench -- evaluation --backend wasm --json "$out/evaluation-wasm.json"
part onnx npm run bench -- onnx --backend webgpu --json "$out/onnx.json"
part torch npm run bench -- torch --device "$device" --json "$out/torch.json"
part rehearsal npm run rehearse -- --direct "${model[@]}" \
  --only write,load,encode,unet,generate,train,decode --work "$work"
exit "$failed"
