"""The icons' fonts are cut down to what the site shows: they are small, and no icon is missing."""

from __future__ import annotations

import re

import pytest

from support import browser
from support.site_builds import pages, real_site

FONTS = "_static/vendor/fontawesome/webfonts"
MOST_BYTES = 6_000  # the theme's own fonts have some 270 000
# On a site that is published: the repository, Colab, editing, downloads and their menus.
PUBLISHED = {
    *("fab fa-github", "fas fa-pencil-alt", "fas fa-rocket", "fas fa-play", "fas fa-download"),
    *("fas fa-file", "fas fa-file-pdf", "fas fa-code", "fas fa-lightbulb"),
}
ICON = re.compile(r'<(?:i|span) class="([^"]*\bfa-[^"]+)"')

# Each icon's glyph is drawn beside one that its font does not have: alike where it is missing too.
# The marks of boxes are the theme's variables, and stand in no page.
MISSING = """async (classes) => {
    const drawn = (font, text) => {
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [60, 60];
        const pen = canvas.getContext("2d");
        pen.font = font;
        pen.fillText(text, 5, 45);
        return canvas.toDataURL();
    };
    const isMissing = async (text, weight, family) => {
        const font = `${weight} 40px ${family}`;
        await document.fonts.load(font, text);
        return drawn(font, text) === drawn(font, "\\uefff"); // which no font has
    };
    const found = [];
    for (const name of classes) {
        const icon = document.body.appendChild(document.createElement("i"));
        icon.className = name;
        const { content, fontWeight, fontFamily } = getComputedStyle(icon, "::before");
        const text = content.replaceAll('"', "");
        const isOne = [...text].length === 1;
        if (!isOne || await isMissing(text, fontWeight, fontFamily)) found.push(name);
        icon.remove();
    }
    const style = getComputedStyle(document.documentElement);
    const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
    const marks = [...new Set(rules.flatMap((rule) => [...(rule.style ?? [])]))]
        .filter((name) => name.startsWith("--pst-icon-"))
        .filter((name) => !/git(hub|lab)$/.test(name));
    for (const name of marks) {
        const text = style.getPropertyValue(name).replaceAll(/["']/g, "").trim();
        if (await isMissing(text, 900, '"Font Awesome 6 Free"')) found.push(name);
    }
    const pencil = "\\uf303"; // which the style of exercises names
    if (await isMissing(pencil, 900, '"Font Awesome 6 Free"')) found.push("pencil");
    return [found, marks.length];
}"""


def icons():
    """The classes of every icon on a page of the site."""
    found = {name for page in pages(real_site()) for name in ICON.findall(page.read_text("utf8"))}
    return found | PUBLISHED


def test_the_fonts_are_small():
    fonts = list((real_site() / FONTS).glob("fa-[sb]*.woff2"))
    assert len(fonts) == 2
    assert sum(file.stat().st_size for file in fonts) <= MOST_BYTES


@pytest.mark.browser
def test_no_icon_is_missing(chromium, base):
    assert len(icons()) > len(PUBLISHED) + 5
    with browser.visit(chromium, base, "book/playground.html", browser.DESKTOP) as seen:
        missing, n_marks = seen.page.evaluate(MISSING, sorted(icons()))
        assert missing == []
        assert n_marks > 10
        assert seen.page.evaluate(MISSING, ["fas fa-fish"])[0] == ["fas fa-fish"]
        assert seen.problems == []
