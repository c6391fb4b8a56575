"""A question of a chapter in the learner's notebook: a line to answer in, and a cell that tells."""

from __future__ import annotations

import ast
import contextlib
import io

import pytest

from mi_course.book.chapters import ChapterError
from mi_course.book.notebook import learner_notebook
from mi_course.learner import predictions
from support.small_course import cell

NUMBER = """```{predict} the loss
:answer: loss
:unit: nats
:form: .1f
What is `it`?
```
"""
CHOICE = """```{predict} the end
:exact: 2
Where?

- near *1*
- near 0

By **heart**.
```
"""
GLUE = ":tags: [remove-cell, glue-only]\n\n"


@pytest.fixture
def made(project):
    """The cells of a notebook, kind and source, from the body of a chapter."""

    def make(body, doc="week2/01_a"):
        project.write(doc, body)
        notebook = learner_notebook.learner_notebook(project.chapter(doc))
        return [(c.cell_type, c.source) for c in notebook.cells][1:]

    return make


def told(cells):
    return [text for kind, text in cells if kind == "code" and "predict.told(" in text]


def test_a_question_is_followed_by_the_line_that_answers_it(made):
    glue = cell("glue('loss', loss)")
    cells = made(f"# A\n\nBefore.\n\n{NUMBER}\nAfter.\n\n{cell('loss = 2')}\n{glue}")
    kinds = [kind for kind, _ in cells]
    assert kinds == ["markdown", "code", "markdown", "code", "code", "code"]
    assert cells[0][1].endswith(
        "Before.\n\n> **Predict before you run: the loss**\n>\n> What is `it`?"
    )
    assert 'predict.number("the loss", ..., "fairly")' in cells[1][1]
    assert "(nats)" in cells[1][1]
    assert cells[2][1] == "After."
    assert cells[5][1] == told(cells)[0]


def test_the_value_is_computed_again_from_what_the_learner_has(made):
    glued = "from mi_course.glue import glue\n\nhalf = loss / 2\nother = half\nfor key in 'ab':\n"
    glued += "    glue(key, half)\nglue('loss', half + max(half, 1))"
    cells = made(f"# A\n\n{NUMBER}\n{cell('loss = 4')}\n{cell(GLUE + glued)}")
    assert len(told(cells)) == 1
    assert "half = loss / 2" in told(cells)[0]
    assert "half + max(half, 1)" in told(cells)[0]
    assert "other" not in told(cells)[0]
    assert "glue" not in told(cells)[0]
    assert "week=2" in told(cells)[0]


def run(cells, answers):
    """What the cells of a notebook print, once its lines are answered."""
    namespace: dict[str, object] = {}
    out = io.StringIO()
    for kind, text in cells:
        if kind == "code":
            for dots, answer in answers.items():
                text = text.replace(dots, answer)
            with contextlib.redirect_stdout(out):
                exec(compile(text, "cell", "exec"), namespace)
    return out.getvalue()


def test_a_notebook_says_how_far_off_one_was(made, monkeypatch):
    monkeypatch.setenv("MI_COURSE_PROGRESS", "off")
    predictions.forget()
    glue = cell(GLUE + "glue('loss', 2.26)")
    cells = made(f"# A\n\n{NUMBER}\n{cell('x = 1')}\n{glue}\n{CHOICE}\n{cell('y = 1')}")
    assert "2.26" in told(cells)[0]
    assert "No prediction yet" in run(cells, {})
    said = run(cells, {'"the loss", ...': '"the loss", 3', '"the end", ...': '"the end", 1'})
    assert "You predicted 3 nats (fairly sure), and it is 2.3 nats: not right, 0.74 nats" in said
    assert "You predicted “near 1” (fairly sure), and it is “near 0”: not right." in said
    predictions.forget()


def test_what_is_exact_is_sealed_and_explained_below_its_cell(made):
    cells = made(f"# A\n\n{CHOICE}\n{cell('x = 1')}\nText.\n")
    assert [kind for kind, _ in cells] == [
        "markdown",
        "code",
        "code",
        "code",
        "markdown",
        "markdown",
    ]
    assert "By **heart**." in cells[4][1]
    assert "<summary>Why</summary>" in cells[4][1]
    assert "> 1. near *1*\n> 2. near 0" in cells[0][1]
    sealed = next(k for k in ast.walk(ast.parse(told(cells)[0])) if isinstance(k, ast.keyword))
    assert (sealed.arg, predictions.unseal(sealed.value.value)) == ("sealed", "near 0")


def test_an_order_is_told_from_each_options_value(made):
    options = ":kind: order\n:answer: a, b\n:first: largest\n"
    ask = f"```{{predict}} which\n{options}Sort.\n\n- `x`\n- y\n```\n"
    glue = cell(f"{GLUE}glue('a', p)\nglue('b', q)")
    cells = made(f"# A\n\n{ask}\n{cell('p = 1; q = 2')}\n{glue}")
    namespace = {"p": 1, "q": 2}
    call = ast.parse(told(cells)[0]).body[-1].value
    assert eval(ast.unparse(call.args[1]), namespace) == {"x": 1, "y": 2}


