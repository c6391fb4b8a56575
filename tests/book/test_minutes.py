"""Parts make a chapter's hours; those of a week that are not optional make its twelve."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from mi_course.book import exercises
from mi_course.learner import weeklog
from support.small_course import CODE

ROOT = CODE.parent
DOCS = list(exercises.by_chapter(ROOT))
TABLE = re.compile(r"^\| *part *\| *minutes *\|\n\|[-:| ]+\|\n((?:\|.*\|\n)+)", re.MULTILINE)
TIME = re.compile(
    r"\*\*Time:\*\*\s+(?P<optional>optional, )?(?:about )?"
    r"(?:(?P<hours>\d+) hours?)?(?:,? (?:and )?)?(?:(?P<minutes>\d+) minutes)?"
)
EXERCISE = re.compile(r"^\*(?:Easy|Medium|Hard|Core)\w*, (\d+) minutes\b", re.MULTILINE)


def text(doc: str) -> str:
    return (ROOT / "book" / f"{doc}.md").read_text("utf8")


def promised(doc: str) -> int | None:
    """Minutes in the line that begins with **Time:**; None for a page that promises none."""
    found = TIME.search(text(doc))
    return 60 * int(found["hours"] or 0) + int(found["minutes"] or 0) if found else None


def optional(doc: str) -> bool:
    """Whether a chapter says that its time is beyond the week's: `**Time:** optional, 2 hours`."""
    return TIME.search(text(doc))["optional"] is not None


def parts(doc: str) -> dict[str, int]:
    """The chapter's table of parts, in minutes."""
    table = TABLE.search(text(doc))
    rows = [row.strip("|").rsplit("|", 1) for row in table[1].splitlines()] if table else []
    return {name.strip(): int(minutes) for name, minutes in rows}


CHAPTERS = [doc for doc in DOCS if promised(doc) is not None and not doc.endswith("/index")]


@pytest.mark.parametrize("doc", CHAPTERS)
def test_the_parts_of_a_chapter_make_its_hours(doc):
    assert sum(parts(doc).values()) == promised(doc)
    assert promised(doc) > 0 or not exercises.by_chapter(ROOT)[doc]  # a page to look things up


@pytest.mark.parametrize("doc", CHAPTERS)
def test_the_exercises_of_a_chapter_fit_into_its_time(doc):
    minutes = [int(m) for m in EXERCISE.findall(text(doc))]
    assert len(minutes) == len(exercises.by_chapter(ROOT)[doc])
    assert sum(minutes) <= promised(doc)


@pytest.mark.parametrize("week", weeklog.weeks())
def test_the_chapters_of_a_week_make_its_twelve_hours(week):
    found = defaultdict(int)
    for doc in CHAPTERS:
        if optional(doc):
            continue
        found[int(doc[4 : doc.index("/")])] += promised(doc)
    assert found[week] == 60 * sum(hours for _, hours in weeklog.plan(week)["parts"]) == 720
