"""The stored notebook: stable bytes, an honest date, and staleness without execution."""

from __future__ import annotations

import json
import subprocess
from datetime import date

import nbformat
import pytest
from nbformat.v4 import new_output

from mi_course.book import chapters, outputs, store
from mi_course.book.site import page_model
from mi_course.book.store import StoreError
from mi_course.cli.main import main
from support.small_course import POCKET, VERSIONS, cell, label, shown, text

DAY_1, DAY_2 = date(2026, 1, 1), date(2026, 2, 2)
CHAPTER = "# A\n\n" + cell("print(0.123456)") + "\nprose\n\n" + cell("x = 1")


@pytest.fixture
def stored(project):
    """A chapter of two cells, stored on day 1."""
    project.write("week1/01_a", CHAPTER)
    assert project.save("week1/01_a", [[text("0.123456\n")], []], today=DAY_1) == "new"
    return project


def stale(project):
    return store.stale_reason(project.chapter("week1/01_a"), "pocket")


def test_holds_code_and_outputs_only(stored):
    notebook = nbformat.read(stored.stored("week1/01_a"), 4)
    assert [c.cell_type for c in notebook.cells] == ["code", "code"]
    assert [c.execution_count for c in notebook.cells] == [1, 2]
    assert notebook.cells[0].outputs == [text("0.123456\n")]
    assert set(notebook.metadata) == {"kernelspec", "mi_course"}
    assert notebook.metadata.mi_course.model == POCKET
    assert notebook.metadata.mi_course.changed == "2026-01-01"
    nbformat.validate(notebook)


def test_a_run_within_tolerance_leaves_every_byte(stored):
    path = stored.stored("week1/01_a")
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert stored.save("week1/01_a", [[text("0.123457\n")], []], today=DAY_2) == "unchanged"
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_change_beyond_tolerance_is_stored_with_its_day(stored):
    assert stored.save("week1/01_a", [[text("0.2\n")], []], today=DAY_2) == "changed"
    notebook = store.load(stored.stored("week1/01_a"))
    assert notebook.cells[0].outputs == [text("0.2\n")]
    assert notebook.metadata.mi_course.changed == "2026-02-02"


def test_an_edited_cell_with_the_same_output_keeps_output_and_day(stored):
    stored.write("week1/01_a", CHAPTER.replace("x = 1", "x = 2  # more"))
    assert stored.save("week1/01_a", [[text("0.123457\n")], []], today=DAY_2) == "kept"
    notebook = store.load(stored.stored("week1/01_a"))
    assert notebook.cells[1].source == "x = 2  # more"
    assert notebook.cells[0].outputs == [text("0.123456\n")]
    assert notebook.metadata.mi_course.changed == "2026-01-01"
    assert stale(stored) is None


def test_other_weights_with_the_same_outputs_are_recorded(stored):
    other = POCKET | {"sha256": "cd" * 32}
    assert stored.save("week1/01_a", [[text("0.123456\n")], []], other, today=DAY_2) == "kept"
    assert store.load(stored.stored("week1/01_a")).metadata.mi_course.model == other


def test_random_weights_are_refused(project):
    project.write("week1/01_a", CHAPTER)
    random = {"name": "gpt2-random", "sha256": "00", "revision": ""}
    with pytest.raises(StoreError, match="random weights"):
        project.save("week1/01_a", [[], []], random, folder="gpt2")
    assert not project.stored("week1/01_a", "gpt2").exists()


def test_fresh_outputs_are_not_stale_and_prose_does_not_matter(stored):
    assert stale(stored) is None
    stored.write("week1/01_a", CHAPTER.replace("prose", "other prose\n\n## Heading"))
    assert stale(stored) is None


def test_looks_of_a_cell_do_not_matter_but_its_tolerance_does(stored):
    stored.write("week1/01_a", CHAPTER.replace("\nx = 1", "\n:tags: [hide-input]\n\nx = 1"))
    assert stale(stored) is None
    stored.write(
        "week1/01_a",
        CHAPTER.replace("\nx = 1", "\n:tags: [tol-0.1]\n\n# tolerance: live\nx = 1"),
    )
    stored.save("week1/01_a", [[text("0.123456\n")], []])
    assert stale(stored) is None
    stored.write(
        "week1/01_a",
        CHAPTER.replace("\nx = 1", "\n:tags: [tol-0.2]\n\n# tolerance: live\nx = 1"),
    )
    assert "code cell 2 (line 14) has another tolerance" in stale(stored)


