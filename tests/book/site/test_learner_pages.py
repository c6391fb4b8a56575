"""The tracker, ticks and definitions in a browser, with the files that the command line writes."""

from __future__ import annotations

import json
import re

import pytest

from mi_course import predict
from mi_course.cli.main import main
from mi_course.learner import export, predictions, progress, weeklog
from support import browser
from support.outside import ROOT

pytestmark = pytest.mark.browser

TRACKER = "book/tracker.html"
CHAPTER = "book/week2/02_induction_heads.html"


@pytest.fixture(scope="module")
def chromium(base):
    with browser.launched() as launched:
        yield launched


@pytest.fixture
def page(chromium, base):
    with browser.visit(chromium, base, TRACKER, browser.DESKTOP) as seen:
        yield seen.page
        assert seen.problems == []


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """Logs of the command line with everything in them that could go wrong on the way."""
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MI_COURSE_PROGRESS")
    nasty = "<img src=x onerror=document.title='run'> & \"quotes\" ü 日本"
    own = [(weeklog.TASKS, "mine", True), (weeklog.DELIVERABLES, nasty, False)]
    hours = {"Day 1": 2.5, "Tuesday": 3.0}
    notes = f"{nasty}\n\nsecond"
    for log in (
        weeklog.Week(1, {"w1-mlp"}, own, [nasty, "b"], ["c"], hours, notes),
        weeklog.Week(4, {"w4-write", "w4-plot"}),
    ):
        progress.write(weeklog.path(log.week), weeklog.render(log))
    progress.passed("attention")


SAID = ".course-tracker .course-said"


def give(page, name, text):
    data = text if isinstance(text, bytes) else text.encode()
    file = {"name": name, "mimeType": "text/plain", "buffer": data}
    page.set_input_files("input[type=file]", file)
    page.wait_for_function(f"document.querySelector('{SAID}').textContent")
    said = page.text_content(SAID)
    page.evaluate(f"document.querySelector('{SAID}').textContent = ''")
    return said


def written(page, button):
    with page.expect_download() as waiting:
        page.click(f"button[data-do={button}]")
    return waiting.value.path().read_text("utf8")


def test_files_of_the_command_line_go_in_and_come_out_as_they_were(page, logs):
    assert "Imported a.json" in give(page, "a.json", export.as_json())
    assert written(page, "json") == export.as_json()
    assert written(page, "markdown") == export.as_markdown()
    again = give(page, "again.json", export.as_json())
    assert (
        again == "Imported again.json. Everything in it was here already, and nothing was changed."
    )
    assert written(page, "json") == export.as_json()


def test_markdown_of_the_command_line_goes_in_and_comes_out_as_it_was(page, logs):
    assert "Imported a.md" in give(page, "a.md", export.as_markdown())
    assert written(page, "markdown") == export.as_markdown()


def test_imported_text_is_never_run(page, logs):
    give(page, "a.json", export.as_json())
    assert page.locator(".course-week img").count() == 0
    assert page.title() != "run"
    assert "<img" in page.locator(".course-own").nth(1).text_content()


GOOD = {"format": "mi-course-progress", "version": 1, "exercises": {}, "weeks": {}}


BAD_FILES = [
    ("a.json", "{", "no valid JSON"),
    ("a.json", "[]", "not written by this course"),
    ("a.json", "null", "not written by this course"),
    ("a.json", json.dumps(GOOD | {"version": 2}), "its version is 2"),
    ("a.json", json.dumps(GOOD | {"weeks": []}), "missing"),
    ("a.json", json.dumps(GOOD | {"weeks": {"9": {}}}), "no week 9"),
    ("a.json", json.dumps(GOOD | {"weeks": {"1": {"done": [3]}}}), "no list of texts"),
    ("a.json", json.dumps(GOOD | {"weeks": {"1": {"hours": {"a": 99}}}}), "between 0 and 24"),
    ("a.json", json.dumps(GOOD | {"weeks": {"1": {"notes": {}}}}), "are no text"),
    ("a.json", json.dumps(GOOD | {"weeks": {"1": {"own": [{}]}}}), "own items"),
    ("a.json", json.dumps(GOOD | {"exercises": {"a": "never"}}), "no date"),
    ("a.md", "# Shopping\n\n- [x] milk\n", "Week 1 Log"),
    ("a.md", "# Week 7 Log\n", "no week 7"),
    ("a.txt", "\0\1", "Week 1 Log"),
]


