"""The proof catches damages, counts honestly, and notices when a check is weakened."""

from __future__ import annotations

import ast
import base64
import inspect
import re
import shutil
import sys
import threading
from copy import deepcopy
from functools import partial
from importlib import import_module
from pathlib import Path
from random import Random

import nbformat
import numpy as np
import pytest

from mi_course.book import chapters, compare, generated_parts, run, store
from mi_course.book.proof import code, copies, data, kinds, prove, report, texts
from support.small_course import CODE, Project, cell, shown, text

ALL = chapters.find(CODE.parent)
CALLS_NOTHING = {
    "week3/01_paper": "its one function is the learner's own",
    "week4/research_notebook": "a form, which measures nothing before somebody fills it in",
}

CHAPTER = """# A

```{code-cell} ipython3
from IPython.display import display

print("head 10.10: score 0.512 of 2000 prompts")
for name, value in {"loss": 0.512, "n": 3, "head": "10.10"}.items():
    display(
        {"application/papermill.record/text/plain": repr(value)},
        raw=True,
        metadata={"scrapbook": {"name": name}},
    )
```

Prose.

```{code-cell} ipython3
import base64
import inspect
import re

import numpy as np


def array(values):
    return {"dtype": str(values.dtype), "bdata": base64.b64encode(values.tobytes()).decode()}


figure = {
    "data": [{"type": "bar", "y": array(np.array([0.25, 0.125])), "x": array(np.array([7, 8]))}],
    "layout": {"title": {"text": "Scores of head 10.10"}, "width": 400},
}
display({"application/vnd.plotly.v1+json": figure}, raw=True)
attention = {"component": "X", "props": {"tokens": ["Mary", "gave"], "attention": [[0.75, 0.25]]}}
display({"application/vnd.mi-course.circuitsvis+json": attention}, raw=True)
```
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A chapter with something of every kind, run and stored once; not to be changed."""
    project = Project(tmp_path_factory.mktemp("proof") / "course")
    project.write("week1/01_a", CHAPTER)
    (outcome,) = run.run_all([project.chapter("week1/01_a")], "pocket", 1)
    assert outcome.state == "new", outcome.message
    return project


@pytest.fixture
def chapter(ran, tmp_path):
    """A copy of it that a test may change."""
    shutil.copytree(ran.root, tmp_path / "course")
    return Project(tmp_path / "course")


def test_every_damage_to_a_small_book_is_caught_and_nothing_else(chapter):
    tried = prove.prove(chapter.root, seed=0)
    assert [t for t in tried if not t.right] == []
    assert len([t for t in tried if t.wanted and t.example]) >= 60
    impossible = {t.kind for t in tried if not t.example}
    assert impossible == set()
    assert {t.kind for t in tried if not t.wanted} == {
        prove.FRESH,
        prove.AGAIN,
        "drift of 1e-6 on every measurement",
        "an edit of Markdown, nothing executed",
    }
    assert not (chapter.root / "code").exists()  # only the copy was damaged
    assert store.stale_reason(chapter.chapter("week1/01_a"), "pocket") is None


@pytest.mark.parametrize(
    ("weaken", "missed"),
    [
        (("same_text", lambda *args: True), "a word changed"),
        pytest.param(("RTOL", 0.2), "one point of a figure changed by 5 %", marks=pytest.mark.slow),
        pytest.param(
            ("differences", lambda *args: []), "an output deleted", marks=pytest.mark.slow
        ),
    ],
)
def test_a_weakened_comparer_is_noticed(chapter, monkeypatch, weaken, missed):
    monkeypatch.setattr(compare, *weaken)
    monkeypatch.setattr(copies.Book, "nbval_alarm", lambda *args, **variables: "")
    tried = prove.prove(chapter.root, seed=0)
    assert any(t.kind == missed and not t.right for t in tried)
    assert report.table(tried).count("no alarm") >= 1


def test_a_chapter_that_gives_a_false_alarm_is_told_and_not_damaged(chapter):
    notebook = store.load(chapter.stored("week1/01_a"))
    notebook.cells[0].outputs[0].text = "head 10.10: score 0.700 of 2000 prompts\n"
    chapter.stored("week1/01_a").write_bytes(store.to_bytes(notebook))
    tried = prove._all(
        [copies.Book(chapter.root, chapter.root / "copy")], ["week1/01_a"], Random(0), ()
    )
    (told,) = tried
    assert (told.kind, told.right) == (prove.FRESH, False)
    assert "stored 'head 10.10: score 0.700" in told.alarm


