"""axe-core, the accessibility checker, on an open page of the built site."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

SOURCE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text("utf8")
# Everything that axe checks unless told otherwise, best practices included. A plot is an image with
# a name: nothing within it is read aloud.
RUN = """async options => {
    const found = await axe.run({exclude: ".course-plotly > *"}, options);
    return found.violations.map(({id, help, nodes}) => ({id, help,
        where: nodes.slice(0, 3).map(node => node.html.slice(0, 200)), count: nodes.length}));
}"""
ALL = {"resultTypes": ["violations"]}
COLOURS = {**ALL, "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
UNFOLD = "document.querySelectorAll('details').forEach(e => e.open = true)"
# Code is thousands of words in some twenty colours: one word of each colour is enough.
THIN_OUT = """() => {
    const seen = new Set();
    for (const pre of document.querySelectorAll(".highlight pre")) {
        const place = getComputedStyle(pre).backgroundColor;
        for (const word of pre.querySelectorAll("span[class]")) {
            const colour = place + word.className;
            if (seen.has(colour)) word.replaceWith(...word.childNodes);
            seen.add(colour);
        }
        pre.normalize();
    }
}"""
# Colours fade when the theme changes, and axe would measure them on their way.
AT_ONCE = "*, *::before, *::after { transition: none !important; animation: none !important; }"


def prepare(page: Page) -> None:
    """Load axe into a page, unfold what is folded up, and let nothing move."""
    page.add_style_tag(content=AT_ONCE)
    page.evaluate(UNFOLD)
    page.evaluate(THIN_OUT)
    page.evaluate(SOURCE)


def violations(page: Page, theme: str = "light") -> list[str]:
    """What axe finds on a prepared page, one line each; in the dark only colours differ."""
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    return [
        f"{theme}: {v['id']}: {v['help']}: {v['count']} times: {' | '.join(v['where'])}"
        for v in page.evaluate(RUN, ALL if theme == "light" else COLOURS)
    ]