def test_a_bad_file_is_refused_with_a_reason_and_changes_nothing(page, logs):
    give(page, "good.json", export.as_json())
    before = page.evaluate("localStorage.getItem('mi-course-progress')")
    for name, text, why in BAD_FILES:
        said = give(page, name, text)
        assert f"{name} was not imported, and nothing was changed" in said, text
        assert why in said
        assert page.evaluate("localStorage.getItem('mi-course-progress')") == before, text


def test_the_form_works_with_the_keyboard_and_outlives_a_reload(page):
    week = page.locator(".course-week[data-week='2']")
    box = week.locator("[data-item]").first
    box.focus()
    page.keyboard.press("Space")
    week.locator("[name=learnings]").focus()
    page.keyboard.type("one\ntwo")
    week.locator("[name=day]").focus()
    page.keyboard.type("Monday")
    page.keyboard.press("Tab")
    page.keyboard.type("2.5")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.reload()
    assert box.is_checked()
    assert week.locator("[name=learnings]").input_value() == "one\ntwo"
    n_items = len(weeklog.plan(2)["items"])
    assert f"1 of {n_items} items, 2.5 h of 12" in week.locator(".course-bar").text_content()
    week.get_by_role("button", name="Remove Monday").press("Enter")
    assert "0 h of 12" in week.locator(".course-bar").text_content()


