#!/usr/bin/env bash
# What waits for a GPU, as far as it comes in eight minutes, in this order: seconds to 37 BLEU;
# training beside its peers; decoding; fp16.
#
#     MULTI30K_DIR=… benchmarks/gpu.sh           # PYTHON: which python, OUT: a new folder (runs/gpu)
#     SMALL=1 benchmarks/gpu.sh                  # a try with tiny settings, on a CPU too
#
# Each part writes its JSON when it is done; one that fails is named at the end and stops no other.
# A part may take what is left of the time, but for what is kept for those after it. SHOW=1 prints
# the commands alone.
cd "$(dirname "$0")/.." || exit 1
PYTHON=${PYTHON:-python}
OUT=${OUT:-runs/gpu${SMALL:+-small}}
LIMIT=${LIMIT:-480} # seconds in all
failed=""

part() { # name, seconds for the parts after it, command …
  local name=$1 limit=$((LIMIT - SECONDS - $2)) began=$SECONDS
  shift 2
  if [ -n "$SHOW" ]; then
    echo "$*"
    return
  fi
  timeout --kill-after=5 $((limit > 1 ? limit : 1)) "$@" >"$OUT/$name.log" 2>&1
  local code=$?
  echo "$name: exit $code after $((SECONDS - began)) s" | tee -a "$OUT/parts.log"
  if [ $code != 0 ]; then
    failed="$failed $name"
    tr '\r' '\n' <"$OUT/$name.log" | tail -n 5
  fi
}

for name in training fp16; do
  [ -n "$SHOW" ] || [ ! -e "$OUT/$name" ] ||
    { echo "$OUT/$name is there already: OUT=… names another folder" >&2; exit 1; }
done
[ -n "$SHOW" ] || mkdir -p "$OUT/pairs"
if [ -n "$SMALL" ]; then
  for split in train validation test; do
    [ -n "$SHOW" ] || head -n 60 data/embedded/$split.tsv | cut -f 1,2 >"$OUT/pairs/$split.tsv"
  done
  tiny="--data $OUT/pairs --vocab-size 300 --d-model 32 --d-ff 32 --num-layers 1 --beam 1"
  train="$tiny --epochs 2 --average 1"
  peers="--data embedded --max-tokens 256 --steps 2 --rounds 1"
  sentences="--sentences 8 --batch-size 8"
  fp16="$tiny --epochs 2 --average 1 --precision no" # a CPU has no fp16
else
  train="--data multi30k --recipe short --beam 1 --average 1 --precision bf16"
  peers="--data multi30k --steps 200 --rounds 1"
  sentences="--sentences 200" # the plain search takes one after the other
  fp16="--data embedded --beam 1 --epochs 2 --precision fp16"
fi

part multi30k 190 "$PYTHON" train.py $train --out "$OUT/training"
part to-bleu 185 "$PYTHON" -m benchmarks.progress "$OUT/training" --out "$OUT/multi30k.json"
part peers 90 "$PYTHON" -m benchmarks.training $peers --out "$OUT"
model="data/model" data=embedded # should there be none of our own
[ -z "$SMALL" ] && [ -e "$OUT/training/last/config.json" ] && model="$OUT/training/last" data=multi30k
part decoding 40 "$PYTHON" -m benchmarks.decoding --data $data --model "$model" $sentences \
  --rounds 1 --out "$OUT"
part fp16 5 "$PYTHON" train.py $fp16 --out "$OUT/fp16"
part fp16-loss 0 "$PYTHON" -m benchmarks.progress "$OUT/fp16" --out "$OUT/fp16.json"

[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
