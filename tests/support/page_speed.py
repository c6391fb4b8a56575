"""How a page loads on a slow line: what arrives before it is seen, and what moves after that.

The site is served as a host would, gzipped and over connections that are kept. Chromium's own
emulation of a line and of a slow processor does the rest.
"""

from __future__ import annotations

import gzip
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page

from support import browser

BITS_PER_S = 1.6e6
LATENCY_MS = 150
CPU_SLOWDOWN = 4
TEXT = (".html", ".js", ".css", ".svg", ".json", ".md", ".txt")

# Set before anything of the page runs; `speed` is read when the page has come to rest.
WATCH = """
window.speed = { lcp: 0, lcpIs: "", blocking: 0, shift: 0, shifts: [] };
const on = (type, each) => new PerformanceObserver((list) => list.getEntries().forEach(each))
    .observe({ type, buffered: true });
on("largest-contentful-paint", (e) => {
    speed.lcp = e.startTime;
    speed.lcpIs = e.element ? e.element.outerHTML.slice(0, 90) : "";
});
on("longtask", (e) => (speed.blocking += e.duration - 50));
on("layout-shift", (e) => {
    if (e.hadRecentInput) return;
    speed.shift += e.value;
    const node = e.sources[0]?.node;
    const what = node && (node.outerHTML || node.textContent).slice(0, 90);
    speed.shifts.push(`${e.value.toFixed(3)} at ${Math.round(e.startTime)}: ${what}`);
});
"""


class _Host(browser.Quiet):
    """Serves files gzipped, and keeps the connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            path /= "index.html"
        if not path.is_file():
            self.send_error(404)
            return
        body = _body(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Length", str(len(body)))
        if path.suffix in TEXT:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)


@cache
def _body(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.compress(content, mtime=0) if path.suffix in TEXT else content


def hosted(site: Path) -> AbstractContextManager[str]:
    """Serve a folder as a host does, on a free local port, and give its address."""
    return browser.served(site, _Host)


@dataclass
class Load:
    """How a page came.

    Attributes:
        lcp_s: seconds to the largest contentful paint. `lcp_is`: what that painted.
        blocking_s: what of every task that held the page up was longer than 50 ms, added up.
        shift: the sum of all layout shifts. `shifts`: each, and what moved.
        bytes_before: bytes that had arrived by the largest contentful paint, `requests_before`
            the requests that were begun by then. `bytes`: all, at rest.
        ready_s: seconds until what the caller waits for was there, if they do.
    """

    lcp_s: float
    lcp_is: str
    blocking_s: float
    shift: float
    shifts: list[str]
    bytes_before: int
    requests_before: int
    bytes: int
    ready_s: float | None = None


@dataclass
class _Traffic:
    """What Chromium says of the network: (seconds since the page was asked for, bytes)."""

    begun: float | None = None
    arrived: list[tuple[float, int]] = field(default_factory=list)
    asked: list[tuple[float, str]] = field(default_factory=list)

    def on_request(self, event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith("data:"):
            return
        if self.begun is None:
            self.begun = event["timestamp"]
        self.asked.append((event["timestamp"] - self.begun, event["request"]["url"]))

    def on_data(self, event: dict[str, Any]) -> None:
        if self.begun is not None:
            self.arrived.append((event["timestamp"] - self.begun, event["encodedDataLength"]))


def slow_down(session: CDPSession, *, line: bool = True, processor: bool = True) -> None:
    """Make a page's line slow, its processor slow, or both."""
    session.send("Network.enable")
    if line:
        rate = BITS_PER_S / 8
        session.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": LATENCY_MS,
                "downloadThroughput": rate,
                "uploadThroughput": rate,
            },
        )
    if processor:
        session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})


def load(
    chromium: Browser,
    address: str,
    size: dict[str, int] = browser.DESKTOP,
    *,
    processor: bool = True,
    ready: str | None = None,
    scroll: bool = False,
    patience_s: float = 30,
) -> Load:
    """Open a page for the first time on a slow line, and measure.

    Args:
        chromium: the browser.
        address: of the page.
        size: of the window.
        processor: whether that is slow too.
        ready: an expression that holds when the page can be used.
        scroll: whether to read on to the end of the page, a screen at a time, as one does: what
            moves then counts too.
        patience_s: seconds that it may take to come to rest.
    """
    context = chromium.new_context(viewport=size)  # type: ignore[arg-type]
    try:
        page = context.new_page()
        page.add_init_script(WATCH)
        session, traffic = context.new_cdp_session(page), _Traffic()
        session.on("Network.requestWillBeSent", traffic.on_request)
        session.on("Network.dataReceived", traffic.on_data)
        slow_down(session, processor=processor)
        page.goto(address, wait_until="commit", timeout=patience_s * 1000)
        ready_s = None
        if ready:
            page.wait_for_function(ready, timeout=patience_s * 1000)
            ready_s = page.evaluate("performance.now()") / 1000
        page.wait_for_load_state("load", timeout=patience_s * 1000)
        _rest(page, traffic, patience_s)
        said = page.evaluate("speed")
        if scroll:
            _read_on(page)
            _rest(page, traffic, patience_s)
            said |= {key: page.evaluate("speed")[key] for key in ("shift", "shifts")}
    finally:
        context.close()
    lcp_s = said["lcp"] / 1000
    return Load(
        lcp_s,
        said["lcpIs"],
        said["blocking"] / 1000,
        said["shift"],
        said["shifts"],
        sum(size for at, size in traffic.arrived if at <= lcp_s),
        sum(at <= lcp_s for at, _ in traffic.asked),
        sum(size for _, size in traffic.arrived),
        ready_s,
    )


def _rest(page: Page, traffic: _Traffic, patience_s: float) -> None:
    """Wait until for a while nothing has come over the line."""
    end = time.monotonic() + patience_s
    before = -1
    while (now := len(traffic.arrived) + len(traffic.asked)) != before:
        before = now
        page.wait_for_timeout(600)
        assert time.monotonic() < end, "the page does not come to rest"


# Figures on the screen are drawn and formulas typeset, or what is wrong with them was said.
_SEEN = """() => [...document.querySelectorAll(".course-fig, .math")].every(e => {
    const { top, bottom } = e.getBoundingClientRect();
    return top > innerHeight || bottom < 0 || !e.checkVisibility() ||
        e.dataset.state || e.dataset.typeset;
})"""


def _read_on(page: Page) -> None:
    """Scroll to the end of the page, a screen at a time. Scrolling by script is no input.

    A reader takes longer for a screen than a machine that is busy with other things takes to draw
    what is on it; so each is waited for.
    """
    height = page.evaluate("innerHeight")
    top = 0
    while top < page.evaluate("document.documentElement.scrollHeight"):
        top += height
        page.evaluate("top => scrollTo({ top, behavior: 'instant' })", top)
        page.wait_for_function(_SEEN, timeout=60_000)
        page.wait_for_timeout(60)
