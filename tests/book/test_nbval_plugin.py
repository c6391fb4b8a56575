"""Re-execution by nbval catches what nbval alone lets through, and passes what is drift."""

from __future__ import annotations

import re
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

from mi_course.book import store
from support.small_course import Project, cell, package_env, shown, text

GLUE = "application/papermill.record/text/plain"
SHOW_GLUE = f"""from IPython.display import display
for name in "ab":
    display({{"{GLUE}": "0.5"}}, raw=True, metadata={{"scrapbook": {{"name": name}}}})"""
INTERLEAVED = """from IPython.display import display
print("above")
display({"text/markdown": "middle"}, raw=True)
print("below")"""
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Erk"
    "Jggg=="
)
SHOW_PNG = f"""from IPython.display import display
display({{"image/png": "{PNG}"}}, raw=True)"""


def glued(*names):
    return [shown({GLUE: "0.5"}, metadata=NotebookNode(scrapbook={"name": n})) for n in names]


def middle():
    return shown({"text/markdown": "middle"})


# name: a cell, the outputs stored for it, a damage to the stored cell, whether it passes
CASES = {
    "right": ("print('loss 0.123456')", [text("loss 0.123456\n")], None, True),
    "drift": ("print('loss 0.123456')", [text("loss 0.123457\n")], None, True),
    "quiet": ("1 + 1;", [], None, True),
    "number": ("print('loss 0.123456')", [text("loss 0.129000\n")], None, False),
    "head": ("print('head 10.10')", [text("head 10.1\n")], None, False),
    "no_count": ("print(1)", [], {"execution_count": None}, False),
    "cleared": ("print(1)", [text("1\n")], {"execution_count": None, "outputs": []}, False),
    "deleted": ("print(1)", [text("1\n")], {"outputs": []}, False),
    "png": (SHOW_PNG, [], {"outputs": [shown({"image/png": PNG[:-8] + "AAAA/A=="})]}, False),
    "excused": ("# NBVAL_IGNORE_OUTPUT\nprint(1)", [text("2\n")], None, False),
    "skipped": ("print(1)", [text("2\n")], {"metadata": {"tags": ["nbval-skip"]}}, False),
    "order": (INTERLEAVED, [text("above\n"), text("below\n"), middle()], None, False),
    "in_order": (INTERLEAVED, [text("above\n"), middle(), text("below\n")], None, True),
    "glue": (SHOW_GLUE, glued("a", "b"), None, True),
    "glue_name": (SHOW_GLUE, glued("a", "c"), None, False),
    "warning": ("import warnings\nwarnings.warn('odd')", [], None, False),
    "error": ("1 / 0", [], None, False),
    "tolerance": (
        "# tolerance: trained live\nprint('97.48 %')",
        [text("97.64 %\n")],
        {"metadata": {"tags": ["tol-0.05"]}},
        True,
    ),
    "no_reason": (
        "print('97.48 %')",
        [text("97.64 %\n")],
        {"metadata": {"tags": ["tol-0.05"]}},
        False,
    ),
    "where": (
        "import os\nprint(os.environ['MI_COURSE_MODEL'], len(os.listdir('.')) - 1)",
        [text("pocket 0\n")],
        None,
        True,
    ),
}
NBVAL_PASSES = {"cleared", "png", "excused", "skipped", "order", "glue_name"}


def nbval(root, *options, whole: bool = True) -> str:
    """What pytest prints of the stored notebooks of a course."""
    command = [sys.executable, "-m", "pytest", "--color=no", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *options, *(["book/outputs"] if whole else [])],
        cwd=root,
        env=package_env(),
        capture_output=True,
        text=True,
        errors="replace",  # its "…" in another encoding
        timeout=300,
    )
    return f"{done.stdout}{done.stderr}\nexit code {done.returncode}"


def with_plugin(root, *options, whole: bool = True) -> str:
    return nbval(root, "-p", "mi_course.book.nbval_plugin", *options, whole=whole)


