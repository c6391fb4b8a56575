"""How much of a week is done: the command line and the site's scripts count alike."""

from __future__ import annotations

import json
import random

import pytest

from mi_course.book import exercises
from mi_course.book.site import learner_ext
from mi_course.learner import steps, weeklog
from support import node
from support.outside import ROOT

SCRIPT = ROOT / "book" / "_static" / "steps.js"
COUNT = """({ plan, states }) => states.map((state) => plan.map((week) => {
    const { ofWeek, shownDone } = loaded[0];
    const { done, all } = ofWeek(week, state);
    return [shownDone(week, state).sort(), done, all];
}))"""
PLAN = learner_ext.plan(ROOT)
CORE = {week["week"]: week["core"] for week in PLAN}


def test_every_name_in_the_plan_is_one_of_the_course():
    chapters = exercises.by_chapter(ROOT)
    known = {name for names in chapters.values() for name in names}
    for week in weeklog.tracker()["weeks"]:
        assert set(week["pages"]) <= chapters.keys()
        for item in week["items"]:
            assert set(item.get("exercises", [])) <= known - exercises.optional(ROOT), item["id"]
            assert set(item.get("pages", [])) <= set(week["pages"]), item["id"]


def test_a_week_s_pages_are_those_of_the_table_of_contents_that_are_not_optional():
    optional = "**Time:** optional"
    for week in weeklog.tracker()["weeks"]:
        folder = f"week{week['week']}/"
        docs = [doc for doc in exercises.by_chapter(ROOT) if doc.startswith(folder)]
        texts = {doc: (ROOT / "book" / f"{doc}.md").read_text("utf8") for doc in docs}
        core = [d for d in docs if optional not in texts[d] and d != "week2/moving_to_bridge"]
        assert sorted(week["pages"]) == sorted(core)


def test_a_task_is_done_when_all_its_checks_and_pages_are():
    needs = ["path_patch"], ["week3/03_figure_3"]
    assert "w3-path" not in steps.shown_done(3, needs[0], [])
    assert "w3-path" not in steps.shown_done(3, [], needs[1])
    assert "w3-path" in steps.shown_done(3, *needs)
    assert steps.shown_done(1, [], []) == set()  # what has no needs is ticked by hand


def test_nothing_counts_twice():
    passed = ["build_mlp"]
    by_check = steps.of_week(1, [], passed, [], CORE[1])
    assert steps.of_week(1, ["w1-mlp", "no-such"], passed, [], CORE[1]) == by_check
    assert by_check[0] == 2  # the exercise, and the task that it does


def everything(week):
    plan = weeklog.plan(week)
    return [item["id"] for item in plan["items"]], CORE[week], plan["pages"]


@pytest.mark.parametrize("week", CORE)
def test_all_of_a_week_is_all_of_it(week):
    done, whole = steps.of_week(week, *everything(week), CORE[week])
    assert done == whole == sum(map(len, everything(week)))


def test_the_site_counts_as_the_command_line_does():
    rng = random.Random(0)
    states = []
    for _ in range(40):
        state = {"weeks": {}, "exercises": {}, "pages": {}}
        for week in CORE:
            items, core, pages = everything(week)
            share = rng.random()
            some = [[one for one in all_of if rng.random() < share] for all_of in everything(week)]
            assert len(some) == len((items, core, pages))
            state["weeks"][str(week)] = {"done": some[0]}
            state["exercises"] |= dict.fromkeys(some[1], "2026-01-01")
            state["pages"] |= {f"book/{page}.html": "2026-01-01" for page in some[2]}
        states.append(state)
    found = node.call(COUNT, {"plan": PLAN, "states": json.loads(json.dumps(states))}, [SCRIPT])
    for state, by_week in zip(states, found, strict=True):
        passed = state["exercises"]
        pages = [page.removeprefix("book/").removesuffix(".html") for page in state["pages"]]
        for week, (shown, done, whole) in zip(CORE, by_week, strict=True):
            ticked = state["weeks"][str(week)]["done"]
            assert shown == sorted(steps.shown_done(week, passed, pages))
            assert (done, whole) == steps.of_week(week, ticked, passed, pages, CORE[week])