def test_a_value_glued_in_a_loop_needs_an_expression(made):
    loop = cell(GLUE + "for i in range(2):\n    glue(f'loss{i}', x[i])")
    ask = NUMBER.replace(":answer: loss", ":answer: loss1")
    with pytest.raises(ChapterError, match="nothing tells the answer to the loss"):
        made(f"# A\n\n{ask}\n{cell('x = [1, 2]')}\n{loop}")
    ask = ask.replace(":unit", ":told: x[1]\n:unit")
    cells = made(f"# A\n\n{ask}\n{cell('x = [1, 2]')}\n{loop}")
    assert '"the loss",\n    x[1],' in told(cells)[0]


def test_a_value_glued_for_one_round_of_a_loop_is_not_that_of_the_last(made):
    """After the loop its names hold what the last round left: an expression is asked for."""
    loop = "for one in (4, 5):\n    got = one / 2\n    if one == 4:\n        glue('loss', got)"
    cells = f"{cell('half = 2')}\n{cell(loop)}"
    with pytest.raises(ChapterError, match="nothing tells the answer to the loss"):
        made(f"# A\n\n{NUMBER}\n{cells}")
    expression = NUMBER.replace(":unit:", ":told: half\n:unit:")
    (tell,) = told(made(f"# A\n\n{expression}\n{cells}"))
    assert '"the loss",\n    half,' in tell


def test_a_value_glued_in_a_loop_that_does_not_change_it_is_told(made):
    loop = "for one in (4, 5):\n    print(one)\n    glue('loss', half)"
    (tell,) = told(made(f"# A\n\n{NUMBER}\n{cell('half = 2')}\n{cell(loop)}"))
    assert '"the loss",\n    half,' in tell


def test_a_name_made_up_in_a_loop_is_not_taken_for_a_longer_one(made):
    """`a_b` comes out of an earlier loop than `a_b_c`, where the value is not there yet."""
    loops = [f"for k in 'ab':\n    glue(f'{{k}}_{{k}}{more}', 1)" for more in ("", "_{k}")]
    ask = NUMBER.replace(":answer: loss", ":answer: a_a_a\n:told: value")
    cells = [cell(GLUE + loops[0]), cell("value = 1"), cell(GLUE + loops[1]), cell("last = 1")]
    made_up = made(f"# A\n\n{ask}\n" + "\n".join(cells))
    assert [text.split()[0] for kind, text in made_up if kind == "code"][1:] == [
        "value",
        "from",
        "last",
    ]


def test_a_value_is_told_once_its_names_are_there(made):
    """A key that an earlier loop may have made is no sign that the value has been computed."""
    loop = cell(GLUE + "for k in 'ab':\n    glue(f'{k}_{k}', 1)")
    ask = NUMBER.replace(":answer: loss", ":answer: by_b\n:told: max(x for x in value)")
    made_up = made(f"# A\n\n{ask}\n{loop}\n{cell('value = [1]')}\n{cell('last = 1')}")
    assert [text.split()[0] for kind, text in made_up if kind == "code"][1:] == [
        "value",
        "from",
        "last",
    ]


def test_a_value_that_no_cell_glues_is_an_error(made):
    with pytest.raises(ChapterError, match="nothing tells the answer to the loss"):
        made(f"# A\n\n{NUMBER}\n{cell('x = 1')}")


def test_the_import_stands_in_the_first_line_to_answer_and_in_each_cell_that_tells(made):
    more = CHOICE.replace("the end", "the other end")
    cells = made(f"# A\n\n{CHOICE}\n{cell('x = 1')}\n\n{more}\n{cell('y = 1')}")
    code = [text for kind, text in cells if kind == "code" and "predict" in text]
    assert ["import" in text for text in code] == [True, True, False, True]


def test_recall_is_a_question_with_its_answer_folded(made):
    after = "- *this*\n- that\n\nBecause {math}`x`."
    ask = f"```{{recall}} the null patch\n:right: 2\nWhat?\n\n{after}\n```\n"
    ((_, text),) = made(f"# A\n\n{ask}")
    assert "> **Recall: the null patch**" in text
    assert "> 1. *this*\n> 2. that" in text
    assert "<summary>The answer</summary>\n\nIt is 2. Because $x$." in text


def test_what_is_wrong_with_a_question_names_file_and_line(made):
    with pytest.raises(ChapterError, match=r"book/week2/01_a.md, line \d+: .*asks nothing"):
        made("# A\n\n```{predict} the loss\n:answer: loss\n```\n")
