"""The playground's own scripts on a bare page, in headless Chromium: the numbers' test bench."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from mi_course.book.site import browser_model
from mi_course.book.site.playground import NUMBERS
from support import browser
from support.outside import ROOT

SOURCE = ROOT / "book" / "_static" / "playground"
# What every test needs of the page: the model, its weights and tokenizer, and its means.
PRELUDE = """() => {
const P = window.Playground;
window.model = P.openModel(window.POCKET);
Object.assign(window, { weights: model.weights, tokenizer: model.tokenizer, mean: model.mean });
}"""


@contextmanager
def bare_page(chromium: Browser, folder: Path) -> Iterator[Page]:
    """A page that holds the scripts without the furniture, and the model, loaded."""
    for name in NUMBERS:
        shutil.copy(SOURCE / name, folder)
    browser_model.write(folder)
    tags = "".join(f'<script src="{name}"></script>' for name in [*NUMBERS, browser_model.FILE])
    (folder / "index.html").write_text(f"<!doctype html><meta charset=utf-8>{tags}")
    with browser.served(folder) as base:
        page = chromium.new_page()
        try:
            page.goto(base + "index.html")
            page.evaluate(PRELUDE)
            yield page
        finally:
            page.close()


def call(page: Page, function: str, argument: Any = None) -> Any:
    """The value of a JavaScript function of one argument.

    Both ways as JSON: Playwright's own encoding takes seconds for a hundred thousand numbers.
    """
    code = f"text => JSON.stringify(({function})(JSON.parse(text)) ?? null)"
    return json.loads(page.evaluate(code, json.dumps(argument)))
