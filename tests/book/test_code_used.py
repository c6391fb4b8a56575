"""What makes stored outputs of a large model stale, though their cells are as they were."""

from __future__ import annotations

import pytest

from mi_course.book import code_used, store
from mi_course.book.chapters import Cell
from mi_course.claims import sources
from support.small_course import cell, label

PINS = "numpy==2.4.6\npydantic==2.1\ntorch==2.15.0\n"


@pytest.fixture
def made(project):
    """A chapter with outputs of `smollm2`, in a course that pins versions."""
    (project.root / "requirements").mkdir()
    (project.root / "requirements/run.txt").write_text(PINS)
    project.write("a", cell("from mi_course import heads\nheads.head_name((1, 2))"))
    project.save("a", [[]], label("smollm2"), folder="smollm2")
    return project


def why(project):
    return store.stale_reason(project.chapter("a"), "smollm2")


def test_outputs_as_they_were_made_are_fresh(made):
    assert why(made) is None


def test_code_that_the_cells_use_makes_them_stale_and_the_command_is_named(made, monkeypatch):
    monkeypatch.setattr(code_used, "_of_package", lambda code: "other code")
    assert why(made) == (
        "code of the package that it uses, or a pinned version, changed since; "
        "run `mi-course run a --model smollm2`"
    )


@pytest.mark.parametrize(
    ("old", "new", "stale"), [("torch==2.15.0", "torch==2.16.0", True), ("==2.1", "==2.2", False)]
)
def test_pins_on_which_numbers_depend_count(made, old, new, stale):
    (made.root / "requirements/run.txt").write_text(PINS.replace(old, new, 1))
    assert bool(why(made)) == stale


def test_outputs_that_say_nothing_of_the_code_are_stale_but_for_the_default_models(made):
    stored = made.stored("a", "smollm2")
    notebook = store.load(stored)
    del notebook.metadata.mi_course["code"]
    stored.write_bytes(store.to_bytes(notebook))
    assert "code of the package" in why(made)
    made.save("a", [[]])
    assert "code" not in store.load(made.stored("a")).metadata.mi_course
    assert store.stale_reason(made.chapter("a"), "pocket") is None


def test_a_run_with_the_same_outputs_keeps_them_and_takes_the_new_code(made, monkeypatch):
    before = store.load(made.stored("a", "smollm2")).metadata.mi_course
    monkeypatch.setattr(code_used, "_of_package", lambda code: "other code")
    assert made.save("a", [[]], label("smollm2"), folder="smollm2") == "kept"
    after = store.load(made.stored("a", "smollm2")).metadata.mi_course
    assert why(made) is None
    assert (before.changed, before.model) == (after.changed, after.model)
    assert before.code != after.code


def test_cells_with_magic_and_cells_that_are_no_python_are_read(tmp_path):
    used = Cell("from mi_course import heads\n%time heads.head_name((1, 2))")
    assert code_used.digest([used], tmp_path) == code_used.digest([used, Cell("def (:")], tmp_path)


@pytest.fixture
def digest(tmp_path):
    """The digest of a script, in a package of which texts were replaced."""
    made = iter(range(100))
    script = "import pack\nfrom pack import study, check\nstudy.measure(1)\ncheck.it(2)\n"

    def write(file="study", old="", new="", script=script):
        package = tmp_path / str(next(made)) / "pack"
        package.mkdir(parents=True)
        texts = {
            "__init__": "",
            "study": "from pack import deep\ndef measure(x):\n    '''Doc.'''\n"
            "    return deep.DEPTH * x\ndef other():\n    return 1\n",
            "deep": "DEPTH = 3\n",
            "check": "def it(x):\n    return x\n",
        }
        assert old in texts[file]
        texts[file] = texts[file].replace(old, new)
        for name, text in texts.items():
            (package / f"{name}.py").write_text(text)
        return sources.digest_of_script(script, ["check"], package)

    return write


@pytest.mark.parametrize(
    ("file", "old", "new", "counts"),
    [
        ("study", "DEPTH * x", "DEPTH + x", True),
        ("deep", "3", "4", True),  # through what it uses
        ("study", "Doc.", "Another text.", False),
        ("study", "return 1", "return 2", False),  # not used
        ("check", "return x", "return -x", False),  # left out
    ],
)
def test_what_changes_the_digest_of_a_script(digest, file, old, new, counts):
    assert (digest(file, old, new) != digest()) == counts


def test_the_scripts_own_lines_do_not_count(digest):
    assert digest(script="from pack import study\nprint(study.measure)") == digest()
