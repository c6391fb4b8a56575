"""The one helper with which the site's scripts make elements."""

import pytest

from support import browser
from support.outside import ROOT

pytestmark = pytest.mark.browser

SCRIPT = ROOT / "book" / "_static" / "elements.js"
MADE = """() => {
    const h = window.courseElement;
    let clicks = 0;
    const onclick = () => { clicks += 1; };
    const attributes = { class: "x", hidden: true, title: null, lang: false, onclick };
    const made = h("p", attributes, "<b>text</b>", null, [h("i"), undefined, 3]);
    made.click();
    return [made.outerHTML, clicks];
}"""


def test_an_element_has_its_attributes_children_and_listeners_and_text_stays_text():
    with browser.launched() as chromium:
        page = chromium.new_page()
        page.add_script_tag(path=SCRIPT)
        html, clicks = page.evaluate(MADE)
    assert html == '<p class="x" hidden="">&lt;b&gt;text&lt;/b&gt;<i></i>3</p>'
    assert clicks == 1


def test_no_other_script_has_a_helper_of_its_own():
    """Those that stand alone, on pages without this one, make their few elements by hand."""
    alone = {
        "elements.js",
        "lazy.js",
        "search.js",
        "course-figs.js",
        "problems.js",
        "playground/start.js",
    }
    folder = ROOT / "book" / "_static"
    scripts = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*.js")}
    making = {
        name
        for name, path in scripts.items()
        if not name.startswith("vendor/") and "createElement" in path.read_text("utf8")
    }
    assert making == alone
