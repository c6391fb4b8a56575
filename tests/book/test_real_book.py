"""The book as it stands: every chapter has outputs of its own, and its code still gives them."""

from __future__ import annotations

import ast
import asyncio
import builtins
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from mi_course.book import chapters, outputs, run, store
from mi_course.book.nbval_plugin import ONLY_CHANGED
from mi_course.book.notebook import learner_notebook, predictions
from mi_course.digits import mnist
from mi_course.models import registry, smollm2
from support.outside import not_run
from support.small_course import CODE, package_env

ROOT = CODE.parent
POCKET, *OTHERS = registry.names()
ALL = chapters.find(ROOT)
DOCS = [chapter.doc for chapter in ALL]
# Run in `make test`: functions that later cells call for maps of all layers.
UNWRITTEN = ("week3/02_activation_patching",)
# Its outputs are compared in `make test`: a chapter that takes seconds. CI compares all, in a job
# of its own; and whether outputs belong to cells, package, weights and versions is asked of every
# chapter here.
QUICK = ("week4/04_your_own",)
each_chapter = pytest.mark.parametrize("chapter", ALL, ids=str)
NEWEST_PYTHON = Version("3.13")  # of those that the workflows test
RAW_MYST = re.compile(r"^\s*(`{3,}|:{3,})\{|\{[\w:-]+\}`|^\([\w-]+\)=$|^\+\+\+", re.MULTILINE)


def test_the_book_has_chapters():
    assert "week2/02_induction_heads" in DOCS


@each_chapter
def test_the_stored_outputs_of_pocket_belong_to_the_chapter_and_hold_no_noise(chapter):
    assert store.problems(chapter, POCKET, outputs.places(ROOT)) == []


STORED = [
    pytest.param(*chapters.of_stored(path), id=f"{model.name}-{chapters.of_stored(path)[0]}")
    for model in registry.MODELS
    if model.anyone_can_run and model != registry.DEFAULT
    for path in chapters.find_stored(ROOT, model.name)
]


@pytest.mark.parametrize(("chapter", "model"), STORED)
def test_outputs_that_anyone_can_make_belong_to_cells_package_weights_and_pins(chapter, model):
    """By digests: nothing is executed."""
    assert store.problems(chapter, model, outputs.places(ROOT)) == []


MOST_BYTES = 500_000


@pytest.mark.parametrize("model", registry.names())
def test_no_stored_notebook_is_large(model):
    sizes = {path.name: path.stat().st_size for path in chapters.find_stored(ROOT, model)}
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES} == {}


@pytest.mark.parametrize("model", OTHERS)
def test_stored_outputs_of_other_models_hold_no_noise_even_where_they_are_stale(model):
    """Stale they may be: their page then falls back to `pocket` and says so."""
    for stored in chapters.find_stored(ROOT, model):
        notebook = store.load(stored)
        assert notebook.metadata.mi_course.model.name == model
        assert store.wrong_label(*chapters.of_stored(stored)) is None
        for cell in notebook.cells:
            assert store.cell_problems(cell.source, cell.outputs, outputs.places(ROOT)) == []


PINS = dict(
    re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "requirements/dev.txt").read_text("utf8"), re.M)
)


