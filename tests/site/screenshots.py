"""Pictures of every page, on a phone and on a desktop, light and dark: `make screenshots`."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import browser
from site_builds import ROOT, pages, real_site


def take(site: Path, out: Path) -> int:
    """Write the pictures of all pages of `site` into `out`; returns how many."""
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    sizes = {"phone": browser.PHONE, "desktop": browser.DESKTOP}
    with browser.served(site) as base, browser.launched() as chromium:
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
