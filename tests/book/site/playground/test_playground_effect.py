"""After a click the reader sees what it did, without scrolling: bar, puzzles, opening."""

import json
import re

import pytest
from bs4 import BeautifulSoup

from mi_course import ablation, hooks
from mi_course.book.site.playground import SECTIONS
from support import axe
from support.playground import browser
from support.site_builds import real_site

pytestmark = pytest.mark.browser

PAGE = "book/playground.html"
PHRASE = " queen hat stone lamp queen hat stone"
NARROW = {"width": 360, "height": 700}


def ready(page):
    page.wait_for_selector("#pg-root[data-state=ready]")


@pytest.fixture(scope="module")
def desk(chromium, base):
    with browser.visit(chromium, base, PAGE, browser.DESKTOP) as visit:
        ready(visit.page)
        yield visit.page
        assert visit.problems == []


@pytest.fixture(scope="module")
def phone(chromium, base):
    with browser.visit(chromium, base, PAGE, browser.PHONE) as visit:
        ready(visit.page)
        yield visit.page
        assert visit.problems == []


@pytest.fixture(params=["desk", pytest.param("phone", marks=pytest.mark.slow)])
def page(request):
    opened = request.getfixturevalue(request.param)
    opened.get_by_role("button", name="Reset", exact=True).click()
    return opened


@pytest.fixture
def desktop(desk):
    desk.mouse.move(0, 0)
    desk.get_by_role("button", name="Reset", exact=True).click()
    desk.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    return desk


def switch(page, part):
    return page.get_by_role("button", name=re.compile(f"^{re.escape(part)}: "))


def bar(page, column="now"):
    """What a column of the bar says: the word, and the logit difference."""
    word, difference = page.locator(f".pg-effect td.pg-{column}").all_inner_texts()
    return word.split(" ")[0].replace("␣", " "), float(difference.replace("−", "-"))


def in_view(page, selector):
    """Whether an element is wholly on the screen, and nothing lies over its middle."""
    return page.eval_on_selector(
        selector,
        """e => {
            const r = e.getBoundingClientRect();
            const over = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
            return r.top >= 0 && r.bottom <= innerHeight && e.contains(over);
        }""",
    )


def said(pocket, *off):
    """The most probable token after the phrase without some heads, and the logit difference."""
    tokens = pocket.to_tokens(PHRASE)
    made = ablation.ablation_hooks(pocket, tokens, off, "zero")
    logits = hooks.run_with_hooks(pocket, tokens, made)[0, -1]
    lamp, stone = (hooks.single_token(pocket, name) for name in (" lamp", " stone"))
    difference = pytest.approx(float(logits[lamp] - logits[stone]), abs=0.006)
    return pocket.to_single_str_token(int(logits.argmax())), difference


def test_the_page_opens_where_one_click_breaks_the_model(desktop, pocket):
    assert desktop.get_by_label("Prompt", exact=True).input_value() == PHRASE
    assert bar(desktop) == said(pocket)
    switch(desktop, "Head 0.2").click()
    assert bar(desktop, "before") == said(pocket)
    assert bar(desktop) == said(pocket, (0, 2))
    assert (said(pocket)[0], said(pocket, (0, 2))[0]) == (" lamp", " stone")
    assert desktop.locator("td.pg-flipped").count() == 1


def test_it_opens_with_an_induction_head(desktop):
    rows = desktop.locator("#pg-scores tbody tr").all_inner_texts()
    induction = {r.split("\t")[0]: float(r.split("\t")[4]) for r in rows if "." in r.split("\t")[0]}
    assert desktop.locator("#pg-patterns h3").last.inner_text() == "Head 1.1, with the changes"
    assert max(induction, key=induction.__getitem__) == "1.1"
    assert induction["1.1"] > 0.5


def test_after_a_click_its_effect_is_on_the_screen(page, pocket):
    for part in ("Head 0.2", "Positional embeddings"):
        switch(page, part).scroll_into_view_if_needed()
        switch(page, part).click()
        assert in_view(page, ".pg-effect")
    before, now = bar(page, "before"), bar(page)
    assert before == said(pocket)
    assert now[1] < before[1] - 5


