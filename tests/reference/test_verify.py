"""The referee calls numbers right and wrong, refuses other weights, and loses no quantity."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mi_course import models, reference
from mi_course.book.chapters import Chapter
from mi_course.book.publish import gpt2_changes
from mi_course.book.run import Outcome
from mi_course.cli import author, proof
from mi_course.cli.main import main
from mi_course.reference import Reference, verify
from support.outside import ROOT


def some(measured, published=1.0, tolerance=0.1):
    return Reference("a score", {"5.5": published}, tolerance, "a source", lambda _: measured)


def ended(doc, state, **options):
    return Outcome(Chapter(Path(), doc), "gpt2", state, **options)


@pytest.fixture
def named_gpt2(pocket, monkeypatch):
    """A model whose label says that it has GPT-2's weights, for the referee's own arithmetic."""
    label = dataclasses.replace(models.info(pocket), name="gpt2", sha256=models.GPT2_SHA256)
    monkeypatch.setattr(pocket, "mi_course_info", label)
    return pocket


def test_a_number_within_its_tolerance_agrees_and_one_outside_does_not(named_gpt2):
    right = verify.judge(named_gpt2, [some({"5.5": 1.09})])
    wrong = verify.judge(named_gpt2, [some({"5.5": 1.09}), some({"5.5": 1.11})])
    assert right.agrees
    assert not wrong.agrees
    assert wrong.summary.startswith("1 of 2 published numbers agree")


def test_nan_agrees_with_nothing(named_gpt2):
    assert not verify.judge(named_gpt2, [some({"5.5": float("nan")})]).agrees


def test_a_quantity_that_fails_is_named_and_hides_no_other(named_gpt2):
    def fails(_):
        raise IndexError("no such head")

    broken = Reference("a broken one", {"x": 1.0}, 0.1, "a source", fails)
    verdict = verify.judge(named_gpt2, [broken, some({"5.5": 1.0})])
    assert not verdict.agrees
    assert len(verdict.rows) == 1
    assert "Not measured: a broken one. `IndexError: no such head`" in verify.page(verdict)


def test_other_weights_are_refused(pocket):
    with pytest.raises(reference.NotGPT2Error, match="pocket"):
        verify.judge(pocket, [some({"5.5": 1.0})])


def test_other_weights_never_agree_even_where_each_number_does(pocket):
    verdict = verify.judge(pocket, [some({"5.5": 1.0})], even_if_random=True)
    assert all(row.agrees for row in verdict.rows)
    assert not verdict.agrees
    assert verdict.summary.startswith("0 of 1 published numbers agree")
    page = verify.page(verdict)
    assert verify.RANDOM in page
    assert "| **wrong weights** | a score |" in page
    assert "| agrees |" not in page


def test_no_number_at_all_is_no_agreement(named_gpt2):
    assert not verify.judge(named_gpt2, []).agrees


def test_the_page_says_how_many_chapters_ran_and_why_one_stopped(named_gpt2):
    verdict = verify.judge(named_gpt2, [some({"5.5": 1.0})])
    outcomes = [
        ended("week1/01_a", "new"),
        ended("week1/02_b", "failed", message="week1/02_b.md: cell 3 failed\n  line"),
    ]
    page = verify.page(verdict, outcomes)
    assert "1 of 2 chapters ran to their end on it." in page
    assert "`week1/02_b` stopped: `week1/02_b.md: cell 3 failed`" in page
    assert "chapters ran" not in verify.page(verdict)


def test_the_page_names_the_versions_that_it_was_given(named_gpt2):
    verdict = verify.judge(named_gpt2, [some({"5.5": 1.0})], versions={"python": "3.9", "x": "1.2"})
    assert "\n\nMeasured with python 3.9, x 1.2.\n\n" in verify.page(verdict)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder whose files are taken for GPT-2's."""
    folder = tmp_path / models.GPT2_REVISION
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "merges.txt").write_bytes(b"merges")
    sums = {name: models.sha256(folder / name) for name in ("model.safetensors", "merges.txt")}
    monkeypatch.setattr(models, "GPT2_SHA256", sums["model.safetensors"])
    monkeypatch.setattr(verify, "MERGES_SHA256", sums["merges.txt"])
    monkeypatch.setattr(verify, "GPT2_BYTES", 7)
    return folder


def test_the_right_files_are_let_through(files):
    found = verify.identity(files)
    verify.refuse_others(found)
    assert "differs" not in verify.identity_table(found)


@pytest.mark.parametrize("name", ["model.safetensors", "merges.txt"])
@pytest.mark.parametrize(
    "damage", [lambda path: path.write_bytes(b"wEights"), lambda p: p.unlink()]
)
def test_one_wrong_file_is_named_and_nothing_is_measured(files, name, damage):
    damage(files / name)
    found = verify.identity(files)
    with pytest.raises(reference.NotGPT2Error, match=f"SHA-256 of {name}.* differ, so nothing"):
        verify.refuse_others(found)
    assert f"| **differs** | SHA-256 of {name} |" in verify.identity_table(found)


class Stage:
    """The command with its long parts replaced: what it measures, and how the chapters end."""

    def __init__(self, files, model, root, monkeypatch):
        self.root, self.outcomes = root, [ended("week1/01_a", "new")]
        self.measured = {"5.5": 1.0}
        monkeypatch.setattr(models, "fetch_gpt2", lambda: files)
        monkeypatch.setattr(models, "load", lambda name: model)
        monkeypatch.setattr(reference, "everything", lambda: [some(self.measured)])
        monkeypatch.setattr(author, "execute", lambda *_: self.outcomes)

    def run(self, *options):
        return main(["verify-gpt2", "--root", str(self.root), *options])

    @property
    def page(self):
        return (self.root / proof.VERDICT_PAGE).read_text("utf8")


