"""Boxes that ask: what the page holds with and without a script, and how far a veil reaches."""

from __future__ import annotations

import io
import json

import pytest

from mi_course.book.site import predict, printable, scripts
from support.small_site import build

NUMBER = """```{predict} the loss
:exact: 2.303
:unit: nats
:form: .2f
:why: It is $\\ln 10$.
What is `it`?
```
"""
CHOICE = """```{predict} the end
:exact: 2

Where *exactly*?

- near `1`
- near 0

By **heart**.
```
"""
ORDER = "```{predict} the order\n:kind: order\n:exact: 2, 1\nSort.\n\n- a\n- b\n\nSo.\n```\n"
RECALL = """```{recall} the null patch
:right: 1
:from: week1/b
What?

- this
- that

Because.
```
"""
PAGE = f"""# A chapter

## First

Before.

{NUMBER}

veiled one

- veiled two

{CHOICE}

(inner)=
veiled three

### Deeper

open

{ORDER.replace(":exact", ":veil: outputs" + chr(10) + ":exact")}

half veiled

## Second

{RECALL}

open too

{NUMBER.replace("the loss", "another loss").replace(":unit", ":veil: none" + chr(10) + ":unit")}

open as well
"""
PAGES = {"book/week1/index": "# Week\n\ntext\n", "book/week1/a": PAGE, "book/week1/b": "# B\n"}
PAGES["book/week2/index"] = "# Week 2\n\n```{note}\nNothing is asked.\n```\n"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    return build(tmp_path_factory.mktemp("site"), PAGES, predict.__name__)


@pytest.fixture
def page(pages):
    return pages["book/week1/a"]


def boxes(page):
    return {box["data-predict"]: box for box in page.select(".course-predict")}


def data(box):
    return json.loads(box["data-question"])


def test_a_veil_reaches_to_the_next_box_heading_or_exercise(page):
    veiled = {v["data-for"]: " ".join(v.get_text().split()) for v in page.select(".course-veil")}
    assert veiled == {
        "the loss": "veiled one veiled two",
        "the end": "veiled three",
        "the order": "half veiled",
    }
    for veil in page.select(".course-veil"):
        assert "coursePredict?.veil" in next(veil.children).string  # before anything of it is seen
    assert "course-veil-outputs" in page.select_one("[data-for='the order']")["class"]


def test_a_veil_names_what_a_link_may_lead_to_within_it(page):
    names = {v["data-for"]: v["data-in"].split() for v in page.select(".course-veil")}
    assert names == {"the loss": ["first"], "the end": ["first", "inner"], "the order": ["deeper"]}


def test_a_box_holds_what_is_right_for_its_script(page):
    found = boxes(page)
    number = data(found["the loss"])
    assert number["within"] == pytest.approx(0.2303)
    assert (number["value"], number["text"], number["unit"]) == (2.303, "2.30", "nats")
    assert (number["kind"], number["week"]) == ("number", 1)
    choice = data(found["the end"])
    assert (choice["options"], choice["right"]) == (["near 1", "near 0"], [2])
    assert data(found["the order"])["right"] == [2, 1]
    assert data(found["the null patch"])["kind"] == "recall"


def test_options_may_hold_either_quotation_mark(tmp_path):
    asked = CHOICE.replace("near 0", """the heads' "own" & more""")
    page = build(tmp_path, {"book/week1/a": f"# A\n\n{asked}"}, predict.__name__)["book/week1/a"]
    held = data(page.select_one(".course-predict"))
    assert held["options"][1] == held["text"] == """the heads' "own" & more"""


def test_the_question_and_its_options_are_there_without_a_script(page):
    box = boxes(page)["the end"]
    assert box.select_one("p em").get_text() == "exactly"
    plain = box.select("ul.course-plain li")
    assert [item.get_text().strip() for item in plain] == ["near 1", "near 0"]
    assert "It is “near 0”." in box.select_one("details").get_text()
    assert box.select_one("details strong").get_text() == "heart"
    assert "It is 2.30 nats." in boxes(page)["the loss"].select_one("details").get_text()


def test_every_control_has_a_name(page):
    for field in page.select(".course-predict input"):
        labelled = field.find_parent("label") or page.select_one(f"label[for='{field.get('id')}']")
        assert labelled.get_text(strip=True)
    for button in page.select(".course-predict button"):
        assert button.get_text(strip=True)
        assert button["type"] == "button"
    for group in page.select(".course-predict [role=group]"):
        assert page.select_one(f"#{group['aria-labelledby']}").get_text(strip=True)
    ids = [tag["id"] for tag in page.select("[id]")]
    assert len(ids) == len(set(ids))


def test_recall_is_answered_by_one_tap_and_links_to_its_page(page):
    box = boxes(page)["the null patch"]
    assert [b["data-do"] for b in box.select("button")] == ["recall", "recall"]
    assert box.select_one(".course-about a")["href"] == "b.html"