@pytest.mark.slow
def test_on_a_narrow_screen_the_bar_stays_too(chromium, base):
    with browser.visit(chromium, base, PAGE, NARROW) as visit:
        ready(visit.page)
        switch(visit.page, "Head 1.3").click()
        assert in_view(visit.page, ".pg-effect")
        assert visit.page.locator(".pg-effect").bounding_box()["height"] < 130
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 360


def test_each_change_is_undone_in_the_bar_and_all_at_once(page):
    before = bar(page)
    for part in ("Head 0.2", "Head 1.1", "MLP of layer 0"):
        switch(page, part).click()
    page.get_by_role("button", name="Undo head 1.1: zero").click()
    assert "change=0.2:zero,mlp0:zero&" in page.url
    assert in_view(page, ".pg-active")
    page.get_by_role("button", name="Undo all").click()
    assert "change=" not in page.url
    assert bar(page) == before
    assert page.evaluate("document.activeElement.className") == "pg-active"


def test_resting_on_a_head_previews_its_ablation_and_changes_nothing(desktop, pocket):
    address, now = desktop.url, bar(desktop)
    switch(desktop, "Head 0.2").hover()
    desktop.wait_for_selector(".pg-previews")
    assert bar(desktop, "preview") == said(pocket, (0, 2))
    assert desktop.inner_text("th.pg-preview") == "without head 0.2"
    assert (desktop.url, bar(desktop)) == (address, now)
    desktop.mouse.move(0, 0)
    assert desktop.locator(".pg-previews").count() == 0

    switch(desktop, "Head 0.2").click()
    assert bar(desktop) == said(pocket, (0, 2))
    desktop.mouse.move(0, 0)
    switch(desktop, "Head 0.2").hover()
    desktop.wait_for_selector(".pg-previews")
    assert desktop.inner_text("th.pg-preview") == "head 0.2 back on"
    assert bar(desktop, "preview") == said(pocket)


def test_the_keyboard_previews_too_and_a_finger_does_not(desktop, phone, pocket):
    desktop.get_by_role("button", name=re.compile("^Enlarge the pattern of head 0.2")).focus()
    desktop.keyboard.press("Tab")
    desktop.wait_for_selector(".pg-previews")
    assert bar(desktop, "preview") == said(pocket, (0, 2))
    desktop.keyboard.press("Enter")
    assert bar(desktop) == said(pocket, (0, 2))

    phone.get_by_role("button", name="Reset", exact=True).tap()
    switch(phone, "Head 0.2").tap()
    phone.wait_for_timeout(150)
    assert phone.locator(".pg-previews").count() == 0
    assert bar(phone) == said(pocket, (0, 2))


@pytest.mark.slow
def test_a_patch_that_cannot_be_made_has_no_preview(desktop):
    desktop.get_by_label("its value in the second prompt").check()
    switch(desktop, "Head 0.2").hover()
    desktop.wait_for_timeout(150)
    assert desktop.locator(".pg-previews").count() == 0


def test_puzzles_stand_beside_the_patterns(desktop):
    box = desktop.locator(".pg-puzzle:has(> summary:text-is('Break induction with one click'))")
    box.locator("summary").first.click()
    box.get_by_role("button", name="Set it up").click()
    puzzle, patterns = (
        place.bounding_box() for place in (box, desktop.get_by_label("All patterns"))
    )
    assert puzzle["x"] > patterns["x"] + patterns["width"]
    assert puzzle["y"] < patterns["y"] + patterns["height"]
    for place in ('.pg-puzzle[open] button:has-text("Check")', ".pg-thumb", ".pg-effect"):
        assert in_view(desktop, place), place