def test_a_stale_book_is_refused_before_anything_is_tried(chapter):
    chapter.write("week1/01_a", CHAPTER.replace("0.512 of", "0.513 of"))
    with pytest.raises(run.RunError, match=r"the book itself does not pass.*code cell 1"):
        prove.prove(chapter.root)


def test_the_table_counts_what_was_missed_and_what_was_not_tried():
    tried = [
        report.Tried("a word changed", "a → b", "output 1: a|b"),
        report.Tried("a word changed", "c → d", ""),
        report.Tried("a picture", "", ""),
        report.Tried("threads", "week1", "an alarm", wanted=False),
    ]
    table = report.table(tried)
    assert table.startswith("1 of 2 damages caught; 1 false alarms in 1 tries")
    assert "| a word changed | 2 | 1 | `c → d: no alarm` |" in table
    assert "| threads | 1 | 1, none wanted | `week1: an alarm` |" in table
    assert "Not tried, since the book holds none: a picture." in table


def test_the_table_is_put_between_its_marks(tmp_path):
    page = tmp_path / "guide.md"
    begin, end = "<!-- prove-outputs: begin -->", "<!-- prove-outputs: end -->"
    page.write_text(f"above\n\n{begin}\nold\n{end}\n\nbelow\n")
    generated_parts.put_between(page, report.MARK, "new\n")
    assert page.read_text() == f"above\n\n{begin}\n\nnew\n\n{end}\n\nbelow\n"
    page.write_text("no marks")
    with pytest.raises(store.StoreError, match=r"guide\.md has no lines"):
        generated_parts.put_between(page, report.MARK, "new\n")


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_a_damage_changes_the_notebook_or_says_that_it_could_not(ran, kind):
    before = store.load(ran.stored("week1/01_a"))
    after = store.load(ran.stored("week1/01_a"))
    assert (kinds.KINDS[kind][1](after, Random(1)) is not None) == (after != before)


def test_drift_changes_measurements_and_no_count(ran):
    notebook = store.load(ran.stored("week1/01_a"))
    data.drift(notebook, Random(0))
    (_, *glued), (figure, attention) = (c.outputs for c in notebook.cells)
    loss, n, head = (ast.literal_eval(next(iter(o.data.values()))) for o in glued)
    assert loss == pytest.approx(0.512, rel=1e-5)
    assert loss != 0.512
    assert (n, head) == (3, "10.10")
    assert figure.data != attention.data


def test_heads_are_renamed_as_the_issue_says():
    assert texts.other_head("10.10") == "10.1"
    assert texts.other_head("5.5") == "5.6"


def test_a_measuring_function_of_the_package_is_changed_in_its_return(tmp_path):
    source = (
        "def score(x) -> Float[Tensor, 'head']:\n    y = '→'\n    return (\n        x +\n     1\n"
        "    )\n\n\ndef name(x) -> str:\n    return 'a'\n"
    )
    (tmp_path / "m.py").write_text(source)
    chapter = tmp_path / "a.md"
    chapter.write_text(cell("from mi_course import m\nm.score(1)\nm.name(2)\nother.f(3)"))
    ((file, new, example),) = code.changed_functions(tmp_path, chapter, Random(0))
    assert (file.name, example) == ("m.py", "`m.score` × 1.05")
    namespace = {"Float": {(list, "head"): float}, "Tensor": list}
    exec(compile(new, "m", "exec", dont_inherit=True), namespace)
    assert namespace["score"](1) == 2 * 1.05
    assert namespace["name"](1) == "a"


@pytest.mark.parametrize(
    ("annotation", "value", "changed"),
    [
        ("float", "1.0", 1.05),
        ("Float[Tensor, 'batch']", "2.0", 2.1),
        ("dict[str, Float[Tensor, 'batch']]", "{'a': 1.0}", {"a": 1.05}),
        ("int", "3", 4),
        ("list[str]", "['a', 'b']", ["a"]),
        ("bool", "True", False),
        ("Interval", "1", None),
        ("None", "None", None),
    ],
)
def test_a_result_is_changed_as_its_type_asks(tmp_path, annotation, value, changed):
    (tmp_path / "m.py").write_text(
        f"def f(early=False) -> {annotation}:\n    def inner():\n        return 'inner'\n\n"
        f"    if early:\n        return {value}\n    return {value} if inner() else 0\n"
    )
    chapter = tmp_path / "a.md"
    chapter.write_text(cell("from mi_course import (\n    m,\n)\nm.f()"))
    found = list(code.changed_functions(tmp_path, chapter, Random(0)))
    assert len(found) == (changed is not None)
    for _, new, _ in found:
        namespace = {}
        exec(f"from __future__ import annotations\n{new}", namespace)
        assert namespace["f"]() == namespace["f"](True) == changed


