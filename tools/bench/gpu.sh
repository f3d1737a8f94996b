#!/usr/bin/env bash
# Measures on a machine with a GPU all that docs/performance.md waits for, and stops in time:
#   tools/bench/gpu.sh FOLDER [WORK]
# FOLDER gets a JSON file of each part, written as its numbers come, and one log; WORK (default: a temporary folder) holds the
# model of 2 GB that the rehearsal writes. MINUTES (default 9) is all the time there is: a part that is not done by then is
# stopped, keeps what it has measured, and those after it are left out. With ORACLE=DIR the numbers are held against that folder
# at the end (npm run verify). With SMALL=1 the same goes without a GPU: a tiny model, PyTorch on the processor, to see that
# every part runs. A part that fails says so and the next one runs; the exit code is the number of parts that failed.
# Afterwards: npm run bench -- report FOLDER/*.json
set -u
cd "$(dirname "$0")/../.."
out=$(mkdir -p "$1" && cd "$1" && pwd)
work=${2:-$(mktemp -d)}
log=$out/log.txt
end=$((SECONDS + 60 * ${MINUTES:-9}))
device=cuda
model=(--latents 64 --steps 10)
if [ -n "${SMALL:-}" ]; then
  device=cpu
  model=(--model tiny)
fi
# Ratios and rates, the units of the forecast, and the table of a rehearsal.
shown='[0-9]x$|TFLOP/s|^[a-z]+: |^PyTorch|fp(16|32)|tf32|ms drawn|^(write|load|encode|unet|generate|train|decode) +[0-9]|failed'
failed=0
: >"$log"

# part NAME SECONDS COMMAND...: so long at most. Shows what the comparisons gave, and the table of a rehearsal.
part() {
  local name=$1 most=$2 left=$((end - SECONDS)) begun=$SECONDS from code
  shift 2
  if [ "$left" -lt 15 ]; then
    failed=$((failed + 1))
    echo "== $name: left out, the time is up"
    return
  fi
  if [ "$most" -gt "$left" ]; then most=$left; fi
  echo "== $name: $*"
  echo "== $name: $*" >>"$log"
  from=$(wc -l <"$log")
  timeout -k 10 "$most" "$@" >>"$log" 2>&1
  code=$?
  tail -n "+$((from + 1))" "$log" | grep -E "$shown" | tail -n 60
  case $code in
    0) echo "   $((SECONDS - begun)) s" ;;
    124 | 137) failed=$((failed + 1)) && echo "   stopped after $((SECONDS - begun)) s; what it measured is kept" ;;
    *) failed=$((failed + 1)) && echo "   failed with $code after $((SECONDS - begun)) s:" && tail -n 5 "$log" ;;
  esac
}

bench() {
  local name=$1 most=$2
  shift 2
  part "$name" "$most" npm run --silent bench -- "$@" --json "$out/$name.json"
}

bench forms 150 forms
bench torch 120 torch --device "$device"
part rehearsal 240 npm run --silent rehearse -- --direct "${model[@]}" \
  --only write,plan,load,encode,unet,generate,train,decode --work "$work"
bench evaluation 120 evaluation
bench evaluation-wasm 90 evaluation --backend wasm
bench forward 120 forward
bench onnx 180 onnx --backend webgpu
if [ -n "${ORACLE:-}" ]; then part oracle 240 npm run --silent verify -- "$ORACLE" --backend webgpu; fi
exit "$failed"