def test_a_solved_puzzle_says_when_and_stays_solved(chromium, base):
    with browser.visit(chromium, base, PAGE, browser.PHONE) as visit:
        page = visit.page
        ready(page)
        title = page.locator(".pg-puzzle > summary").nth(1)
        mark = "e => getComputedStyle(e, '::after').content"
        assert page.get_by_text("0 of 5 solved").count() == 1
        title.click()
        page.get_by_role("button", name="Set it up").nth(0).click()
        page.get_by_role("button", name="Check").nth(0).click()
        assert "solved" not in title.evaluate(mark)  # nothing was changed yet
        switch(page, "Head 0.2").click()
        page.get_by_role("button", name="Check").nth(0).click()
        page.get_by_text("1 of 5 solved").wait_for()
        kept = json.loads(page.evaluate("localStorage.getItem('mi-course-progress')"))
        day = kept["puzzles"]["break-induction"][:10]
        page.reload()
        ready(page)
        assert "✓ solved" in title.evaluate(mark)
        title.click()
        assert page.get_by_text(f"You solved this puzzle on {day}").is_visible()
    assert visit.problems == []


def test_a_long_prompt_is_no_wall_of_tokens(page):
    page.get_by_label("Prompt", exact=True).fill(" dog" * 127)
    page.wait_for_function("document.querySelectorAll('#pg-tokens .pg-token').length == 128")
    strips = page.locator(".pg-strip")
    assert strips.count() == 3
    assert max(strip.bounding_box()["height"] for strip in strips.all()) < 170
    page.locator("#pg-tokens").evaluate("e => e.scrollIntoView({ behavior: 'instant' })")
    assert in_view(page, "#pg-tokens .pg-token[aria-pressed=true]")  # the last, which is read


def test_a_refused_text_leaves_no_old_prediction(page):
    assert page.get_by_text("lamp 96").or_(page.get_by_text("96.3 %")).first.is_visible()
    page.get_by_label("Prompt", exact=True).fill("dog " * 200)
    page.get_by_text("The prompt is too long").wait_for()
    assert not page.locator(".pg-effect").is_visible()
    assert "%" not in page.inner_text("#pg-root")
    assert "lamp" not in page.inner_text("#pg-root")


def test_buttons_are_large_enough_for_a_finger(phone):
    phone.get_by_role("button", name="Reset", exact=True).click()
    switch(phone, "Head 0.2").click()
    for each in (".pg-switch", ".pg-thumb", ".pg-active button", ".pg-token"):
        boxes = [b.bounding_box() for b in phone.locator(f"button{each}, {each}:is(button)").all()]
        assert boxes
        assert min(min(b["width"], b["height"]) for b in boxes) >= 44, each


def test_the_pages_contents_name_its_sections(desktop):
    html = BeautifulSoup((real_site() / PAGE).read_text("utf8"), "html.parser")
    links = [(a["href"][1:], a.get_text().strip()) for a in html.select(".page-toc a.nav-link")]
    assert links[: len(SECTIONS)] == list(SECTIONS.items())
    made = desktop.eval_on_selector_all(
        "section.pg-section", "all => all.map(s => [s.id, s.querySelector('h2').innerText])"
    )
    assert made == [list(item) for item in SECTIONS.items()]
    desktop.locator(".page-toc").get_by_text("Logit lens").click()
    desktop.wait_for_function(
        "document.querySelector('#pg-lens').getBoundingClientRect().top < 300"
    )
    desktop.wait_for_selector(".page-toc a[href='#pg-lens'][aria-current=true]")
    assert in_view(desktop, "#pg-lens h2")


@pytest.mark.slow
def test_a_theme_that_changes_while_the_page_opens_harms_nothing(chromium, base):
    flicker = """setInterval(() => {
        const root = document.documentElement;
        root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    }, 5)"""
    page = chromium.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(flicker)
    page.goto(base + PAGE)
    ready(page)
    assert errors == []
    page.close()


@pytest.mark.slow
def test_axe_finds_nothing_while_the_page_is_used(page):
    switch(page, "Head 0.2").click()
    axe.prepare(page)
    found = [*axe.violations(page, "light"), *axe.violations(page, "dark")]
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert found == []