def failures(root, run, *options) -> tuple[set[str], str]:
    """Run pytest over the stored notebook: the cases that failed, and the report."""
    printed = run(root, "-rA", "--nbval", *options)
    names = list(CASES)
    failed = re.findall(r"^FAILED \S*::Cell (\d+)", printed, re.MULTILINE)
    assert f"::Cell {len(names) - 1}" in printed, printed
    return {names[int(n)] for n in failed}, printed


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Every case stored in one course, and re-executed once with the plugin and once without."""
    project = Project(tmp_path_factory.mktemp("nbval") / "course")
    project.write("a", "\n".join(cell(source) for source, *_ in CASES.values()))
    project.save("a", [outs for _, outs, *_ in CASES.values()], dict(store.NO_MODEL))
    notebook = nbformat.read(project.stored("a"), 4)
    for stored, (_, _, damage, _) in zip(notebook.cells, CASES.values(), strict=True):
        stored.update(nbformat.from_dict(damage or {}))
    project.stored("a").write_bytes(store.to_bytes(notebook))
    return SimpleNamespace(
        course=failures(project.root, with_plugin),
        nbval=failures(project.root, nbval, "--nbval-current-env"),
    )


@pytest.mark.parametrize("name", CASES)
def test_stored_outputs_pass_or_fail_as_they_should(outcomes, name):
    assert (name not in outcomes.course[0]) == CASES[name][-1], outcomes.course[1]


def test_nbval_alone_lets_these_through(outcomes):
    """The reason for the plugin: if a new nbval closes a hole, this test says so."""
    assert NBVAL_PASSES & outcomes.nbval[0] == set()


def test_the_model_is_checked_after_the_cells(outcomes):
    assert re.search(r"^PASSED \S*::model", outcomes.course[1], re.MULTILINE)


def test_a_failure_says_what_differs_and_how_to_mend_it(outcomes):
    report = outcomes.course[1]
    assert "output 1 (stdout), line 1: stored 'loss 0.129000', now 'loss 0.123456'" in report
    assert "If the new outputs are right, run `mi-course run a`" in report


def test_outputs_labelled_with_weights_that_were_not_loaded_fail(project):
    project.write("a", cell("1;"))
    project.save("a", [[]])
    printed = with_plugin(project.root, "--nbval")
    assert "1 failed, 1 passed" in printed
    assert "The outputs are labelled with {'name': 'pocket'" in printed
    assert "this run loaded []; run `mi-course run a`" in printed


@pytest.mark.slow
def test_what_passed_here_and_did_not_change_is_left_out_when_asked(project, monkeypatch):
    monkeypatch.delenv("CI", raising=False)

    def collected(*options) -> str:
        printed = with_plugin(project.root, "--nbval", *options)
        return re.findall(r"collected \d+ items?", printed)[0]

    project.write("week1/a", cell("1;"))
    project.write("week1/b", cell("print(1)"))
    project.save("week1/a", [[]], dict(store.NO_MODEL))
    project.save("week1/b", [[text("2\n")]], dict(store.NO_MODEL))
    assert collected("--only-changed") == "collected 4 items"
    assert collected("--only-changed") == "collected 2 items"  # b did not pass
    assert collected() == "collected 4 items"
    monkeypatch.setenv("MI_COURSE_ONLY_CHANGED", "1")
    assert collected() == "collected 2 items"
    monkeypatch.setenv("CI", "true")
    assert collected("--only-changed") == "collected 4 items"
    monkeypatch.delenv("CI")
    project.write("week1/a", cell("2;"))
    assert collected("--only-changed") == "collected 4 items"


@pytest.mark.slow
def test_what_is_left_out_is_named_and_is_no_failure(project, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    project.write("week1/a", cell("1;"))
    project.save("week1/a", [[]], dict(store.NO_MODEL))
    for expected in ("2 passed", "pocket/week1/a: left out, nothing changed since it passed here"):
        printed = with_plugin(project.root, "--nbval", "--only-changed")
        assert expected in printed
    assert "exit code 0" in printed
    prose = project.root / "book/week1/a.md"
    prose.write_text(prose.read_text() + "\nMore prose.\n")
    assert "left out" in with_plugin(project.root, "--nbval", "--only-changed")


@pytest.mark.slow
def test_a_named_notebook_that_did_not_change_is_no_error_of_usage(project, monkeypatch):
    """What `make test CHANGED=1` runs: pytest exits with 4 where a named file has no collector."""
    monkeypatch.delenv("CI", raising=False)
    project.write("a", cell("1;"))
    project.save("a", [[]], dict(store.NO_MODEL))
    named = ("--nbval", "--only-changed", "book/outputs/pocket/a.ipynb")
    assert "exit code 0" in with_plugin(project.root, *named, whole=False)
    again = with_plugin(project.root, *named, whole=False)
    assert "left out, nothing changed" in again
    assert "exit code 0" in again


@pytest.mark.slow
def test_a_notebook_with_prose_or_a_date_to_come_fails_with_a_sentence(project):
    project.write("a", cell("1;"))
    project.save("a", [[]], dict(store.NO_MODEL))
    notebook = nbformat.read(project.stored("a"), 4)
    notebook.metadata.mi_course.changed = "2126-01-01"
    project.stored("a").write_bytes(store.to_bytes(notebook))
    printed = with_plugin(project.root, "--nbval")
    assert "a.ipynb: its outputs are dated 2126-01-01, which is yet to come" in printed
    assert "exit code 1" in printed
    notebook.cells.append(nbformat.v4.new_markdown_cell("prose"))
    project.stored("a").write_bytes(store.to_bytes(notebook))
    printed = with_plugin(project.root, "--nbval")
    assert "a.ipynb is no stored notebook: cell 2 is a markdown cell" in printed
    assert "Traceback" not in printed
    assert "exit code 2" in printed


@pytest.mark.slow
def test_lax_comparison_is_refused(project):
    project.write("a", cell("1"))
    project.save("a", [[new_output("execute_result", {"text/plain": "1"}, execution_count=1)]])
    printed = with_plugin(project.root, "--nbval-lax")
    assert "--nbval-lax compares next to nothing" in printed
