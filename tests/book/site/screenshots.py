"""Pictures of every page, on a phone and on a desktop, light and dark: `make screenshots`.

One more, `preview.png`, is the picture of the README and of links to the site; copied over
`book/_static/figures/screenshot.png`, it is theirs.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser

from support import browser
from support.site_builds import ROOT, pages, real_site

PREVIEW = {"width": 1280, "height": 670}  # the shape in which social networks show a link
PREVIEWED = "book/week2/02_induction_heads.html", "three diagonals"


def preview(chromium: Browser, base: str, out: Path) -> None:
    """Write the picture of one chapter, scrolled to the foot of a figure."""
    path, title = PREVIEWED
    with browser.visit(chromium, base, path, PREVIEW) as seen:
        browser.scroll_through(seen.page)
        figure = seen.page.locator(f".course-fig[aria-label*='{title}']")
        figure.evaluate("f => f.scrollIntoView({block: 'end', behavior: 'instant'})")
        # the sidebar has scrolled to this chapter; the course's name stands at its top
        seen.page.locator(".bd-sidebar-primary").evaluate("bar => bar.scrollTo(0, 0)")
        seen.page.screenshot(path=out)


def take(site: Path, out: Path) -> int:
    """Write the pictures of all pages of `site` into `out`; returns how many."""
    out.mkdir(parents=True, exist_ok=True)
    count = 1
    sizes = {"phone": browser.PHONE, "desktop": browser.DESKTOP}
    with browser.served(site) as base, browser.launched() as chromium:
        preview(chromium, base, out / "preview.png")
        for page, (size, box), scheme in product(pages(site), sizes.items(), ("light", "dark")):
            path = page.relative_to(site).as_posix()
            with browser.visit(chromium, base, path, box, scheme) as seen:
                browser.scroll_through(seen.page)
                name = f"{path.removesuffix('.html').replace('/', '-')}-{size}-{scheme}.png"
                browser.whole(seen.page, out / name)
                count += 1
    return count


if __name__ == "__main__":
    if browser.find() is None:
        sys.exit(f"NOT RUN: {browser.HOW_TO_GET}")
    target = ROOT / "_build" / "screenshots"
    built = Path(sys.argv[1]) if len(sys.argv) > 1 else real_site()
    print(f"{take(built, target)} pictures in {target}")
