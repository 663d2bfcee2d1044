"""The attention explorer in a real browser: JupyterLab, headless Chromium, a hand on the menu.

Skipped where playwright or a browser is missing. To run it, use
`pip install playwright -c constraints.txt` and a Chromium: the system's, or
`playwright install chromium`.
"""

import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CELL = """
import numpy as np
from utils.explorer import Maps, explore

def maps_of(text):
    words = text.split()
    if len(words) > 4:
        raise ValueError("five words are <b>too many</b>")
    here = np.eye(len(words))
    before = np.roll(here, -1, axis=1)
    weights = np.stack([[here, before]])  # (layers, heads, queries, keys)
    return {"self-attention": Maps(weights, words, words, [(0, 0)])}

_ = explore(maps_of, ["one two three", "a < b"])
"""


@pytest.fixture(scope="module")
def browser():
    system = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_api.sync_playwright() as playwright:
        options = {"args": ["--no-sandbox"], "timeout": 30_000}
        try:  # playwright's own browser, or else the system's
            browser = playwright.chromium.launch(executable_path=system, **options)
        except sync_api.Error as error:
            if os.environ.get("BROWSER_TEST") == "must run":  # in CI
                raise
            pytest.skip(f"no browser starts here: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab of its own, with one notebook; nobody's settings are touched."""
    home = tmp_path_factory.mktemp("lab")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(CELL)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, home / "tiny.ipynb")
    token = secrets.token_hex(16)
    options = {
        "ServerApp.root_dir": home,
        "ServerApp.port": 0,
        "ServerApp.ip": "127.0.0.1",
        "IdentityProvider.token": token,
        "LabApp.extension_manager": "readonly",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",  # nothing is fetched
        "LabApp.user_settings_dir": home / "settings",
        "LabApp.workspaces_dir": home / "workspaces",
    }
    known = {
        "HOME": home,
        "JUPYTER_CONFIG_DIR": home,
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTER_DATA_DIR": home,
        "IPYTHONDIR": home,
        "PYTHONPATH": ROOT,
    }
    log = home / "log"
    with log.open("w") as file:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab",
                "--no-browser",
                "--allow-root",
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            env=os.environ | {name: str(value) for name, value in known.items()},
            stdout=file,
            stderr=file,
        )
    try:
        for _ in range(300):
            found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
            if found or server.poll() is not None:
                break
            time.sleep(0.1)
        assert found, f"JupyterLab did not start:\n{log.read_text()[-2000:]}"
        yield f"{found[0]}/lab/tree/tiny.ipynb?token={token}"
    finally:
        server.terminate()
        server.wait(20)


def test_another_head_in_the_menu_draws_another_picture(browser, lab):
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    page.goto(lab)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click(timeout=40_000)
    page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=40_000)
    page.keyboard.press("Shift+Enter")
    picture = page.locator(".attention-explorer")
    picture.wait_for(timeout=40_000)
    expect = sync_api.expect
    expect.set_options(timeout=15_000)  # milliseconds, for a busy machine

    def cell(row: int, column: int):
        return picture.locator(f"tbody tr:nth-child({row}) td:nth-child({column + 1})")

    expect(picture.locator(".name")).to_have_text("self-attention, layer 0, head 0")
    expect(cell(1, 1)).to_have_text("1.00")
    dark = cell(1, 1).evaluate("cell => getComputedStyle(cell).backgroundColor")
    assert dark != cell(1, 2).evaluate("cell => getComputedStyle(cell).backgroundColor")
    before = picture.screenshot()

    page.get_by_label("head", exact=True).select_option("head 1")
    expect(picture.locator(".name")).to_have_text("self-attention, layer 0, head 1")
    expect(cell(2, 1)).to_have_text("1.00")
    expect(cell(1, 1)).to_have_text("")
    assert picture.screenshot() != before

    cell(2, 1).hover()  # the weight is read out at once, beside the picture's slow tooltip
    said = cell(2, 1).evaluate("cell => getComputedStyle(cell, '::after').content")
    assert said == '"“two” looks at “one”: 1.00"'

    field = page.get_by_label("or your own")
    field.fill("now there are five words")
    field.press("Enter")
    expect(picture.locator("[role=alert]")).to_contain_text("five words are <b>too many</b>")
    page.get_by_label("sentence", exact=True).select_option("a < b")
    expect(picture.locator("thead")).to_have_text("a<b")
    page.close()