@pytest.mark.parametrize("model", registry.names())
def test_no_outputs_are_labelled_with_versions_that_the_course_never_had(model):
    """A version may lag behind the pin, since outputs that agree keep their bytes, but not lead."""
    pins = {name.replace("-", "_"): Version(pin) for name, pin in PINS.items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
    for stored in chapters.find_stored(ROOT, model):
        versions = dict(store.load(stored).metadata.mi_course.versions)
        assert versions.keys() == {"python", *store.VERSIONED}
        python = Version(versions.pop("python"))
        assert python in SpecifierSet(project["requires-python"])
        assert python <= NEWEST_PYTHON
        ahead = {name: v for name, v in versions.items() if Version(v) > pins[name]}
        assert ahead == {}


def test_every_stored_notebook_has_a_chapter():
    assert store.orphans(ROOT) == []


def but_slow(*quick):
    """Every chapter, as slow tests all but these."""
    assert set(quick) <= set(DOCS)
    marks = [() if chapter.doc in quick else pytest.mark.slow for chapter in ALL]
    cases = [pytest.param(c, marks=mark) for c, mark in zip(ALL, marks, strict=True)]
    return pytest.mark.parametrize("chapter", cases, ids=str)


@but_slow(*QUICK)
def test_every_cell_gives_now_what_is_stored_for_it(chapter):
    """Nbval over the stored outputs, with the course's comparer."""
    if chapter.only:
        pytest.skip(f"it has outputs of {chapter.only} only, which have a test of their own")
    if why := chapter.missing():
        not_run(why)
    executed_again(chapter, POCKET)


@pytest.mark.slow
@pytest.mark.parametrize(("chapter", "model"), STORED)
def test_every_cell_gives_now_what_is_stored_for_a_larger_model(chapter, model):
    if smollm2.installed() is None:
        not_run(f"SmolLM2-135M-Instruct is not installed: {smollm2.INSTALL}")
    executed_again(chapter, model)


def executed_again(chapter, model):
    command = "-m pytest -q -p mi_course.book.nbval_plugin --nbval --color=no -p no:cacheprovider"
    done = subprocess.run(
        [sys.executable, *command.split(), str(chapter.stored(model))],
        cwd=ROOT,
        env=package_env(),
        capture_output=True,
        text=True,
        timeout=600 if model == POCKET else 3600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if "left out, nothing changed" in done.stdout:
        not_run(f"nothing changed since it passed here, and {ONLY_CHANGED} is set")
    assert f"{len(chapter.cells) + 1} passed" in done.stdout  # each cell, and the notebook's model


@each_chapter
def test_a_cell_that_tells_an_answer_uses_what_stands_above_it(chapter):
    defined = set()
    for cell in learner_notebook.learner_notebook(chapter).cells:
        if cell.cell_type == "code":
            tree = predictions._tree(cell.source)
            here = set().union(*map(predictions._defined, tree.body))
            if "predict.told(" in cell.source:
                inner = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
                known = defined | here | inner | predictions._stored(tree) | set(dir(builtins))
                assert predictions._used(tree) <= known, cell.source
            defined |= here


@each_chapter
def test_the_learners_notebook_holds_no_raw_myst_and_no_solution(chapter):
    notebook = learner_notebook.learner_notebook(chapter)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            shown_code_removed = re.sub(r"```\w*\n.*?```", "", cell.source, flags=re.DOTALL)
            assert not RAW_MYST.search(shown_code_removed), cell.source
        else:
            assert learner_notebook.BEGIN not in cell.source
            code = re.sub(r"^(\s*)%.*$", r"\1pass", cell.source, flags=re.MULTILINE)
            compile(code, chapter.doc, "exec")


@but_slow(*UNWRITTEN)
def test_the_learners_notebook_runs_to_its_end_with_every_exercise_unwritten(chapter, monkeypatch):
    if mnist.why_absent():
        monkeypatch.setenv(mnist.SOURCE_VARIABLE, "digits")  # no test downloads anything
    if chapter.only and (why := chapter.missing()):
        not_run(why)
    notebook = learner_notebook.learner_notebook(chapter)
    printed = printed_by(notebook, chapter.default)
    assert printed.count("not written yet") == len(exercises(notebook))


@pytest.mark.slow
@pytest.mark.parametrize(("chapter", "model"), STORED)
def test_the_learners_notebook_with_its_solutions_runs_on_a_larger_model(chapter, model):
    if smollm2.installed() is None:
        not_run(f"SmolLM2-135M-Instruct is not installed: {smollm2.INSTALL}")
    notebook = learner_notebook.learner_notebook(chapter)
    solutions = {tag: cell.source for cell in chapter.cells for tag in exercise_tags(cell.tags)}
    for cell in notebook.cells:
        for tag in exercise_tags(cell.metadata.get("tags", [])):
            cell.source = solutions[tag]
    printed = printed_by(notebook, model)
    assert printed.count(": passed") == len(exercises(notebook))
    assert chapter.only or f"Model {model}" in printed  # else the cell names the model itself
    assert "the page shows" not in printed


def printed_by(notebook, model):
    """What the cells print, run in order; raises where one of them fails."""

    async def execute() -> None:
        async with run.running_kernel(notebook, model, None) as client:
            for i, cell in enumerate(notebook.cells):
                if cell.cell_type == "code":
                    await client.async_execute_cell(cell, i)

    asyncio.run(execute())
    return "".join(
        output.get("text", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stdout"
    )


def exercise_tags(tags):
    return [tag for tag in tags if tag.startswith(learner_notebook.EXERCISE_TAG)]


def exercises(notebook):
    """The tags of a notebook's exercises."""
    tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]
    return exercise_tags(tags)
