"""Only what changed is run again, and whatever an output depends on counts as a change."""

from __future__ import annotations

import hashlib

import pytest

from mi_course.book import kernels, last_runs
from support.small_course import cell, text


@pytest.fixture
def noted(project, monkeypatch):
    """A chapter that was run with a package of one module and a model of one file."""
    package = project.root / "code" / "mi_course"
    (package / "pocket").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "words.py").write_text("A = 1\n")
    (package / "pocket" / "model.safetensors").write_bytes(b"weights")
    monkeypatch.setattr(kernels, "PACKAGE", package)
    project.write("a", "# A\n\n" + cell("print(1)"))
    project.save("a", [[text("1\n")]])
    note(project)
    return project


def note(project):
    """Note a run that imported the package and its one module, as the kernel reports them."""
    files = {"mi_course": "__init__.py", "mi_course.words": "words.py"}
    digests = {
        name: hashlib.sha256((kernels.PACKAGE / file).read_bytes()).hexdigest()
        for name, file in files.items()
    }
    last_runs.note(project.chapter("a"), "pocket", digests)


def why(project):
    return last_runs.why_run(project.chapter("a"), "pocket")


def test_nothing_changed_and_prose_is_nothing(noted):
    assert why(noted) is None
    noted.write("a", "# Another title\n\n" + cell("print(1)") + "\nMore prose.\n")
    assert why(noted) is None


def test_each_thing_that_an_output_depends_on_is_named(noted, monkeypatch):
    package = kernels.PACKAGE

    (package / "unused.py").write_text("B = 1\n")
    assert why(noted) is None

    (package / "words.py").write_text("A = 2\n")
    assert why(noted) == "mi_course.words changed"
    (package / "words.py").unlink()
    assert why(noted) == "mi_course.words changed"
    (package / "words.py").write_text("A = 1\n")

    (package / "pocket" / "model.safetensors").write_bytes(b"other")
    assert why(noted) == "the files of the model changed"
    (package / "pocket" / "model.safetensors").write_bytes(b"weights")

    noted.stored("a").write_bytes(noted.stored("a").read_bytes() + b"\n")
    assert why(noted) == "its stored outputs changed"
    noted.save("a", [[text("2\n")]])
    noted.save("a", [[text("1\n")]])
    note(noted)

    noted.write("a", "# A\n\n" + cell("print(1 )"))
    assert why(noted) == "its cells changed"
    noted.write("a", "# A\n\n" + cell("print(1)"))
    assert why(noted) is None

    monkeypatch.setattr(kernels, "versions", lambda: {"python": "3.11"})
    monkeypatch.setattr(last_runs, "_installed", lambda: {"a": "1", "b": "2", "c": "3"})
    note(noted)
    monkeypatch.setattr(kernels, "versions", lambda: {"python": "3.13"})
    assert why(noted) == "other version of python"
    monkeypatch.setattr(kernels, "versions", lambda: {"python": "3.11"})
    monkeypatch.setattr(last_runs, "_installed", lambda: {"b": "3", "c": "4", "d": "3"})
    assert why(noted) == "other version of a, b and 2 more"


def test_data_of_the_package_that_a_chapter_can_read_are_dependencies(noted):
    package = kernels.PACKAGE
    for file in ("table.csv", "digits/__init__.py", "digits/runs/symptoms.csv", "other/x.csv"):
        path = package / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1\n")
    (package / "other" / "__init__.py").write_text("")
    note(noted)
    (package / "table.csv").write_text("2\n")
    assert why(noted) == "table.csv changed"
    (package / "table.csv").write_text("1\n")
    (package / "digits/runs/symptoms.csv").write_text("2\n")
    assert why(noted) is None  # nothing of digits was imported
    (package / "other/x.csv").write_text("2\n")
    assert why(noted) is None

    digest = hashlib.sha256((package / "digits/__init__.py").read_bytes()).hexdigest()
    last_runs.note(noted.chapter("a"), "pocket", {"mi_course.digits": digest})
    assert why(noted) is None
    (package / "digits/runs/symptoms.csv").write_text("3\n")
    assert why(noted) == "digits/runs/symptoms.csv changed"
    (package / "digits/runs/symptoms.csv").unlink()
    assert why(noted) == "digits/runs/symptoms.csv changed"
    (package / "digits/runs/symptoms.csv").write_text("2\n")
    assert why(noted) is None
    (package / "digits/runs/new.csv").write_text("1\n")
    assert why(noted) == "digits/runs/new.csv changed"


def test_checks_run_in_a_process_of_their_own_and_count_as_a_whole(noted):
    checks = kernels.PACKAGE / "check"
    checks.mkdir()
    for name in ("__init__.py", "worker.py"):
        (checks / name).write_text("")
    empty = hashlib.sha256(b"").hexdigest()
    last_runs.note(noted.chapter("a"), "pocket", {"mi_course.check": empty})
    (checks / "worker.py").write_text("A = 1\n")
    assert why(noted) == "check/worker.py changed"


def test_a_changed_table_of_a_shipped_run_has_its_chapter_run_again():
    """What the issue named: `run --changed` left `mlp_runs/symptoms.csv` out."""
    files = last_runs._data_files(["mi_course.digits.run_log", "mi_course"])
    names = {path.relative_to(kernels.PACKAGE).as_posix() for path in files}
    assert {"digits/runs/symptoms.csv", "digits/runs/mnist_seed0.safetensors"} <= names
    assert "learner/tracker.json" not in names


def test_what_was_never_run_here_is_run(noted):
    assert last_runs.why_run(noted.chapter("a"), "gpt2") == "not run here yet"
    (noted.root / last_runs.FILE).write_text("{broken")
    assert why(noted) == "not run here yet"
