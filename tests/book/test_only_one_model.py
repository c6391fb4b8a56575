"""A chapter about one model that is not the default has outputs of that model, and no others."""

from __future__ import annotations

import pytest

from mi_course.book import chapters, run, store
from mi_course.book.proof import prove
from mi_course.book.site import page_model
from mi_course.cli import main
from mi_course.models import registry, smollm2
from support.small_course import FRONT, cell, text

DOC = "labs/lenses"
WEIGHTS = {
    "name": "smollm2",
    "sha256": registry.SMOLLM2.sha256,
    "revision": registry.SMOLLM2.revision,
}


def front(only):
    return FRONT.replace("---\njup", f"---\nonly: {only}\njup")


@pytest.fixture
def chapter(project):
    path = project.write(DOC, cell("print(1)"))
    path.write_text(front("smollm2") + cell("print(1)"))
    return project.chapter(DOC)


def test_it_has_a_default_of_its_own(project, chapter):
    assert (chapter.only, chapter.default) == ("smollm2", "smollm2")
    project.write("week1/01_a", cell("1"))
    other = project.chapter("week1/01_a")
    assert (other.only, other.default) == (None, "pocket")


@pytest.mark.parametrize("name", ["pocket", "smolm2"])
def test_the_default_and_an_unknown_model_are_refused(project, chapter, name):
    chapter.source.write_text(front(name) + cell("1"))
    with pytest.raises(chapters.ChapterError, match=f"only: '{name}', expected gpt2 or smollm2"):
        project.chapter(DOC).only  # noqa: B018


def test_it_lacks_no_outputs_of_pocket_and_may_have_none(project, chapter):
    assert store.problems(chapter, "pocket") == []
    assert store.stale_reason(chapter, "smollm2").startswith("no stored outputs")
    project.save(DOC, [[text("1\n")]])
    assert "runs on smollm2 only, and outputs of pocket" in store.stale_reason(chapter, "pocket")


def test_its_page_shows_its_model_without_a_complaint(project, chapter, monkeypatch):
    project.save(DOC, [[text("1\n")]], WEIGHTS, folder="smollm2")
    monkeypatch.setattr(store, "_stale", lambda chapter, model: None)
    shown = page_model.choose(chapter)
    assert (shown.model, shown.reason, shown.others) == ("smollm2", None, ())
    assert page_model.choose(chapter, "pocket").model == "smollm2"


def test_a_run_on_another_model_says_what_to_run(chapter):
    (outcome,) = run.run_all([chapter], "pocket", 1)
    told = "it runs on smollm2 only: mi-course run labs/lenses --model smollm2"
    assert (outcome.state, outcome.message) == ("not run", told)


def test_status_asks_for_its_own_outputs_only(project, chapter, monkeypatch, capsys):
    project.write("week1/01_a", cell("print(1)"))
    project.save("week1/01_a", [[text("1\n")]])
    project.save(DOC, [[text("1\n")]], WEIGHTS, folder="smollm2")
    ask = store.stale_reason
    monkeypatch.setattr(
        store, "stale_reason", lambda c, model: None if model == "smollm2" else ask(c, model)
    )
    status = ["status", "--root", str(project.root)]
    assert main(status) == 0, capsys.readouterr().out
    (row,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith(DOC))
    assert "none stored" in row
    monkeypatch.setattr(store, "stale_reason", lambda c, model: c.only and "old")
    assert main(status) == 1


def test_the_proof_of_outputs_leaves_it_out(project, chapter, monkeypatch):
    project.write("week1/01_a", cell("print(1)"))
    tried = []
    monkeypatch.setattr(prove.Book, "static_alarm", lambda self, doc: tried.append(doc) or "")
    monkeypatch.setattr(prove, "_all", lambda *args: iter(()))
    prove.prove(project.root, seed=0, jobs=1)
    assert tried == ["week1/01_a"]


def test_it_needs_its_model(chapter, monkeypatch):
    monkeypatch.setattr(smollm2, "installed", lambda: None)
    assert chapter.missing().startswith("SmolLM2-135M-Instruct is not installed: ")
