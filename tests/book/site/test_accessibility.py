"""axe finds nothing on any page, folded parts open and figures drawn, in light and in dark."""

import pytest

from mi_course.book.site import accessibility
from support import axe, browser
from support.site_builds import pages, real_site
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
    """A browser, the site's address, and the paths of all pages that it can show."""
    site = real_site()
    found = [*pages(site), *sorted((site / "print").glob("*.html"))]
    with browser.served(site) as base, browser.launched() as chromium:
        yield chromium, base, [page.relative_to(site).as_posix() for page in found]


@pytest.mark.browser
def test_axe_finds_nothing_on_any_page_light_and_dark(opened):
    chromium, base, paths = opened
    found = {}
    with browser.visit(chromium, base, "search.html?q=head", browser.DESKTOP) as seen:
        for path in ["search.html?q=head", "genindex.html", *paths]:
            seen.page.goto(base + path, wait_until="load")
            # a plot is one image to axe, drawn or not
            browser.scroll_through(seen.page, ".course-fig:not(.course-plotly)")
            axe.prepare(seen.page)
            themes = ("light",) if path.startswith("print/") else ("light", "dark")
            found[path] = [v for theme in themes for v in axe.violations(seen.page, theme)]
    assert {path: problems for path, problems in found.items() if problems} == {}


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
    chromium, base, _ = opened
    with browser.visit(chromium, base, "book/intro.html", browser.DESKTOP) as seen:
        axe.prepare(seen.page)
        seen.page.evaluate(harm)
        assert any(f"{rule}:" in v for v in axe.violations(seen.page, "light"))