@pytest.mark.parametrize("chapter", ALL, ids=str)
def test_every_chapter_calls_something_of_the_package_that_the_proof_changes(chapter):
    package = CODE / "mi_course"
    assert bool(list(code.changeable(package, chapter.source))) != (chapter.doc in CALLS_NOTHING)


def test_every_module_that_chapters_call_is_damaged():
    package = CODE / "mi_course"
    wanted, damaged = set(), set()
    for chapter in ALL:
        damaged |= {file for file, _, _ in code.changeable(package, chapter.source)}
        wanted |= _homes_of_called_functions("\n".join(c.source for c in chapter.cells))
    assert damaged == wanted
    assert len(damaged) >= 18  # as many as chapters called when the package was laid out in folders


def _homes_of_called_functions(source):
    """Files of the functions that cells call and whose results can be changed, by importing."""
    tree = ast.parse("\n".join(re.sub(r"^\s*[%!].*", "", line) for line in source.split("\n")))
    owners = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("mi_course"):
            for alias in node.names:
                owners[alias.name] = getattr(import_module(node.module), alias.name, None) or (
                    import_module(f"{node.module}.{alias.name}")
                )
    calls = (n.func for n in ast.walk(tree) if isinstance(n, ast.Call))
    found = set()
    for call in calls:
        if isinstance(call, ast.Name):
            function = owners.get(call.id)
        elif isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name):
            function = getattr(owners.get(call.value.id), call.attr, None)
        else:
            continue
        function = inspect.unwrap(function)
        if not inspect.isfunction(function):
            continue
        returns = str(function.__annotations__.get("return", ""))
        if returns.startswith(tuple(code._BY_TYPE)):
            found.add(Path(inspect.getsourcefile(function)))
    return found


def test_only_what_a_reader_sees_is_damaged():
    figure = {
        "data": [{"x": ["0.2"], "text": "0.3", "marker": {"color": "rgba(1,1,1,0.5)", "size": 7}}],
        "layout": {
            "title": {"text": "Heads 0.5 s apart, without head 1.1", "side": "top"},
            "xaxis": {"gridcolor": "rgba(128,128,128,0.25)", "title": {"text": "to 0.5: all"}},
            "height": 480,
        },
    }
    page = "<style>.a {left: 3px}</style><p style='top:59px' id='head 0.7'>head 1.3 of 8 &amp;</p>"
    outputs = [shown({"application/vnd.plotly.v1+json": figure}), shown({"text/html": page})]
    notebook = nbformat.from_dict({"cells": [{"outputs": outputs}]})

    def drawn(kind):
        copies = (deepcopy(notebook) for _ in range(40))
        return {kinds.KINDS[kind][1](copy, Random(n)) for n, copy in enumerate(copies)}

    assert drawn("a head renamed in a figure") == {"0.2 → 0.3", "0.3 → 0.4", "1.1 → 1.2"}
    assert drawn("a head renamed in text") == {"1.3 → 1.4"}
    assert drawn("a count in text changed by 1") == {"8 → 9"}
    assert drawn("a word changed") == {"head → heax"}
    assert drawn("a whole number in a figure changed by 1") == {None}
    assert {example.split()[0] for example in drawn("a word in a figure changed")} == {
        "Heads", "apart", "without", "head",
    }  # fmt: skip


def test_numbers_are_damaged_as_their_kinds_say():
    outputs = [text("head 1.3: 0.00, 1,999 of 2000, 12 %, L5H5, v2.1.0")]
    notebook = nbformat.from_dict({"cells": [{"outputs": outputs}]})

    def drawn(kind):
        copies = (deepcopy(notebook) for _ in range(40))
        return {kinds.KINDS[kind][1](copy, Random(n)) for n, copy in enumerate(copies)}

    assert drawn("a count in text changed by 1") == {"1,999 → 2,000", "2000 → 2001", "12 → 13"}
    assert drawn("a number in text changed by 5 %") == {None}
    assert drawn("a sign in text flipped") == {None}


def test_points_below_a_thousandth_of_the_largest_are_noise():
    values = np.array([100.0, 0.2, 0.05, 0.0])
    array = {"dtype": "float64", "bdata": base64.b64encode(values.tobytes()).decode()}
    figure = shown({"application/vnd.plotly.v1+json": {"data": [{"y": array}]}})
    notebook = nbformat.from_dict({"cells": [{"outputs": [figure]}]})
    assert data.points(notebook) == (2, 4)
    drawn = {data.point_by_five_per_cent(deepcopy(notebook), Random(n)) for n in range(40)}
    assert drawn == {"point 0: 100 → 105", "point 1: 0.2 → 0.21"}


