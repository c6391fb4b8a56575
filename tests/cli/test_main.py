"""The command line answers at once, names what is wrong, and shows no traceback for it."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
import tomllib
import types

import pytest

from mi_course.cli.main import main
from support.outside import ROOT
from support.small_course import Project, cell, label, package_env


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one chapter; the command is called in its folder."""
    project = Project(tmp_path / "course")
    project.write("week1/01_a", "# A\n\n" + cell("x = 1\nprint(x)"))
    monkeypatch.chdir(project.root)
    return project


def fresh_python(code: str, **options):
    return subprocess.run(
        [sys.executable, "-c", code],
        env=package_env(),
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def test_help_answers_at_once_and_imports_nothing_heavy():
    start = time.perf_counter()
    done = fresh_python(
        "import sys\nfrom mi_course.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'transformers', 'nbformat', 'nbclient', 'myst_nb', 'sphinx'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"  # no assert: PYTHONOPTIMIZE=1
    )
    assert done.returncode == 0, done.stderr
    assert all(command in done.stdout for command in ("start", "run", "status", "train-pocket"))
    assert time.perf_counter() - start < 3  # 0.05 s; wide, since a test machine may be busy


def test_the_command_is_there_without_being_installed_too():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]["scripts"]
    module, _, name = scripts["mi-course"].partition(":")
    assert getattr(importlib.import_module(module), name) is main
    command = [sys.executable, "-m", "mi_course.cli", "--help"]
    done = subprocess.run(command, env=package_env(), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout[:17]) == (0, "usage: mi-course ")


def test_run_status_and_start_in_a_fresh_course(course, capsys):
    assert main(["status"]) == 1
    assert "stale: no stored outputs; run `mi-course run week1/01_a`" in capsys.readouterr().out

    assert main(["run"]) == 0
    assert "new        week1/01_a (pocket, " in capsys.readouterr().out
    assert main(["run", "book/week1/01_a.md"]) == 0
    assert "1 unchanged" in capsys.readouterr().out

    assert main(["status"]) == 0
    row = capsys.readouterr().out.splitlines()[2].split("  ")
    assert [c.strip() for c in row if c.strip()] == [
        "week1/01_a",
        "1",
        "fresh",
        "none stored",
        "none stored",
        "nothing changed",
    ]

    assert main(["start", "1"]) == 0
    assert "written  workbook/week1/01_a.ipynb" in capsys.readouterr().out
    assert (course.root / "workbook/week1/01_a.ipynb").is_file()


def test_only_what_changed_is_run_when_asked(course, capsys):
    main(["run"])
    capsys.readouterr()
    assert main(["run", "--changed"]) == 0
    assert "Nothing changed since the last run here." in capsys.readouterr().out

    course.write("week1/01_a", "# A\n\nOther prose.\n\n" + cell("x = 1\nprint(x)"))
    assert main(["run", "--changed"]) == 0
    assert "Nothing changed since the last run here." in capsys.readouterr().out

    course.write("week1/01_a", "# A\n\n" + cell("x = 1\nprint(x, 2)"))
    assert main(["run", "--changed"]) == 0
    assert "1 changed" in capsys.readouterr().out


def test_a_failing_cell_is_reported_and_the_command_fails(course, capsys):
    course.write("week1/02_b", cell("1 / 0"))
    assert main(["run", "--jobs", "2"]) == 1
    out = capsys.readouterr().out
    assert "failed     week1/02_b" in out
    assert "ZeroDivisionError: division by zero" in out
    assert "1 new, 1 failed" in out


def test_a_stored_notebook_without_a_chapter_is_named(course, capsys):
    main(["run"])
    course.write("week1/02_b", cell("2"))
    (course.root / "book/week1/01_a.md").unlink()
    assert main(["status"]) == 1
    assert "book/outputs/pocket/week1/01_a.ipynb belongs to no chapter" in capsys.readouterr().out


