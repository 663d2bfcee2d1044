"""Care of the notebooks: export the model's code, run them again, restamp the course's address.

Used by `make export`, `make notebooks` and `make stamp`; run by hand as

    python -m tools.notebooks export
    python -m tools.notebooks run [name …]      # for example: run 02 05 labs/06
    python -m tools.notebooks stamp
    python -m tools.notebooks picture           # the README's picture, from notebook 07
"""

import argparse
import base64
import io
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from utils.sliders import VIEW

if TYPE_CHECKING:
    from nbformat import NotebookNode

PACKAGE = '''"""The model, one module a notebook: `make export` writes it, nobody edits it."""\n'''
ROOT = Path(__file__).resolve().parent.parent
# Where OWNER/NAME stands: in a badge, in the set-up cell (whose quotes a notebook escapes), and in
# CITATION.cff
STAMPED = re.compile(
    r"(?:colab\.research\.google\.com/github/"
    r'|(?:ADDRESS =|repository-code:) \\?"https://github\.com/)([\w.-]+/[\w.-]+)'
)
PAGES = ["CITATION.cff", "README.md"]


def notebooks(root: Path = ROOT) -> list[Path]:
    """The notebooks of the path, in their order, then the labs."""
    folder = root / "notebooks"
    return [*sorted(folder.glob("*.ipynb")), *sorted(folder.glob("labs/*.ipynb"))]


def export(root: Path = ROOT) -> list[Path]:
    """Write the `#| export` cells of root's notebooks to root/transformer and return the modules.

    The same notebooks give the same bytes on every system, wherever root is.
    """
    from nbdev.export import nb_export

    library = root / "transformer"
    library.mkdir(exist_ok=True)
    for notebook in notebooks(root):
        nb_export(notebook, lib_path=library)
    (library / "__init__.py").write_text(PACKAGE, encoding="utf-8")
    modules = sorted(library.glob("*.py"))
    for module in modules:
        write(module, module.read_text(encoding="utf-8"))  # line ends: \n on Windows too
    return modules


def run(root: Path = ROOT, names: list[str] | None = None) -> list[Path]:
    """Execute root's notebooks in place and store their outputs; `names` picks some by prefix.

    Cells keep their ids, and nothing is stored that differs between two equal runs apart from what
    the cells print. A notebook that fails stays as it was.
    """
    import nbformat

    chosen = choose(root, names)
    for path in chosen:
        print(f"{path.name}: ", end="", flush=True)
        start = time.perf_counter()
        notebook = nbformat.read(path, as_version=4)
        execute(notebook, path.parent)
        write(path, nbformat.writes(notebook) + "\n")
        print(f"{time.perf_counter() - start:.0f} s")
    return chosen


def choose(root: Path = ROOT, names: list[str] | None = None) -> list[Path]:
    """Root's notebooks; of them those whose names begin so, where there are names."""
    folder, chosen = root / "notebooks", notebooks(root)
    if names:
        begin = tuple(names)
        chosen = [p for p in chosen if p.relative_to(folder).as_posix().startswith(begin)]
    if not chosen:
        asked = " or ".join(names or [])
        raise ValueError(f"no notebook in {folder} has a name that begins with {asked}")
    return chosen


def execute(notebook: "NotebookNode", folder: Path) -> None:
    """Run the notebook in that folder; its outputs become what is stored."""
    from nbclient import NotebookClient

    kernel = {"metadata": {"path": str(folder)}}
    NotebookClient(
        notebook, timeout=1800, startup_timeout=600, resources=kernel, coalesce_streams=True
    ).execute()
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop(VIEW, None)  # a stored control has nothing behind it
            if "image/png" in data:
                data["image/png"] = smaller(data["image/png"])


def smaller(png: str) -> str:
    """The same picture in a quarter of the bytes: with 128 colours, which drawings never exceed to
    the eye. PNG in base64, in and out; a picture that is partly transparent stays as it is."""
    from PIL import Image

    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
    if picture.getextrema()[3][0] < 255:
        return png
    file = io.BytesIO()
    picture.convert("RGB").quantize(128).save(file, "PNG", optimize=True)
    small = base64.b64encode(file.getvalue()).decode() + "\n"
    return small if len(small) < len(png) else png


def address(root: Path = ROOT) -> str:
    """The repository's address: [project.urls] in pyproject.toml is the one place that holds it."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^repository = "(https://github\.com/[\w.-]+/[\w.-]+)"$', text, re.MULTILINE)
    if found is None:
        raise ValueError(
            'pyproject.toml needs a line  repository = "https://github.com/OWNER/NAME"  '
            "under [project.urls]: badges and the set-up cell are stamped with it"
        )
    return found[1]


def stamp(root: Path = ROOT) -> list[Path]:
    """Put the address of pyproject.toml into root's pages and notebooks; return what changed."""
    new = address(root).removeprefix("https://github.com/")
    changed = []
    pages = [root / name for name in PAGES]
    for path in [*pages, *notebooks(root)]:
        text = stamped = path.read_text(encoding="utf-8")
        for old in set(STAMPED.findall(text)):
            for host in ("github.com/", "colab.research.google.com/github/"):
                stamped = re.sub(rf"{host}{re.escape(old)}(?![\w-])", host + new, stamped)
            stamped = stamped.replace(site_address(old), site_address(new))
        if stamped != text:
            write(path, stamped)
            changed.append(path)
    return changed


def site_address(slug: str) -> str:
    """Where GitHub publishes the site of OWNER/NAME."""
    owner, name = slug.split("/")
    return f"https://{owner}.github.io/{name}/"


def picture(root: Path = ROOT) -> list[Path]:
    """Copy the picture of the cell tagged "readme" out of root's notebooks to root/assets."""
    import nbformat

    found = [
        output["data"]["image/png"]
        for notebook in notebooks(root)
        for cell in nbformat.read(notebook, as_version=4).cells
        if "readme" in cell.metadata.get("tags", [])
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    if len(found) != 1:
        raise ValueError(f'one picture of a cell tagged "readme" was expected, not {len(found)}')
    path = root / "assets" / "cross_attention.png"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(base64.b64decode(found[0]))
    return [path]


def write(path: Path, text: str) -> None:
    """Write aside, then rename: an interruption leaves the old file whole."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    os.replace(part, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=["export", "run", "stamp", "picture"])
    parser.add_argument("names", nargs="*", help="of run: how names begin")
    arguments = parser.parse_args()
    try:
        if arguments.task == "export":
            done = export()
        elif arguments.task == "run":
            done = run(names=arguments.names)
        elif arguments.task == "picture":
            done = picture()
        else:
            done = stamp()
    except ValueError as error:
        sys.exit(str(error))
    print(f"{arguments.task}: {', '.join(path.name for path in done) or 'nothing to change'}")


if __name__ == "__main__":
    main()