def test_stale_names_the_cell_its_line_and_the_command(stored):
    stored.write("week1/01_a", CHAPTER.replace("x = 1", "x = 2"))
    assert stale(stored) == (
        "code cell 2 (line 14) differs from the stored one; run `mi-course run week1/01_a`"
    )


def test_cells_added_removed_or_missing_are_stale(stored):
    stored.write("week1/01_a", CHAPTER + cell("y"))
    assert stale(stored).startswith("3 code cells in the chapter, 2 stored")
    stored.write("week1/01_a", cell("print(0.123456)"))
    assert stale(stored).startswith("1 code cells in the chapter, 2 stored")
    stored.stored("week1/01_a").unlink()
    assert stale(stored).startswith("no stored outputs; run ")


def test_cleared_outputs_are_stale(stored):
    path = stored.stored("week1/01_a")
    notebook = nbformat.read(path, 4)
    notebook.cells[0].execution_count = None
    path.write_bytes(store.to_bytes(notebook))
    assert "code cell 1 (line 8) is stored without its execution count" in stale(stored)


def test_a_broken_file_is_stale_with_a_reason(stored):
    path = stored.stored("week1/01_a")
    for broken in ("{", "[]", "{}", '{"cells": [], "nbformat": 4, "metadata": {}}'):
        path.write_text(broken)
        assert stale(stored).startswith("01_a.ipynb is no stored notebook")


def test_a_byte_order_mark_is_simply_read(stored):
    """Some editors of Windows put one in front: of the stored notebook, and of the chapter."""
    for path in (stored.stored("week1/01_a"), stored.chapter("week1/01_a").source):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [chapter.doc for chapter in chapters.find(stored.root)] == ["week1/01_a"]
    assert stale(stored) is None


def test_outputs_of_another_model_are_stale(stored):
    gpt2 = stored.stored("week1/01_a", "gpt2")
    gpt2.parent.mkdir(parents=True)
    gpt2.write_bytes(stored.stored("week1/01_a").read_bytes())
    why = store.stale_reason(stored.chapter("week1/01_a"), "gpt2")
    assert why == (
        "its outputs were computed with pocket; run `mi-course run week1/01_a --model gpt2`"
    )


def relabel(stored, model="pocket", /, **changes):
    """Change what a stored notebook says of itself."""
    path = stored.stored("week1/01_a", model)
    notebook = nbformat.read(path, 4)
    for key, value in changes.items():
        holder = notebook.metadata.mi_course
        if key in POCKET:
            holder = holder.model
        holder[key] = value
    path.write_bytes(store.to_bytes(notebook))


