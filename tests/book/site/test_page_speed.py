"""What a page costs on a slow line: bytes and requests before it is seen, and what moves after.

These do not depend on how fast the machine is. Seconds do: `tests/benchmark/test_page_seconds.py`.
"""

import pytest

from support import browser, page_speed
from support.site_builds import real_site

pytestmark = pytest.mark.browser

PAGES = {
    "landing": "book/intro.html",
    "plots": "book/week3/02_activation_patching.html",
    "formulas": "book/week1/02_transformer.html",
    "playground": "book/playground.html",
    "tracker": "book/tracker.html",
}
MOST_BYTES = 250_000  # before the largest contentful paint
MOST_REQUESTS = 45
MOST_SHIFT = 0.05


@pytest.fixture(scope="module")
def loads():
    """Each page, opened for the first time on a slow line and read to its end."""
    with page_speed.hosted(real_site()) as base, browser.launched() as chromium:
        return {
            name: page_speed.load(chromium, base + path, processor=False, scroll=True)
            for name, path in PAGES.items()
        }


@pytest.mark.parametrize("name", PAGES)
def test_little_is_loaded_before_the_page_is_seen(loads, name):
    load = loads[name]
    assert load.lcp_is
    assert load.bytes_before <= MOST_BYTES
    assert load.requests_before <= MOST_REQUESTS


@pytest.mark.parametrize("name", PAGES)
def test_nothing_moves_when_figures_formulas_and_models_arrive(loads, name):
    assert loads[name].shift <= MOST_SHIFT, loads[name].shifts


def test_what_moves_is_seen(tmp_path):
    late = "setTimeout(() => document.querySelector('p').style.marginTop = '400px', 300)"
    (tmp_path / "index.html").write_text(f"<p>text</p>{'<p>more</p>' * 20}<script>{late}</script>")
    with page_speed.hosted(tmp_path) as base, browser.launched() as chromium:
        load = page_speed.load(chromium, base, processor=False)
    assert load.shift > MOST_SHIFT


def test_what_is_loaded_before_it_is_seen_is_counted(tmp_path):
    (tmp_path / "a.css").write_text(
        "".join(f".c{i * 7919 % 99991} {{ top: {i}px }}" for i in range(30_000))
    )
    (tmp_path / "index.html").write_text(
        "<link rel=icon href='data:,'><link rel=stylesheet href=a.css><p>text</p>"
    )
    with page_speed.hosted(tmp_path) as base, browser.launched() as chromium:
        load = page_speed.load(chromium, base, processor=False)
    assert 100_000 < load.bytes_before <= load.bytes
    assert load.requests_before == 2
