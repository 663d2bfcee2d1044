"""The site, built whole and opened in a browser that gets nothing else. Without a browser it is
built all the same."""

import functools
import http.server
import os
import re
import threading

import pytest

from tests.long.test_explorer_in_a_browser import page, sync_api  # noqa: F401
from tools import site

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def built():
    """What is wrong with the site, which is then in build/site."""
    return site.build()


@pytest.fixture(scope="module")
def web(built):
    """Its address on this machine."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    handler = functools.partial(quiet, directory=os.fspath(site.SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_sphinx_is_silent_and_every_link_and_picture_is_there(built):
    assert not built
    shown = {path.relative_to(site.SITE).as_posix() for path in site.SITE.rglob("*.html")}
    assert {"index.html", "api.html", "CONTRIBUTING.html", "benchmarks/README.html"} <= shown
    for path in site.notebooks():
        assert path.relative_to(site.ROOT).with_suffix(".html").as_posix() in shown


def test_each_page_opens_without_an_error_and_fetches_nothing(page, web):  # noqa: F811
    said, asked = [], []
    page.on("console", lambda message: message.type == "error" and said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": 390, "height": 844})  # a phone's
    for path in sorted(site.SITE.rglob("*.html")):
        name = path.relative_to(site.SITE).as_posix()
        if not name.startswith("_"):
            page.goto(f"{web}/{name}")
            wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert not wide, f"{name} is wider than the window"
    assert not said
    assert not [url for url in asked if not re.match(rf"{web}/|data:|blob:", url)]


def test_formulas_are_set_and_folds_open(page, web):  # noqa: F811
    page.goto(f"{web}/notebooks/02_attention.html")
    expect = sync_api.expect
    expect(page.locator("mjx-container[display=true] mjx-msqrt").first).to_be_visible()
    solution = page.locator("details", has_text="weights_of_thinking = [0.787").last
    expect(solution.locator("pre")).to_be_hidden()
    solution.locator("summary").click()
    expect(solution.locator("pre")).to_be_visible()
    expect(page.get_by_text("COLAB_RELEASE_TAG")).to_be_hidden()


def test_the_explorer_shows_another_head(page, web):  # noqa: F811
    page.goto(f"{web}/notebooks/07_inference.html")
    picture, expect = page.locator(".vega-lite svg.marks"), sync_api.expect
    expect(picture.locator(".role-title-text")).to_have_text("cross-attention, layer 1, head 4")
    before = picture.screenshot()
    page.locator(".vega-bind select").nth(3).select_option("2")
    expect(picture.locator(".role-title-text")).to_have_text("cross-attention, layer 1, head 2")
    assert picture.screenshot() != before


def test_the_explorer_fits_a_phone(page, web):  # noqa: F811
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{web}/notebooks/07_inference.html")
    picture = page.locator(".vega-lite svg.marks").bounding_box()
    assert picture["x"] >= 0 and picture["x"] + picture["width"] <= 390
    for menu in page.locator(".vega-bind select").all():
        box = menu.bounding_box()
        assert box["height"] >= 40 and box["y"] + box["height"] <= picture["y"]


def test_an_answer_waits_and_a_picture_leads_to_its_file(page, web):  # noqa: F811
    page.goto(f"{web}/notebooks/02_attention.html")
    answer, expect = page.get_by_text("sharpness  1: 2.52 legs"), sync_api.expect
    expect(answer).to_be_hidden()
    page.get_by_text("Show what comes out").first.click()
    expect(answer).to_be_visible()
    for picture in page.locator(".bd-article img").all():
        link = picture.locator("xpath=..")
        expect(link).to_have_attribute("href", picture.get_attribute("src"))


def test_a_phone_has_its_menu(page, web):  # noqa: F811
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{web}/index.html")
    lab = page.locator(".bd-links a", has_text="Lab 06 · Tokens")
    sync_api.expect(lab).not_to_be_in_viewport()
    page.locator(".primary-toggle:visible").click()
    sync_api.expect(lab).to_be_in_viewport()


def test_search_finds_a_page(page, web):  # noqa: F811
    page.goto(f"{web}/search.html?q=Jacobian")
    found = page.locator("#search-results a", has_text="Why attention")
    sync_api.expect(found.first).to_be_visible()
