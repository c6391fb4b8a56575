"""Predicting in a browser: what is veiled and what never is, what is kept, and what is told."""

from __future__ import annotations

import json
import shutil

import pytest

from mi_course.book.site import learner_ext
from support import axe, browser, site_builds
from support.outside import ROOT
from support.small_site import build

pytestmark = pytest.mark.browser

A = "book/week1/a.html"
SMALL = {"width": 360, "height": 740}
CHAPTER = """# A chapter

## First

```{predict} the loss
:exact: 2.303
:unit: nats
:form: .2f
:why: It is the logarithm.
What is it?
```

veiled number

## Second

```{predict} the end
:exact: 2
Where?

- near 1
- near 0

By heart.
```

veiled choice

(inner)=
veiled target

## Third

```{predict} which loop
:kind: order
:exact: 3, 1, 2
Sort.

- a
- b
- c

So.
```

veiled order

## Fourth

```{predict} told later
:exact: 8
:veil: later
:why: Because.
How many?
```

open

## Recall

```{told} told later
```

```{recall} the null patch
:right: 2
What?

- this
- that

Because.
```
"""
VEILED = ("veiled number", "veiled choice", "veiled target", "veiled order")


# Where things moved without anyone touching the page, by the browser's own measure.
SHIFTS = """() => new Promise((done) => {
    let sum = 0;
    const add = (e) => { sum += e.hadRecentInput ? 0 : e.value; };
    new PerformanceObserver((list) => list.getEntries().forEach(add))
        .observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done(sum), 300);
})"""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    pages = {"book/week1/index": "# Week 1\n\n[there](a.md)\n", "book/week1/a": CHAPTER}
    pages["book/tracker"] = "# Tracker\n\n```{course-tracker}\n```\n\n```{course-tracker} 1\n```\n"
    build(folder, pages, learner_ext.__name__)
    for file in (ROOT / "book" / "_static").glob("*.*s"):
        shutil.copy(file, folder / "out" / "_static")
    with browser.served(folder / "out") as address:
        yield address


@pytest.fixture
def page(chromium, base):
    with browser.visit(chromium, base, A, SMALL) as seen:
        seen.page.set_default_timeout(5000)
        yield seen.page
        assert seen.problems == []


def seen_of(page):
    """Which of the veiled texts can be seen."""
    return [text for text in VEILED if page.get_by_text(text, exact=True).is_visible()]


def box(page, name):
    return page.locator(f"[data-predict='{name}']")


def kept(page):
    return json.loads(page.evaluate("localStorage.getItem('mi-course-progress')") or "{}")


def say_number(page, text, sure="certain"):
    box(page, "the loss").locator("input[type=text]").fill(text)
    box(page, "the loss").locator(f"[data-sure={sure}]").click()


def test_answers_are_told_kept_summed_up_and_exported(page, base):
    assert seen_of(page) == []
    say_number(page, "many")
    assert "Write a number first" in box(page, "the loss").text_content()
    assert seen_of(page) == []
    say_number(page, "7,3")
    line = box(page, "the loss").get_by_role("status")
    told = "Not right. You said 7.3 nats (certain). It is 2.30 nats: 5 nats too high."
    assert line.text_content() == told
    assert page.evaluate("document.activeElement.className").startswith("course-said-so")
    assert seen_of(page) == ["veiled number"]
    end = box(page, "the end")
    end.locator("[data-sure=guess]").click()
    assert "Choose one first" in end.text_content()
    end.get_by_label("near 0").check()
    end.locator("[data-sure=guess]").click()
    assert end.get_by_role("status").text_content() == (
        "Right. You said “near 0” (a guess). It is “near 0”."
    )
    assert end.get_by_text("By heart.").is_visible()
    loop = box(page, "which loop")
    options = loop.locator("button.course-option")
    for n in (2, 1, 0, 1):  # b loses its place
        options.nth(n).click()
    assert [one.text_content() for one in options.all()] == ["2. a", "b", "1. c"]
    loop.locator("[data-sure=fairly]").click()
    assert "Tap every one of them first" in loop.text_content()
    options.nth(0).click()
    options.nth(1).click()
    options.nth(0).click()
    loop.locator("[data-sure=fairly]").click()
    said = loop.get_by_role("status").text_content()
    assert "“c; b; a” (fairly sure). It is “c; a; b”: 1 of 3 pairs stand the wrong way" in said
    later, told_later = box(page, "told later"), page.locator(".course-told")
    assert not told_later.is_visible()
    later.locator("input[type=text]").fill("1,000")
    later.locator("[data-sure=guess]").click()
    said = later.get_by_role("status").text_content()
    assert said == "You said 1000 (a guess). What it is stands below, at the result."
    assert told_later.text_content() == "Not right. You said 1000 (a guess). It is 8: 992 too high."
    recall = box(page, "the null patch")
    assert not recall.get_by_text("Because.").is_visible()
    recall.get_by_role("button", name="that").click()
    assert recall.get_by_text("Because.").is_visible()

    page.reload()
    assert page.evaluate(SHIFTS) < 0.01
    assert seen_of(page) == list(VEILED)
    assert line.text_content() == told
    assert "992 too high" in told_later.text_content()
    assert not box(page, "the loss").locator("form").is_visible()
    page.goto(f"{base}book/week1/index.html")
    assert page.text_content(".course-predict-week output") == (
        "1 of 4 right. Guess: 1 of 2. Fairly sure: 0 of 1. Certain: 0 of 1. Certain and wrong: "
        "the loss. Half of the numbers are off by 217 % or less. 1 of 1 recalled."
    )
    page.goto(f"{base}book/tracker.html")
    with page.expect_download() as waiting:
        page.click("button[data-do=markdown]")
    text = waiting.value.path().read_text("utf8")
    assert "# Predictions\n\nWeek 1: 1 of 4 right. Guess" in text
    assert ": said 7.3 | was 2.30 | nats" in text