def test_the_script_comes_before_the_body_and_only_where_it_is_needed(pages):
    def scripts(name):
        return [s for s in pages[name].select("script[src]") if "predict" in s["src"]]

    (script,) = scripts("book/week1/a")
    assert "predict.js" in script["src"]
    assert script.find_parent("head")
    assert not {"defer", "async"} & script.attrs.keys()
    assert scripts("book/week1/b") == []
    assert [s["src"].split("?")[0].split("/")[-1] for s in scripts("book/week1/index")] == [
        "predictions.js",
        "predict-week.js",
    ]


def test_the_script_is_not_put_off_where_others_are(tmp_path):
    extensions = ("sphinx.ext.mathjax", predict.__name__, scripts.__name__)
    page = build(tmp_path, {"book/week1/a": f"# A\n\n{NUMBER}\nveiled\n"}, *extensions)
    waits = {
        s["src"].split("?")[0].split("/")[-1]: "defer" in s.attrs
        for s in page["book/week1/a"].select("script[src]")
    }
    assert waits["doctools.js"]
    assert not waits["predict.js"]


def test_a_weeks_first_page_ends_with_what_was_predicted(pages):
    box = pages["book/week1/index"].select_one(".course-predict-week[data-week='1']")
    assert box.select_one("output").get_text()
    for other in ("book/week1/a", "book/week2/index"):
        assert pages[other].select(".course-predict-week") == []


def test_a_veil_ends_before_an_exercise(tmp_path):
    body = f"# A\n\n{NUMBER}\nveiled\n\n```{{exercise}} Double\n:label: ex-a\nWrite.\n```\n\nopen\n"
    page = build(tmp_path, {"book/week1/a": body}, "sphinx_exercise", predict.__name__)
    veil = page["book/week1/a"].select_one(".course-veil")
    assert veil.get_text().split() == ["veiled"]
    assert veil.find_next_sibling()["class"][:2] == ["exercise", "admonition"]


def warned(tmp_path, text, **more):
    warnings = io.StringIO()
    pages = {"book/week1/a": text} | {f"book/week1/{k}": v for k, v in more.items()}
    built = build(tmp_path, pages, predict.__name__, warnings=warnings)
    return built, warnings.getvalue()


def test_two_questions_of_a_book_may_not_have_one_name(tmp_path):
    _, said = warned(
        tmp_path, f"# A\n\n{NUMBER}", b=f"# B\n\n{NUMBER.replace('the loss', 'The Loss')}"
    )
    assert "'The Loss' is the name of a question of book/week1/a already" in said


def test_what_is_wrong_with_a_question_is_a_warning(tmp_path):
    _, said = warned(tmp_path, "# A\n\n```{predict} the loss\n:exact: 2\nWhat?\n```\n")
    assert "a.md:3" in said
    assert "say why" in said


def test_without_outputs_a_box_asks_and_takes_no_answer(tmp_path):
    """As on a page whose outputs are hidden: nothing says what is right, and nothing is veiled."""
    built, said = warned(
        tmp_path, "# A\n\n```{predict} the loss\n:answer: a\nWhat?\n```\n\nText.\n"
    )
    box = built["book/week1/a"].select_one(".course-predict")
    assert said == ""
    assert "data-question" not in box.attrs
    assert box.select("form, script") == []
    assert built["book/week1/a"].select(".course-veil") == []


LATER = NUMBER.replace("`it`", "it later").replace(":unit", ":veil: later\n:unit")


def test_what_is_told_later_veils_nothing_and_has_a_place_at_the_result(tmp_path):
    body = f"# A\n\n{LATER}\nopen\n\n## Result\n\n```{{told}} the loss\n```\n"
    built, said = warned(tmp_path, body)
    page = built["book/week1/a"]
    assert said == ""
    assert page.select(".course-veil, [data-do=show], [role=switch]") == []
    assert page.select_one("#result .course-told")["data-told"] == "the loss"


def test_what_is_told_must_have_been_asked(tmp_path):
    _, said = warned(tmp_path, "# A\n\n```{told} the loss\n```\n", b=f"# B\n\n{NUMBER}")
    assert "no question 'the loss' above" in said


def test_on_paper_answers_stand_at_the_end(pages, tmp_path):
    for name, page in pages.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        body = f"<article class='bd-article'>{page.select_one('div.body')}</article>"
        (tmp_path / f"{name}.html").write_text(f"<html><head></head><body>{body}</body></html>")
    html = printable._parsed(printable.page_of_week(tmp_path, list(PAGES)))
    assert html.select(".course-predict details") == []
    answers = [part.get_text(" ", strip=True) for part in html.select(".course-print-answer")]
    assert len(answers) == 5
    assert any("Because." in answer for answer in answers)
