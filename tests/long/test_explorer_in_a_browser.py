"""The attention explorer in a real browser: a saved notebook in JupyterLab, a hand on the menu.

Headless Chromium gets nothing but JupyterLab, as on a machine without a network. Skipped where
playwright or a browser is missing. To run it, use `pip install playwright -c constraints.txt` and a
Chromium: the system's, or `playwright install chromium`.
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
from nbclient import NotebookClient

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.long
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CELL = """
import numpy as np
from utils.explorer import Maps, explore

def maps_of(text):
    words = text.split()
    here = np.eye(len(words))  # each word looks at itself, or at the one before
    weights = np.stack([[here, np.roll(here, -1, axis=1)]])  # (layers, heads, queries, keys)
    return {"self-attention": Maps(weights, words, words, [(0, 0)])}

explore({text: maps_of(text) for text in ("to be or not to be", "a <b> c")})
"""


@pytest.fixture(scope="module")
def page():
    system = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_api.sync_playwright() as playwright:
        options = {"args": ["--no-sandbox"], "timeout": 30_000}
        try:  # the system's browser, or else playwright's own
            browser = playwright.chromium.launch(executable_path=system, **options)
        except sync_api.Error as error:
            if os.environ.get("BROWSER_TEST") == "must run":  # in CI
                raise
            pytest.skip(f"no browser starts here: {error.message.splitlines()[0]}")
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        page.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())
        yield page
        browser.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab of its own, with one notebook; nobody's settings are touched."""
    home = tmp_path_factory.mktemp("lab")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(CELL)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    where = {"metadata": {"path": str(ROOT)}}
    NotebookClient(notebook, startup_timeout=600, resources=where).execute()
    nbformat.write(notebook, home / "saved.ipynb")
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
    places = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")
    log = home / "log"
    with log.open("w") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
            + [f"--{name}={value}" for name, value in options.items()],
            env=os.environ | dict.fromkeys(places, str(home)),
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
        yield f"{found[0]}/lab/tree/saved.ipynb?token={token}"
    finally:
        server.terminate()
        server.wait(20)


def test_a_saved_notebook_draws_what_its_menus_say(page, lab):
    page.goto(lab)
    expect = sync_api.expect
    expect.set_options(timeout=40_000)  # milliseconds, for a busy machine
    picture, menus = page.locator(".vega-embed svg.marks"), page.locator(".vega-bind select")
    title, cells = picture.locator(".role-title-text"), picture.locator(".layer_0_marks path")
    expect(title).to_have_text("self-attention, layer 0, head 0")
    expect(picture.locator(".role-axis-label").first).to_have_text("tobeornottobe")
    expect(cells).to_have_count(36)
    expect(picture.locator(".layer_1_marks path")).to_have_count(1)  # the true cell
    dark, white = (cells.nth(place).get_attribute("fill") for place in (0, 5))
    assert dark != white
    before = picture.screenshot()

    for head, first, sixth in (("1", white, dark), ("0", dark, white), ("1", white, dark)):
        menus.nth(3).select_option(head)
        expect(title).to_have_text(f"self-attention, layer 0, head {head}")
        expect(cells.nth(0)).to_have_attribute("fill", first)
        expect(cells.nth(5)).to_have_attribute("fill", sixth)
    assert picture.screenshot() != before

    cells.nth(5).hover()
    expect(page.locator("#vg-tooltip-element")).to_have_text("query:tokey:beweight:1.000")
    menus.nth(0).select_option("a <b> c")
    expect(picture.locator(".role-axis-label").first).to_have_text("a<b>c")
    expect(cells).to_have_count(9)