def test_every_control_has_a_name_for_a_screen_reader(page):
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('article :is(input, textarea, button, progress)')]
        .filter(e => !(e.labels?.length || e.textContent.trim() || e.ariaLabel))
        .map(e => e.outerHTML)"""
    )
    assert nameless == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_every_item_is_on_the_page_and_nothing_else_is(page):
    shown = page.evaluate("[...document.querySelectorAll('[data-item]')].map(e => e.dataset.item)")
    items = [item["id"] for week in weeklog.tracker()["weeks"] for item in week["items"]]
    assert sorted(shown) == sorted(items)


def test_in_print_the_buttons_are_gone_and_the_items_stay(page):
    page.emulate_media(media="print")
    assert not page.locator(".course-buttons").is_visible()
    assert page.locator("[data-item]").first.is_visible()


def test_clearing_asks_first(page):
    page.locator("[data-item]").first.check()
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.click("button[data-do=clear]")
    assert page.locator("[data-item]").first.is_checked()
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("button[data-do=clear]")
    assert not page.locator("[data-item]").first.is_checked()


def fill_the_storage(page):
    """Until nothing more fits in."""
    page.evaluate(
        """() => {
        for (let size = 2 ** 22, i = 0; size >= 1; size = Math.floor(size / 2))
            for (;;) {
                try { localStorage.setItem(`filler-${i}`, "x".repeat(size)); i++; } catch { break; }
            }
        }"""
    )


def test_what_a_full_storage_does_not_keep_is_said_and_stays_on_the_page(page, logs):
    fill_the_storage(page)
    said = give(page, "a.json", export.as_json())
    assert "keeps nothing new" in said
    assert page.evaluate("localStorage.getItem('mi-course-progress')") is None
    week = page.locator(".course-week[data-week='1']")
    week.locator("[name=day]").fill("Sunday")
    week.locator("[name=hours]").fill("1.5")
    week.locator("button[data-do=add-time]").click()
    assert "keeps nothing new" in week.locator(".course-said").text_content()
    week.locator("[name=notes]").fill("typed on a full disk")
    week.locator("[data-item]").nth(3).check()
    assert week.locator("[name=notes]").input_value() == "typed on a full disk"
    log = json.loads(written(page, "json"))["weeks"]["1"]
    assert log["notes"] == "typed on a full disk"
    assert log["hours"] == {"Day 1": 2.5, "Tuesday": 3, "Sunday": 1.5}
    assert len(log["done"]) == 2
    page.evaluate("localStorage.removeItem('filler-0')")
    week.locator("[data-item]").nth(4).check()
    assert week.locator(".course-said").text_content() == ""
    page.reload()
    assert week.locator("[name=notes]").input_value() == "typed on a full disk"


def test_a_log_written_by_hand_loses_nothing_on_its_way_through_the_page(page):
    mine = "# Week 1 Log\n\n## Time Log\n\n- Thursday: 2:30 h\n- Friday: 2:90 h\n\n"
    mine += "# Why b_U matters\n\n- no learning\n\n```\n# a comment\n```\n"
    said = give(page, "week-1.md", mine)
    assert "Not counted as hours, and kept among the notes: “- Friday: 2:90 h”." in said
    text = written(page, "markdown")
    assert "- Thursday: 2.5 hrs" in text
    for line in mine.splitlines():
        assert line in text or "Thursday" in line
    assert "Imported again.md" in give(page, "again.md", text)
    assert written(page, "markdown") == text


def test_a_log_saved_by_an_editor_of_windows_keeps_its_letters(page):
    give(page, "week-1.md", "# Week 1 Log\r\n\r\ngrößer, 5 €\r\n".encode("cp1252"))
    assert json.loads(written(page, "json"))["weeks"]["1"]["notes"] == "größer, 5 €"


NO_HOURS = [
    ("Monday", "0.001", "hours up to 24"),
    ("Thursday: 2", "3", "cannot be called"),
    ("Monday", "25", "hours up to 24"),
    ("", "3", "Give a day"),
]


def test_hours_that_a_log_cannot_hold_are_refused(page):
    week = page.locator(".course-week[data-week='1']")
    for day, hours, words in NO_HOURS:  # no two in a row are refused in the same words
        week.locator("[name=day]").fill(day)
        week.locator("[name=hours]").fill(hours)
        week.locator("button[data-do=add-time]").click()
        assert words in week.locator(".course-said").text_content()
        assert json.loads(written(page, "json"))["weeks"]["1"]["hours"] == {}


def test_hours_of_one_day_add_up_and_that_is_said_where_one_acted(page):
    week = page.locator(".course-week[data-week='3']")
    for day, hours in (("Monday", "2"), ("monday", "1.5")):
        week.locator("[name=day]").fill(day)
        week.locator("[name=hours]").fill(hours)
        week.locator("[name=hours]").press("Enter")
    assert week.locator(".course-said").text_content() == "Monday: 1.5 hours added, 3.5 in all."
    assert week.locator(".course-time li").count() == 1
    week.locator("[name=day]").fill("Monday")
    week.locator("[name=hours]").fill("22")
    week.locator("[name=day]").press("Enter")
    assert "over 24" in week.locator(".course-said").text_content()
    assert "3.5 h of 12" in week.locator(".course-bar").text_content()
    assert page.text_content(SAID) == ""


def sidebar(page, week):
    """What a week's bar in the sidebar says: done, all."""
    bar = page.locator(f"nav.bd-links .course-week-bar[title^='Week {week}:']")
    return [int(bar.get_attribute(name)) for name in ("value", "max")]


def steps_of(capsys, week):
    """The same from the command line."""
    capsys.readouterr()
    assert main(["progress", "--root", str(ROOT)]) == 0
    (row,) = re.findall(rf"(?m)^{week} .* (\d+)/(\d+) +\S+ of 12$", capsys.readouterr().out)
    return [int(number) for number in row]