def test_what_is_never_veiled(page, base, chromium):
    box(page, "the end").get_by_role("button", name="Show me").click()
    assert seen_of(page) == ["veiled choice", "veiled target"]
    said = box(page, "the end").get_by_role("status").text_content()
    assert said == "You asked to see it. It is “near 0”."
    assert list(kept(page)["shown"]) == ["the end"]
    assert kept(page)["predictions"] == {}
    for address, seen in {
        "": ["veiled choice", "veiled target"],
        "?highlight=loss": list(VEILED),
        "#third": ["veiled choice", "veiled target", "veiled order"],
        "#a-chapter": ["veiled choice", "veiled target"],
    }.items():
        page.goto("about:blank")
        page.goto(f"{base}{A}{address}")
        assert seen_of(page) == seen, address
    page.evaluate("localStorage.setItem('sphinx_highlight_terms', 'loss')")  # as a search does
    page.goto("about:blank")
    page.goto(f"{base}{A}")
    assert seen_of(page) == list(VEILED)
    page.evaluate("localStorage.clear()")
    page.evaluate("sessionStorage.setItem('mi-course-continues', 'yes')")
    page.goto("about:blank")
    page.goto(f"{base}{A}#third")  # by the link to where one left off
    assert seen_of(page) == []
    page.goto("about:blank")
    page.goto(f"{base}{A}#third")
    assert seen_of(page) == ["veiled order"]
    page.goto("about:blank")
    page.goto(f"{base}{A}")
    assert seen_of(page) == []
    page.evaluate("location.hash = 'second'")  # as the contents of the page do: nothing is told
    page.wait_for_timeout(50)
    assert seen_of(page) == []
    page.evaluate("location.hash = 'inner'")
    page.get_by_text("veiled target", exact=True).wait_for()
    assert seen_of(page) == ["veiled choice", "veiled target"]
    page.emulate_media(media="print")
    assert seen_of(page) == list(VEILED)
    assert not page.locator("form").first.is_visible()
    page.emulate_media(media="screen")
    box(page, "the loss").get_by_role("switch").check()
    assert seen_of(page) == list(VEILED)
    assert box(page, "which loop").get_by_role("switch").is_checked()
    page.goto("about:blank")
    page.goto(f"{base}{A}")
    assert seen_of(page) == list(VEILED)
    box(page, "which loop").get_by_role("switch").uncheck()
    assert seen_of(page) == []
    context = chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"{base}{A}")
    assert seen_of(plain) == list(VEILED)
    assert plain.get_by_text("near 1").first.is_visible()
    assert not plain.locator("form").first.is_visible()
    context.close()


@pytest.mark.slow
def test_without_storage_it_works_for_the_visit_and_says_so(chromium, base):
    page = chromium.new_page()
    off = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('off') }})"
    page.add_init_script(off)
    page.goto(f"{base}{A}")
    assert seen_of(page) == []
    say_number(page, "2.3", "guess")
    said = box(page, "the loss").get_by_role("status").text_content()
    assert said.startswith(
        "Right. You said 2.3 nats (a guess). It is 2.30 nats: 0.003 nats too low."
    )
    assert "keeps nothing" in said
    assert seen_of(page) == ["veiled number"]
    box(page, "the end").get_by_role("switch").check()
    assert seen_of(page) == list(VEILED)
    page.reload()
    assert seen_of(page) == []
    page.close()


@pytest.mark.slow
def test_the_keyboard_answers(page):
    box(page, "the loss").locator("input[type=text]").focus()
    page.keyboard.type("2.3")
    page.keyboard.press("Enter")  # how sure is still to be said
    assert seen_of(page) == []
    assert page.evaluate("document.activeElement.dataset.sure") == "guess"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert kept(page)["predictions"]["the loss"]["sure"] == "fairly"
    box(page, "the end").locator("input").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert kept(page)["predictions"]["the end"]["said"] == "near 0"
    box(page, "which loop").locator("button").first.focus()
    for _ in range(3):
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert kept(page)["predictions"]["which loop"]["said"] == "a; b; c"


TOO_SMALL = """() => {
    const controls = ".course-predict form :is(button, label, input[type=text])";
    return [...document.querySelectorAll(controls)]
        .filter((e) => e.checkVisibility() && !e.classList.contains("visually-hidden"))
        .filter((e) => Math.min(e.offsetHeight, e.offsetWidth) < 44)
        .map((e) => e.outerHTML);
}"""
REAL = "book/week1/01_mlp_mnist.html"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_chapter_on_a_small_phone(chromium, scheme):
    site = site_builds.real_site()
    with (
        browser.served(site) as address,
        browser.visit(chromium, address, REAL, SMALL, scheme) as seen,
    ):
        page = seen.page
        assert page.locator(".course-veil:not(.course-veiled)").count() == 0
        assert page.locator(".course-veiled").count() > 0
        assert page.evaluate(TOO_SMALL) == []
        for answered in (False, True):
            assert page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"]
            axe.prepare(page)
            assert axe.violations(page, scheme) == []
            if not answered:
                page.reload()
                for one in page.locator("[data-do=show], .course-ask-recall button").all():
                    if one.is_visible():
                        one.click()
                page.goto("about:blank")
                page.goto(f"{address}{REAL}")
                assert page.locator(".course-predict form:visible").count() == 0
                assert page.evaluate(SHIFTS) < 0.01
        assert seen.problems == []
