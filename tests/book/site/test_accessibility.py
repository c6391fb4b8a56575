"""What the build does for readers who cannot see a page, and what axe would find wrong.

`test_site_browser` has axe look at every page, on the visit on which all else is looked at.
"""

import pytest

from mi_course.book.site import accessibility
from support import axe, browser
from support.site_builds import real_site
from support.small_site import build

TABLE = "# Page\n\n|  | a | ![](x.png) |\n| --- | --- | --- |\n| 1 | 2 | |\n"


def test_an_empty_header_becomes_a_plain_cell_and_other_cells_stay(tmp_path):
    page = build(tmp_path, {"page": TABLE}, accessibility.__name__)["page"]
    cells = [(cell.name, cell.get_text().strip()) for cell in page.select("thead tr > *")]
    assert cells == [("td", ""), ("th", "a"), ("th", "")]
    assert page.select_one("thead img") is not None
    assert [cell.name for cell in page.select("tbody tr > *")] == ["td", "td", "td"]


@pytest.fixture(scope="module")
def opened():
    with browser.served(real_site()) as base, browser.launched() as chromium:
        yield chromium, base


@pytest.mark.browser
@pytest.mark.parametrize(
    ("harm", "rule"),
    [
        ("document.querySelector('summary').removeAttribute('aria-label')", "summary-name"),
        ("document.querySelector('article p').style.color = '#888'", "color-contrast"),
        ("document.querySelector('article h1').remove()", "page-has-heading-one"),
    ],
)
def test_axe_would_find_what_is_wrong(opened, harm, rule):
    chromium, base = opened
    with browser.visit(chromium, base, "book/intro.html", browser.DESKTOP) as seen:
        axe.prepare(seen.page)
        seen.page.evaluate(harm)
        assert any(f"{rule}:" in v for v in axe.violations(seen.page, "light"))


@pytest.mark.slow
@pytest.mark.browser
def test_a_drawn_formula_is_called_by_its_tex(opened):
    chromium, base = opened
    formula = "section > div.math mjx-container"
    with browser.visit(chromium, base, "book/week1/02_transformer.html", browser.DESKTOP) as seen:
        drawn = seen.page.locator(formula).first
        drawn.wait_for()
        assert drawn.get_attribute("role") == "img"
        tex = drawn.get_attribute("aria-label")
    assert "\\frac" in tex
    assert not tex.startswith("\\[")