def test_pockets_outputs_under_another_models_name_are_refused_everywhere(stored, monkeypatch):
    """What the issue named: copied, the name changed, and the page said GPT-2 small."""
    gpt2 = stored.stored("week1/01_a", "gpt2")
    gpt2.parent.mkdir(parents=True)
    gpt2.write_bytes(stored.stored("week1/01_a").read_bytes())
    relabel(stored, "gpt2", name="gpt2")
    chapter = stored.chapter("week1/01_a")
    why = (
        f"its outputs are labelled with the weights {POCKET['sha256'][:8]}, and those of gpt2 are "
        "248dfc39"
    )
    assert store.wrong_label(chapter, "gpt2") == why
    assert why in store.problems(chapter, "gpt2")[0]
    shown = page_model.choose(chapter)
    assert shown.model == "pocket"
    assert why in shown.reason  # which is fatal to a build
    monkeypatch.chdir(stored.root)
    assert main(["status"]) == 1
    relabel(stored, "gpt2", sha256=label("gpt2")["sha256"])
    assert "another revision of gpt2" in store.wrong_label(chapter, "gpt2")
    relabel(stored, "gpt2", **store.NO_MODEL)
    assert "without a model, and are not those of gpt2" in store.wrong_label(chapter, "gpt2")
    relabel(stored, "gpt2", **label("gpt2"))
    assert store.wrong_label(chapter, "gpt2") is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sha256": ""}, "its outputs are labelled with the weights , and those of pocket are"),
        ({"sha256": "cd" * 32}, "its outputs are labelled with the weights cdcdcdcd, and those"),
        ({"revision": "main"}, "its outputs are labelled with another revision of pocket"),
        ({"name": "none"}, "it names weights, and no model"),
        ({"changed": "2026-1-1"}, "its outputs are dated '2026-1-1', which is no day"),
        ({"changed": "20260101"}, "its outputs are dated '20260101', which is no day"),
        ({"changed": 20260101}, "its outputs are dated 20260101, which is no day"),
        ({"changed": "2126-01-01"}, "its outputs are dated 2126-01-01, which is yet to come"),
        ({"versions": {"python": "3.11"}}, "it names no version of torch"),
        ({"versions": {}}, "it names no version of python, torch"),
        ({"versions": VERSIONS | {"touch": "1.0"}}, "it names a version of touch, on which no"),
        ({"versions": VERSIONS | {"numpy": "newest"}}, "it names the version 'newest' of numpy"),
        ({"versions": VERSIONS | {"numpy": 2}}, "it names the version 2 of numpy"),
        ({"versions": "3.11"}, "it names no versions"),
    ],
)
def test_a_label_that_cannot_be_true_is_stale_with_its_reason(stored, changes, why):
    relabel(stored, **changes)
    assert stale(stored).startswith(why)
    assert stale(stored).endswith("; run `mi-course run week1/01_a`")


def test_a_cell_that_is_no_code_is_told_in_a_sentence(stored):
    path = stored.stored("week1/01_a")
    notebook = nbformat.read(path, 4)
    notebook.cells.append(nbformat.v4.new_markdown_cell("prose"))
    path.write_bytes(store.to_bytes(notebook))
    why = (
        "01_a.ipynb is no stored notebook: cell 3 is a markdown cell, and it holds code cells only"
    )
    (found,) = store.problems(stored.chapter("week1/01_a"), "pocket")
    assert why in found
    with pytest.raises(StoreError, match=why):
        store.load(path)
    raw = json.loads(path.read_text())
    del raw["cells"][0]["outputs"], raw["cells"][2]
    path.write_text(json.dumps(raw))
    assert "is no stored notebook" in stale(stored)


def test_a_chapter_that_no_page_shows_and_a_folder_of_no_model_are_named(
    stored, monkeypatch, capsys
):
    strange = stored.root / "book/outputs/gtp2/week1/01_a.ipynb"
    strange.parent.mkdir(parents=True)
    strange.write_bytes(stored.stored("week1/01_a").read_bytes())
    (stored.root / "book/outputs/pocket/notes.txt").write_text("x")
    toc = stored.root / "_toc.yml"
    toc.write_text(toc.read_text().replace("- file: book/week1/01_a\n", "- file: book/other\n"))
    other, dropped, unknown = store.orphans(stored.root)
    assert other.startswith("book/outputs/pocket/notes.txt belongs to no chapter")
    assert dropped == (
        "book/outputs/pocket/week1/01_a.ipynb belongs to a chapter that no page shows: add "
        "book/week1/01_a.md to _toc.yml, or run `git rm book/outputs/pocket/week1/01_a.ipynb`"
    )
    assert unknown == (
        "book/outputs/gtp2/week1/01_a.ipynb belongs to no model of the course "
        "(pocket, gpt2, smollm2); run "
        "`git rm book/outputs/gtp2/week1/01_a.ipynb`"
    )
    monkeypatch.chdir(stored.root)
    assert main(["status"]) == 1
    assert dropped in capsys.readouterr().out


def test_problems_name_file_cell_and_command(stored):
    stored.save("week1/01_a", [[text("/tmp/x\n")], [text("ok", "stderr")]])
    found = store.problems(stored.chapter("week1/01_a"), "pocket")
    assert len(found) == 2
    assert found[0].startswith("01_a.ipynb: code cell 1: its output holds a path of this machine")
    assert found[1].startswith("01_a.ipynb: code cell 2: it writes to stderr")
    assert all(f.endswith("run `mi-course run week1/01_a`") for f in found)