@pytest.fixture
def stage(files, named_gpt2, tmp_path, monkeypatch):
    label = dataclasses.replace(named_gpt2.mi_course_info, sha256=models.GPT2_SHA256)
    monkeypatch.setattr(named_gpt2, "mi_course_info", label)
    root = tmp_path / "course"
    (root / "book").mkdir(parents=True)
    (root / "_toc.yml").touch()
    (root / proof.VERDICT_PAGE).write_text(
        f"# Page\n\n<!-- {verify.MARK}: begin -->\nold\n<!-- {verify.MARK}: end -->\nrest\n"
    )
    return Stage(files, named_gpt2, root, monkeypatch)


def test_the_command_is_content_where_every_number_and_every_chapter_is(stage):
    assert stage.run() == 0
    assert "1 of 1 published numbers agree" in stage.page
    assert "1 of 1 chapters ran to their end on it." in stage.page
    assert "Measured with python 3." in stage.page
    assert "old" not in stage.page
    assert stage.page.endswith("rest\n")


def test_a_wrong_number_is_written_down_and_the_chapters_still_run(stage):
    stage.measured["5.5"] = 2.0
    assert stage.run() == 1
    assert "| **differs** | a score |" in stage.page
    assert "1 of 1 chapters ran" in stage.page


def test_a_chapter_that_stops_is_written_down_and_fails_the_command(stage):
    stage.outcomes.append(ended("week1/02_b", "failed", message="why"))
    assert stage.run() == 1
    assert "1 of 2 chapters ran" in stage.page
    assert "`week1/02_b` stopped: `why`" in stage.page


def test_numbers_only_runs_no_chapter(stage):
    assert stage.run("--numbers-only") == 0
    assert "chapters ran" not in stage.page


def test_without_the_hub_nothing_is_written(stage, monkeypatch, capsys):
    def no_hub():
        raise models.ModelFilesError("GPT-2 small is not in the local cache")

    monkeypatch.setattr(models, "fetch_gpt2", no_hub)
    assert stage.run() == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert "old" in stage.page


def test_the_page_shows_each_number_beside_the_published_one(named_gpt2):
    one = Reference("a | score", {"5.5": (0.9, 1.1)}, 0.1, "a source", lambda _: {"5.5": 0.25})
    page = verify.page(verify.judge(named_gpt2, [one]))
    assert r"| **differs** | a \| score | 5.5 | 0.9–1.1 | 0.25 | 0.1 | a source |" in page
    assert verify.RANDOM not in page


def test_until_it_is_measured_the_page_lists_every_published_number(capsys, tmp_path):
    committed = (ROOT / proof.VERDICT_PAGE).read_text("utf8")
    if verify.NOT_YET in committed:
        again = f"`mi-course verify-gpt2 --list --into {proof.VERDICT_PAGE}` writes it anew"
        assert verify.unmeasured() in committed, again
    page = tmp_path / "page.md"
    page.write_text(f"<!-- {verify.MARK}: begin -->\nold\n<!-- {verify.MARK}: end -->\n")
    assert main(["verify-gpt2", "--list", "--into", str(page)]) == 0
    printed = capsys.readouterr().out
    assert printed.strip() in page.read_text("utf8")
    assert (
        r"F(M): 3.56; \|F(M) - F(C)\|, 26 heads: 0.46; without MLPs 1 to 11: -1.1 | 1 |" in printed
    )
    assert gpt2_changes.numbers(printed) == []


def referee(env, *options):
    command = [sys.executable, "-m", "mi_course.cli", "verify-gpt2", *options]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=1800)


def test_without_the_hub_it_says_so(tmp_path):
    env = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = referee(env)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "GPT-2" in done.stderr


@pytest.mark.slow
def test_random_weights_of_the_hub_are_refused(offline_hub_env):
    done = referee(offline_hub_env)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "gpt2-random" in done.stderr
    assert "nothing was measured" in done.stderr
    assert "| **differs** | SHA-256 of model.safetensors |" in done.stdout
    assert "| agrees | revision |" in done.stdout
    assert "published" not in done.stdout


# The same for every model with GPT-2's tokenizer and shape; on other weights it counts for nothing.
NOT_OF_THE_WEIGHTS = {
    *(('tokens of "Hello, world!"', f"token {i}") for i in range(4)),
    ("number of parameters", "weights"),
}
# Heads that write next to nothing copy no name, and the model without them is nearly the same.
BY_CHANCE = {
    ("copy score on prompts (%)", "average head"),
    ("logit difference of IOI prompts", r"\|F(M) - F(C)\|, 26 heads"),
    ("logit difference left (%)", "26 heads alone"),
    ("logit difference left (%)", "without 9.9, 9.6 and 10.0"),
}


@pytest.mark.slow
def test_random_weights_get_every_number_wrong(offline_hub_env):
    done = referee(offline_hub_env, "--even-if-random")
    table = done.stdout[done.stdout.index("| verdict | quantity") :]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][2:]
    parts = sum(len(one.published) for one in reference.everything())
    assert done.returncode == 1
    assert verify.RANDOM in done.stdout
    assert f"0 of {parts} published numbers agree" in done.stdout
    assert "Not measured" not in done.stdout
    assert "Nothing was written" in done.stdout
    assert len(rows) == parts
    assert {row[0] for row in rows} <= {"| **differs**", "| **wrong weights**"}
    hit = {(row[1], row[2]) for row in rows if row[0] == "| **wrong weights**"}
    assert NOT_OF_THE_WEIGHTS <= hit <= NOT_OF_THE_WEIGHTS | BY_CHANCE