def test_the_sentence_below_the_table_counts_the_points(ran):
    assert "among 2 of 2 measured ones" in report.drawn_from(ran.root)


def test_tasks_are_done_on_copies_that_are_free_and_told_in_order(ran, tmp_path):
    books = [copies.Book(ran.root, tmp_path / str(n)) for n in range(2)]
    together = threading.Barrier(2, timeout=60)

    def task(n, book):
        together.wait()
        return n, book.root

    done = list(copies.in_turn(books, [partial(task, n) for n in range(6)]))
    assert [n for n, _ in done] == list(range(6))
    assert {root for _, root in done} == {book.root for book in books}


def test_a_damaged_file_is_mended_even_after_an_error(ran, tmp_path):
    book = copies.Book(ran.root, tmp_path / "copy")
    path = Path("book/week1/01_a.md")
    before = (book.root / path).read_bytes()

    def fail():
        with book.damaged({path: b"damaged"}):
            assert (book.root / path).read_bytes() == b"damaged"
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        fail()
    assert (book.root / path).read_bytes() == before


def test_a_run_of_nbval_that_executed_nothing_is_no_silence(ran, tmp_path, monkeypatch):
    book = copies.Book(ran.root, tmp_path / "copy")
    monkeypatch.setattr(copies, "NBVAL", f"{copies.NBVAL} --collect-only")
    with pytest.raises(run.RunError, match=r"week1/01_a could not be executed again: "):
        book.nbval_alarm("week1/01_a")


def test_another_python_is_asked_for_its_version():
    assert prove.version(sys.executable) == f"{sys.version_info[0]}.{sys.version_info[1]}"
    with pytest.raises(run.RunError, match="nowhere/python is no Python that can be started"):
        prove.version("nowhere/python")


def test_a_book_that_cannot_all_be_executed_here_is_refused(chapter, monkeypatch):
    monkeypatch.setattr(chapters.Chapter, "missing", lambda self: "MNIST is not here")
    with pytest.raises(run.RunError, match=r"01_a cannot be executed here.*: MNIST is not here"):
        prove.prove(chapter.root)


def test_changed_weights_are_still_a_model_but_another_one(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    import numpy as np

    content = safetensors.save({"b": np.ones(40, "f4"), "a": np.ones((4, 10), "f4")})
    changed = safetensors.load(code.changed_weights(content))
    assert (changed["a"] == -1).sum() == 4
    assert (changed["b"] == 1).all()
    assert code.changed_byte(content) != content


def test_prose_is_edited_and_no_cell():
    chapter = (CODE.parent / "book/week2/02_induction_heads.md").read_text("utf8")
    edited = code.edited_prose(chapter)
    assert edited != chapter
    assert code._CELL.findall(edited) == code._CELL.findall(chapter)


PAGE = CODE.parent / "book/outputs_proof.md"


def test_the_pages_first_line_is_the_sum_of_its_rows():
    assert report.disagreements(PAGE.read_text("utf8")) == []


@pytest.mark.parametrize(
    ("was", "instead", "what"),
    [
        (r"\d+( of \d+ damages)", r"1\1", "1 damages caught, and the rows say"),
        (r"of \d+ damages", "of 1 damages", "1 damages, and the rows say"),
        (r"caught; \d+ false", "caught; 7 false", "7 false alarms, and the rows say"),
        (r"in \d+ tries", "in 7 tries", "7 tries that must raise none, and the rows say"),
        (r"(a word changed) \| 3 \| 3", r"\1 | 3 | 2", "damages caught, and the rows say"),
        (r"(a word changed) \| 3 \| 3", r"\1 | 3 | 4", "4 caught of 3 in one row"),
        ("damages caught", "damages", "the page holds no table of damages"),
    ],
)
def test_a_total_that_is_not_the_sum_is_noticed(was, instead, what):
    page, n = re.subn(was, instead, PAGE.read_text("utf8"), count=1)
    assert n == 1
    assert any(what in found for found in report.disagreements(page))


def test_a_table_that_is_written_agrees_with_itself():
    tried = [
        report.Tried("a word changed", "a | b", "caught"),
        report.Tried("a word changed", "c", ""),
        report.Tried("drift", "d", "", wanted=False),
        report.Tried("never", "", ""),
    ]
    assert report.disagreements(report.table(tried)) == []