def test_stale_outputs_of_gpt2_are_shown_and_fail_nothing(course, capsys):
    course.save("week1/01_a", [[]], label("gpt2"), folder="gpt2")
    course.write("week1/01_a", cell("x = 2\nprint(x)"))
    assert main(["run"]) == 0
    capsys.readouterr()
    assert main(["status"]) == 0
    out = capsys.readouterr().out
    assert "stale: code cell 1 (line 6) differs" in out
    assert "run `mi-course run week1/01_a --model gpt2`" in out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["run", "week9"], "no chapter 'week9'. The chapters are:\n  week1/01_a"),
        (["start", "9"], "no chapters in 'week9'. There are: week1"),
        (["status", "--root", "nowhere"], "--root nowhere: no such folder"),
        (["status", "--root", "/"], "no course here: / and the folders above hold no _toc.yml"),
        (["train-pocket", "--into", "_toc.yml"], "--into _toc.yml is a file"),
        (["train-pocket", "--seed", "6"], "say where with --into"),
    ],
)
def test_bad_input_gives_one_clear_message(course, capsys, monkeypatch, argv, message):
    # as when installed without a checkout around the package
    monkeypatch.setattr("mi_course.book.chapters.__file__", "/nowhere/code/mi_course/book/x.py")
    assert main(argv) == 1
    err = capsys.readouterr().err
    assert err.startswith("mi-course: ")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "argv", [[], ["dance"], ["run", "--jobs", "0"], ["run", "--model", "gpt3"]]
)
def test_a_wrong_command_line_exits_with_2_and_the_usage(argv, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(argv)
    assert exit_.value.code == 2
    assert "usage: mi-course" in capsys.readouterr().err


def test_a_missing_library_is_named_with_what_to_do(course):
    code = (
        "import sys; sys.modules['nbclient'] = None\n"
        "from mi_course.cli.main import main; sys.exit(main(['run']))"
    )
    done = fresh_python(code, cwd=course.root)
    assert done.returncode == 1
    assert done.stderr.startswith("mi-course: nbclient is not installed. Install the course")
    assert "Traceback" not in done.stderr


def test_a_missing_module_of_the_course_is_an_error_of_the_program(course, monkeypatch):
    def broken(root):
        raise ModuleNotFoundError("No module named 'mi_course.moved'", name="mi_course.moved")

    monkeypatch.setattr("mi_course.book.chapters.find", broken)
    with pytest.raises(ModuleNotFoundError, match=r"mi_course\.moved"):
        main(["status"])


def test_an_error_of_the_program_itself_keeps_its_traceback(course, monkeypatch):
    def broken(root):
        raise RuntimeError("a bug")

    monkeypatch.setattr("mi_course.book.chapters.find", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        main(["status"])


def test_training_is_called_with_the_folder_and_resumes_unless_told(tmp_path, monkeypatch, capsys):
    calls = []

    def train_pocket(out, *, seed, resume, progress):
        calls.append((out, seed, resume, progress))
        out.mkdir(exist_ok=True)
        (out / "model.safetensors").write_bytes(bytes(2**20))

    monkeypatch.setitem(
        sys.modules,
        "mi_course.pocket_training.training",
        types.SimpleNamespace(train_pocket=train_pocket),
    )
    monkeypatch.setattr(
        "mi_course.pocket_training.training",
        sys.modules["mi_course.pocket_training.training"],
        raising=False,
    )
    assert main(["train-pocket", "--into", str(tmp_path / "p")]) == 0
    assert main(["train-pocket", "--into", str(tmp_path / "p"), "--restart"]) == 0
    assert main(["train-pocket", "--into", str(tmp_path / "p"), "--seed", "6"]) == 0
    assert calls == [
        (tmp_path / "p", 5, True, True),
        (tmp_path / "p", 5, False, True),
        (tmp_path / "p", 6, True, True),
    ]
    assert "1.0 MiB" in capsys.readouterr().out
