"""How results are written."""

import json
from pathlib import Path


def write_json(values: dict, path: Path) -> None:
    """The values as JSON, aside first and then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".new")
    aside.write_text(json.dumps(values, indent=2) + "\n", encoding="utf8")
    aside.replace(path)
