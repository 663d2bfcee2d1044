"""The settings that train.py has for each corpus, and how results are written."""

import json
from pathlib import Path

# What the pages measure: README.md and benchmarks/README.md
DEFAULTS = {
    "embedded": dict(
        vocab_size=1500,
        d_model=128,
        num_heads=8,
        d_ff=256,
        num_layers=2,
        dropout=0.0,
        max_tokens=512,
        epochs=7,
        peak=4e-3,
        warmup=300,
        smoothing=0.1,
        average=1,
        decay="linear",
    ),
    "multi30k": dict(
        vocab_size=8000,
        d_model=128,
        num_heads=4,
        d_ff=256,
        num_layers=4,
        dropout=0.3,
        max_tokens=2048,
        epochs=35,
        peak=4e-3,
        warmup=1000,
        smoothing=0.1,
        average=8,
        decay="linear",
    ),
}


def write_json(values: dict, path: Path) -> None:
    """The values as JSON, aside first and then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".new")
    aside.write_text(json.dumps(values, indent=2) + "\n", encoding="utf8")
    aside.replace(path)