@pytest.mark.parametrize(
    ("output", "what"),
    [
        (new_output("error", ename="KeyError", evalue="'x'"), "it raised KeyError: 'x'"),
        (text("UserWarning: beware\n"), "its output holds a warning"),
        (text("/home/ada/x.py\n"), "its output holds a path of this machine"),
        (text("<object at 0x7f8a1c2b3d40>\n"), "its output holds an address in memory"),
        (shown({"text/html": "<p id='x-3f9a1'>"}), "its output holds a random id"),
        (text("Unknown mime type: x\n"), "its output holds `unknown mime type`"),
        (shown({"image/png": "AAAA"}), "it shows a picture (image/png)"),
    ],
)
def test_each_kind_of_noise_is_told_with_file_cell_and_command(stored, output, what):
    stored.save("week1/01_a", [[text("0.123456\n")], [output]])
    (found,) = store.problems(stored.chapter("week1/01_a"), "pocket")
    assert found.startswith(f"01_a.ipynb: code cell 2: {what}")
    assert found.endswith("; run `mi-course run week1/01_a`")


def test_a_stored_notebook_without_a_chapter_is_named_with_what_to_do(stored):
    assert store.orphans(stored.root) == []
    stored.write("week1/01_a", "# Only prose now\n")
    stored.write("week1/02_b", cell("1"))
    stored.save("week1/02_b", [[]], label("gpt2"), folder="gpt2")
    stored.chapter("week1/02_b").source.unlink()
    names = [f"book/outputs/{name}.ipynb" for name in ("pocket/week1/01_a", "gpt2/week1/02_b")]
    assert store.orphans(stored.root) == [
        f"{name} belongs to no chapter; bring its chapter back, or run `git rm {name}`"
        for name in names
    ]


def test_an_edit_of_markdown_alone_passes_without_a_kernel(stored, monkeypatch, capsys):
    def start(*args, **options):
        raise AssertionError("something was executed")

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.chdir(stored.root)
    stored.write("week1/01_a", CHAPTER.replace("prose", "other prose\n\n## A heading"))
    chapter = stored.chapter("week1/01_a")
    assert store.problems(chapter, "pocket", outputs.places(stored.root)) == []
    assert main(["status"]) == 0
    assert "fresh" in capsys.readouterr().out


def test_a_cell_cannot_excuse_itself_from_comparison():
    assert store.cell_problems("# NBVAL_IGNORE_OUTPUT\nx", [], ())
    assert store.cell_problems("# NBVAL_SKIP\nx", [], ())


def test_bytes_depend_on_content_alone_and_read_well(stored):
    path = stored.stored("week1/01_a")
    assert store.to_bytes(store.load(path)) == path.read_bytes()
    assert path.read_bytes().endswith(b"}\n")
    project_figure = shown({"application/json": {"z": [[1, 2], [3, 4]], "b": "é"}})
    stored.save("week1/01_a", [[project_figure], [text("a\nb\n")]])
    lines = path.read_text("utf8").splitlines()
    assert any(line.strip() == "[1, 2]," for line in lines)
    assert any(line.strip() == '"b": "é",' for line in lines)
    assert any(line.strip() == '"a\\n",' for line in lines)
    assert json.loads(path.read_text("utf8"))["nbformat"] == 4


def test_equal_cells_have_different_ids(project):
    project.write("a", cell("x") + "\n" + cell("y") + "\n" + cell("x"))
    ids = store.cell_ids(project.chapter("a").cells)
    assert len(set(ids)) == 3
    assert ids[2] == ids[0] + "-2"


def test_results_carry_the_number_of_their_cell(project):
    project.write("a", cell("1") + "\n" + cell("2"))
    result = new_output("execute_result", {"text/plain": "2"}, execution_count=7)
    project.save("a", [[], [result]])
    assert store.load(project.stored("a")).cells[1].outputs[0].execution_count == 2
