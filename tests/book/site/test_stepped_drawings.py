"""Drawings that one steps through: by buttons; all at once without a script and on paper."""

import re

import pytest
from bs4 import BeautifulSoup

from mi_course.book import chapters
from mi_course.book.notebook.targets import stored_values
from mi_course.book.site import inline_svg, page_model
from support import browser
from support.outside import ROOT
from support.site_builds import real_site

PAGES = {
    "two-hops": "book/week2/02_induction_heads.html",
    "patch-steps": "book/week3/02_activation_patching.html",
    "path-steps": "book/week3/03_figure_3.html",
    "two-circuits": "book/week3/03_figure_3.html",
}
FIGURE_3 = chapters.named(ROOT, "week3/03_figure_3")
SMALL = {"width": 360, "height": 740}
SHOWN = """kind => [...document.querySelectorAll(`svg.${kind} [data-step]`)]
    .map(step => getComputedStyle(step).visibility === "visible")"""

SIZES = "all => all.map(e => parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().a)"
OUTSIDE = """all => all.filter(e => {
    const { x, y, width, height } = e.getBBox(), room = e.ownerSVGElement.viewBox.baseVal;
    return x < 0 || y < 0 || x + width > room.width || y + height > room.height;
}).map(e => e.textContent)"""


@pytest.fixture(scope="module")
def opened():
    with browser.served(real_site()) as base, browser.launched() as chromium:
        yield chromium, base


@pytest.mark.parametrize("drawing", inline_svg.STEPPED)
def test_steps_are_numbered_in_order_and_each_says_something(drawing):
    svg = BeautifulSoup((ROOT / drawing).read_text("utf8"), "html.parser").svg
    steps = svg.select("[data-step]")
    assert [step["data-step"] for step in steps] == [str(i + 1) for i in range(len(steps))]
    assert len(steps) >= 4
    assert all(len(step["data-says"]) > 20 for step in steps)
    assert svg.title.get_text()
    assert svg.desc.get_text()


# `make test` looks at each drawing in one theme, the slow tests in the other.
LATER = pytest.mark.slow
CASES = [
    pytest.param(kind, scheme, marks=[LATER] if (i % 2 == 0) == (scheme == "dark") else [])
    for i, kind in enumerate(PAGES)
    for scheme in ("light", "dark")
]


@pytest.mark.browser
@pytest.mark.parametrize(("kind", "scheme"), CASES)
def test_one_goes_forth_and_back_and_can_read_it_on_a_small_phone(opened, kind, scheme):
    chromium, base = opened
    with browser.visit(chromium, base, PAGES[kind], SMALL, scheme) as seen:
        page = seen.page
        bar = page.locator(f"svg.{kind} + .course-steps-bar")
        says = page.locator(f"svg.{kind} + .course-steps-bar + .course-steps-says")
        height = says.bounding_box()["height"]
        total = len(page.evaluate(SHOWN, kind))
        sentences = []
        for step in range(1, total + 1):
            assert page.evaluate(SHOWN, kind) == [True] * step + [False] * (total - step)
            sentences.append(says.inner_text())
            next_one = bar.get_by_role("button", name="Next")
            assert next_one.is_enabled() == (step < total)  # there is no step after the last
            if step < total:
                next_one.click()
        assert len(set(sentences)) == total
        bar.get_by_role("button", name="Back").click()
        assert page.evaluate(SHOWN, kind) == [True] * (total - 1) + [False]
        assert says.bounding_box()["height"] == height  # nothing below moved
        assert min(page.eval_on_selector_all(f"svg.{kind} text", SIZES)) >= 11
        assert page.eval_on_selector_all(f"svg.{kind} text", OUTSIDE) == []
        assert page.evaluate("document.documentElement.scrollWidth") == SMALL["width"]
        page.emulate_media(media="print")
        assert page.evaluate(SHOWN, kind) == [True] * total
        assert not bar.is_visible()
    assert seen.problems == []


@pytest.mark.parametrize("kind", PAGES)
def test_the_page_to_print_shows_all_steps(kind):
    week = re.search(r"week\d", PAGES[kind])[0]
    text = (real_site() / f"print/{week}.html").read_text("utf8")
    assert f'class="course-steps {kind}"' in text
    assert "stepped.js" not in text


@pytest.mark.parametrize("model", ["pocket", "smollm2"])
def test_the_circuit_of_the_page_is_drawn_from_its_own_outputs(model):
    folder = "" if model == page_model.at_first(FIGURE_3).name else f"{model}/"
    page = (real_site() / folder / PAGES["two-circuits"]).read_text("utf8")
    svg = BeautifulSoup(page, "html.parser").select_one("svg.two-circuits")
    values = stored_values(FIGURE_3.stored(model))
    drawn = [" ".join(text.stripped_strings) for text in svg.select("text:has(tspan)")]
    names = ("mover", "model", "suppressor", "writer", "negative", "guides")
    others = f"{values['by_heads']:+.2f} ± {values['by_heads_half']:.2f} logits"
    assert drawn == [*(values[name] for name in names), others]  # in the order of the steps
    assert values["model"] == model
    said = [step["data-says"] for step in svg.select("[data-step]")]
    assert values["mover"] in said[0]
    assert values["guides"] in said[3]
    assert not any("{" in sentence for sentence in said)
    arrows = svg.select("path[data-unless-none]")
    assert len(arrows) == (values["guides"] != "none")
