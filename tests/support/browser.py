"""Headless Chromium that can reach the built site and nothing else.

The browser is the machine's own: Playwright is used without downloading one.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, sync_playwright

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
HOW_TO_GET = (
    "no Chromium found. Debian and Ubuntu: apt install chromium. macOS: install Google Chrome. "
    "Elsewhere: set CHROMIUM to the path of a Chromium or Chrome."
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Belt and braces beside `_only_local`: no name resolves, so nothing can be reached.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def find() -> str | None:
    """The path of a Chromium on this machine, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    return next(filter(None, map(shutil.which, NAMES)), str(MAC) if MAC.exists() else None)


@contextmanager
def launched() -> Iterator[Browser]:
    """Start the browser, with a profile of its own that is thrown away.

    Without one, the test that asks for it fails in CI and is told as not run elsewhere.
    """
    if find() is None:
        if os.environ.get("CI"):
            pytest.fail(HOW_TO_GET)
        pytest.skip(f"NOT RUN: {HOW_TO_GET}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and prints nothing."""

    def log_message(self, *args: object) -> None:
        """Say nothing: the test reports what went wrong."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # one that keeps its connections must not keep the test

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where a page was closed in the middle of a file."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def served(site: Path, handler: type[SimpleHTTPRequestHandler] = Quiet) -> Iterator[str]:
    """Serve a folder on a free local port and give its address."""
    server = _Server(("127.0.0.1", 0), partial(handler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Visit:
    """An open page, and everything that went wrong on it."""

    page: Page
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def visit(
    browser: Browser, base: str, path: str, size: dict[str, int], scheme: str = "light"
) -> Iterator[Visit]:
    """Open a page of the site in a fresh context, with the theme that `scheme` names."""
    context = browser.new_context(viewport=size, color_scheme=scheme, has_touch=size == PHONE)  # type: ignore[arg-type]
    try:
        context.set_default_timeout(60_000)  # a machine may have other things to do
        seen = Visit(context.new_page())
        _watch(context, base, seen)
        seen.page.goto(base + path, wait_until="load")
        yield seen
    finally:
        context.close()


def _watch(context: BrowserContext, base: str, seen: Visit) -> None:
    """Note every request, and block and report those to another host."""

    def on_request(request: Request) -> None:
        seen.requests.append(request.url)

    def on_response(response: Response) -> None:
        if response.status >= 400:
            seen.problems.append(f"{response.status} for {response.url}")

    def on_failed(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a page that was left while it was loading
            seen.problems.append(f"request failed: {request.url}")

    def is_foreign(url: str) -> bool:
        return not url.startswith((base, "data:", "blob:"))

    def block(route):
        seen.problems.append(f"request to another host: {route.request.url}")
        route.abort()

    context.route(is_foreign, block)
    page = seen.page
    page.on("request", on_request)
    page.on("response", on_response)
    page.on("requestfailed", on_failed)
    page.on("pageerror", lambda e: seen.problems.append(f"error on the page: {e}"))
    page.on(
        "console",
        lambda m: seen.problems.append(f"console: {m.text}") if m.type == "error" else None,
    )


UNVEIL = """() => document.querySelectorAll(".course-veiled")
    .forEach(veil => veil.classList.remove("course-veiled"))"""


def scroll_through(page: Page, figures: str = ".course-fig") -> None:
    """Scroll to every figure, so that it is drawn, and wait until all are done or have failed.

    What a box that asks still veils is shown first: nothing in it can be scrolled to.
    """
    page.evaluate(UNVEIL)
    for figure in page.query_selector_all(figures):
        figure.scroll_into_view_if_needed()
        page.wait_for_function("f => f.dataset.state", arg=figure, timeout=20_000)
    page.evaluate("window.scrollTo(0, 0)")


def whole(page: Page, path: Path) -> None:
    """Take a picture of the whole page, as tall as it is: figures draw anew when a window grows."""
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": page.viewport_size["width"], "height": height})  # type: ignore[index]
    page.wait_for_timeout(1500)
    page.screenshot(path=path)