def test_half_a_week_here_and_half_there_are_one_week_on_both(
    chromium, base, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MI_COURSE_PROGRESS")
    for name in ("neuron_rows", "token_grid", "split_heads", "pattern_strip"):
        progress.passed(name)
    assert main(["log", "--week", "2", "--done", "w2-docs", "--time", "monday", "1"]) == 0
    with browser.visit(chromium, base, CHAPTER, browser.DESKTOP) as seen:
        seen.page.check("#course-finished")
        assert sidebar(seen.page, 2)[0] == 1
        seen.page.goto(base + TRACKER)
        week = seen.page.locator(".course-week[data-week='2']")
        week.locator("[data-item=w2-video]").check()
        assert sidebar(seen.page, 2)[0] == 2
        said = give(seen.page, "there.json", export.as_json())
        assert "Week 2: 1 task ticked." in said
        assert "Exercises passed elsewhere: neuron_rows, pattern_strip" in said
        einops = week.locator("[data-item=w2-einops]")
        assert (einops.is_checked(), einops.is_disabled()) == (True, True)  # four checks say so
        found = sidebar(seen.page, 2)
        assert found[0] == 1 + 1 + 1 + 4 + 1  # page, two ticks, four checks, and their task
        here = tmp_path / "here.json"
        here.write_text(written(seen.page, "json"), "utf8")
        assert seen.problems == []
    assert main(["import", str(here)]) == 0
    assert "Finished pages: week2/02_induction_heads." in capsys.readouterr().out
    assert steps_of(capsys, 2) == found
    assert "1 of 12" in next(line for line in shown(capsys) if line.startswith("2 "))


def test_a_week_finished_half_here_and_half_there_is_finished_on_both(
    chromium, base, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MI_COURSE_PROGRESS")
    plan = weeklog.plan(2)
    items = [item["id"] for item in plan["items"]]
    with browser.visit(chromium, base, TRACKER, browser.DESKTOP) as seen:
        page = seen.page
        (core,) = page.evaluate("coursePlan.filter(({ week }) => week === 2).map((w) => w.core)")
        for name in core:  # what `mi-course check` keeps
            progress.passed(name)
        assert main(["log", "--week", "2", "--done", *items[::2], "--time", "Friday", "2"]) == 0
        predict.number("the notebook's own", 3, "certain")
        predict.told("the notebook's own", 4.0, week=2)
        week = page.locator(".course-week[data-week='2']")
        for item in items[1::2]:
            week.locator(f"[data-item={item}]").check()
        for doc in plan["pages"]:
            page.goto(f"{base}book/{doc}.html")
            page.check("#course-finished")
        page.goto(base + CHAPTER)
        question = page.locator(".course-ask-choice").first
        question.locator(".course-option").first.click()
        question.locator("[data-sure=guess]").click()
        assert sidebar(page, 2)[0] < sidebar(page, 2)[1] > steps_of(capsys, 2)[0]

        page.goto(base + TRACKER)
        here = tmp_path / "here.json"
        here.write_text(written(page, "json"), "utf8")
        assert "Week 2: Friday: 2 hours." in give(page, "there.json", export.as_json())
        assert main(["import", str(here)]) == 0

        assert steps_of(capsys, 2) == sidebar(page, 2)
        assert len(set(sidebar(page, 2))) == 1
        n = len(items)
        assert week.locator(".course-bar output").text_content() == f"{n} of {n} items, 2 h of 12"
        row = next(line for line in shown(capsys) if line.startswith("2 "))
        parts = [len(core), n, len(plan["pages"])]
        assert re.findall(r"(\d+)/(\d+)", row)[:3] == [(str(part), str(part)) for part in parts]
        assert row.endswith("2 of 12")
        kept = page.evaluate("courseProgress.load().predictions")
        assert kept.keys() == {answer.name for answer in predictions.everything()}
        assert len(kept) == 2
        assert "was here already" in give(page, "again.json", export.as_json())
        assert seen.problems == []


def shown(capsys):
    capsys.readouterr()
    main(["progress", "--root", str(ROOT)])
    return capsys.readouterr().out.splitlines()


def test_clearing_takes_the_ticks_off_the_sidebar_too(chromium, base):
    with browser.visit(chromium, base, CHAPTER, browser.DESKTOP) as seen:
        seen.page.check("#course-finished")
        seen.page.goto(base + TRACKER)
        assert seen.page.locator(".course-tick").count() == 1
        seen.page.once("dialog", lambda dialog: dialog.accept())
        seen.page.click("button[data-do=clear]")
        assert seen.page.locator(".course-tick").count() == 0
        assert sidebar(seen.page, 2)[0] == 0


def test_a_finished_page_that_is_not_kept_is_not_ticked(chromium, base):
    with browser.visit(chromium, base, CHAPTER, browser.DESKTOP) as seen:
        seen.page.wait_for_timeout(500)  # the page notes where the reader is
        fill_the_storage(seen.page)
        seen.page.locator("#course-finished").click()
        assert not seen.page.locator("#course-finished").is_checked()
        assert "keeps nothing new" in seen.page.text_content(".course-finished")
        assert seen.page.locator(".course-tick").count() == 0


def test_a_finished_page_has_a_tick_and_the_first_page_leads_back(chromium, base):
    with browser.visit(chromium, base, CHAPTER, browser.DESKTOP) as seen:
        page = seen.page
        assert page.locator(".course-tick").count() == 0
        page.locator("#course-finished").check()
        assert page.locator("nav.bd-links .course-tick").count() == 1
        page.evaluate(
            "document.querySelector('#random-tokens-twice').scrollIntoView({behavior: 'instant'})"
        )
        page.goto(f"{base}book/intro.html")
        assert page.locator("nav.bd-links .course-tick").count() == 1
        link = page.locator(".course-continue a")
        assert link.text_content() == "Induction heads: Random tokens, twice"
        link.click()
        page.wait_for_url(f"**/{CHAPTER}#random-tokens-twice")
        page.locator("#course-finished").uncheck()
        assert page.locator(".course-tick").count() == 0
        assert seen.problems == []


def test_a_term_shows_its_definition_on_hover_and_focus_and_escape_hides_it(chromium, base):
    with browser.visit(chromium, base, CHAPTER, browser.PHONE) as seen:
        page = seen.page
        term = page.locator("[data-definition]").first
        tip = page.get_by_role("tooltip", include_hidden=True)
        assert tip.is_hidden()
        term.hover()
        assert tip.text_content() == term.get_attribute("data-definition")
        edges = tip.bounding_box()
        assert edges["x"] >= 0
        assert edges["x"] + edges["width"] <= 390
        page.keyboard.press("Escape")
        assert tip.is_hidden()
        term.focus()
        assert tip.is_visible()
        assert term.get_attribute("aria-describedby") == tip.get_attribute("id")
        href = term.get_attribute("href")
        page.goto(f"{base}book/week2/{href}")
        assert page.locator(f"[id='{href.partition('#')[2]}']").count() == 1
        assert seen.problems == []


def test_each_exercise_leads_to_the_pitfalls(chromium, base):
    with browser.visit(chromium, base, CHAPTER, browser.DESKTOP) as seen:
        exercises = seen.page.locator("div.admonition.exercise").count()
        assert seen.page.locator(".course-stuck a[href='#pitfalls']").count() == exercises > 0


def test_storage_that_is_off_or_damaged_breaks_no_page(chromium, base):
    n_items = sum(len(week["items"]) for week in weeklog.tracker()["weeks"])
    with browser.visit(chromium, base, TRACKER, browser.DESKTOP) as seen:
        for damage in ("{", "null", '{"format": "other"}', "[]"):
            seen.page.evaluate("t => localStorage.setItem('mi-course-progress', t)", damage)
            seen.page.reload()
            assert f"0 of {n_items} items done" in seen.page.text_content(".course-all")
            kept = seen.page.evaluate("localStorage.getItem('mi-course-progress-damaged')")
            assert kept == damage  # the next tick does not overwrite it
        seen.page.add_init_script(
            "Object.defineProperty(window, 'localStorage', {get() { throw new Error('off') }})"
        )
        seen.page.reload()
        seen.page.locator("[data-item]").first.check()
        said = seen.page.text_content(".course-week[data-week='1'] .course-said")
        assert "keeps nothing" in said
        theirs = ("Error: off", "error on the page: off", "invalid theme mode")  # the theme's
        ours = [p for p in seen.problems if not any(words in p for words in theirs)]
        assert ours == []
