"""The tracker's forms and its script: on the pages that hold it, and on no other."""

from mi_course.book.site import tracker
from mi_course.learner import weeklog
from support.small_site import build


def test_only_a_page_with_the_tracker_loads_its_script(tmp_path):
    forms = "# Tracker\n\n```{course-tracker}\n```\n\n```{course-tracker} 2\n```\n"
    forms += "\n```{course-tracker} mysteries\n```\n"
    pages = {"book/tracker": forms, "book/other": "# Other\n\n```{note}\nText.\n```\n"}
    built = build(tmp_path, pages, tracker.__name__)
    assert len(built["book/tracker"].select("script[src*='tracker.js']")) == 1
    assert built["book/other"].select("script[src*='tracker.js']") == []
    items = built["book/tracker"].select(".course-week[data-week='2'] [data-item]")
    assert [item["data-item"] for item in items] != []
    assert {item["data-item"] for item in items} == {i["id"] for i in weeklog.plan(2)["items"]}
    rows = built["book/tracker"].select("tr[data-mystery]")
    assert [row["data-mystery"] for row in rows] == list(weeklog.tracker()["mysteries"])
    assert {row.output.text for row in rows} == {"not tried"}
