"""Each workflow of GitHub Actions: pinned, with few rights, and made of commands that exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest
import yaml

from mi_course import models
from mi_course.digits import mnist
from support.outside import ROOT
from support.small_course import package_env

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
# What each job may do beyond reading the repository, and why it must.
RIGHTS = {
    ("pages.yml", "deploy"): {"pages": "write", "id-token": "write"},
    ("pages.yml", "notebooks"): {"contents": "write"},  # pushes the branch
    ("links.yml", "links"): {"contents": "read", "issues": "write"},
    ("colab.yml", "colab"): {"contents": "read", "issues": "write"},
    ("test-all.yml", "test-all"): {"contents": "read", "issues": "write"},
    ("claims.yml", "claims"): {"contents": "read", "issues": "write"},
    ("environments.yml", "environments"): {"contents": "read", "issues": "write"},
    ("gpt2-outputs.yml", "propose"): {"contents": "write", "pull-requests": "write"},
}
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def load(path):
    return yaml.safe_load(path.read_text("utf8"))


def jobs():
    for path in WORKFLOWS:
        for name, job in load(path)["jobs"].items():
            yield pytest.param(path, name, job, id=f"{path.stem}-{name}")


def test_there_is_a_workflow_for_each_thing_that_is_published():
    names = {path.stem for path in WORKFLOWS}
    assert names == {
        "ci", "pages", "gpt2-outputs", "links", "colab", "test-all", "environments", "claims",
    }  # fmt: skip


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_commit_with_its_version(path):
    uses = [line.strip("- ") for line in path.read_text("utf8").splitlines() if "uses:" in line]
    assert uses
    for line in uses:
        assert PINNED.fullmatch(line.strip()), line


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_reads_only_unless_a_job_says_more(path):
    assert load(path)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize(("path", "name", "job"), list(jobs()))
def test_a_job_has_the_rights_that_it_needs_and_no_other(path, name, job):
    assert job.get("permissions", {}) == RIGHTS.get((path.name, name), {})


@pytest.mark.parametrize(("path", "name", "job"), list(jobs()))
def test_a_job_that_may_not_write_keeps_no_credentials(path, name, job):
    writes = job.get("permissions", {}).get("contents") == "write"
    for step in job["steps"]:
        if step.get("uses", "").startswith("actions/checkout@") and not writes:
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize(("path", "name", "job"), list(jobs()))
def test_a_job_that_may_write_runs_nothing_that_others_wrote(path, name, job):
    """What is installed from a registry must not see a token that may write to the repository."""
    if job.get("permissions", {}).get("contents") == "write":
        commands = [shlex.split(step["run"])[0] for step in job["steps"] if "run" in step]
        assert set(commands) <= {".ci/push-branch", ".ci/open-pull-request"}


def test_the_branch_for_binder_keeps_its_hidden_folder():
    steps = load(ROOT / ".github/workflows/pages.yml")["jobs"]["build"]["steps"]
    (kept,) = (step["with"] for step in steps if "actions/upload-artifact@" in step.get("uses", ""))
    assert kept["include-hidden-files"] is True
    made = next(shlex.split(step["run"]) for step in steps if "notebooks" in step.get("run", ""))
    assert made == [".ci/job", "notebooks", kept["path"]]


@pytest.mark.parametrize(("path", "name", "job"), list(jobs()))
def test_a_job_ends_by_itself_and_runs_only_what_anyone_can_run(path, name, job):
    assert job["timeout-minutes"] <= 350
    for step in job["steps"]:
        if "run" not in step:
            continue
        assert "${{" not in step["run"], "an expression in a shell line can be injected into"
        command, *arguments = shlex.split(step["run"])
        script = ROOT / command
        assert command.startswith(".ci/")
        assert script.is_file()
        assert script.stat().st_mode & 0o100
        if command == ".ci/job":
            assert arguments[0] in known_jobs()


def known_jobs() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)\)$", (ROOT / ".ci/job").read_text(), re.MULTILINE))


def test_the_list_of_jobs_that_the_script_prints_is_complete():
    done = subprocess.run([ROOT / ".ci/job"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert {line.split()[0] for line in done.stderr.splitlines()} == known_jobs()


def test_every_script_is_a_shell_script_without_a_mistake_of_syntax():
    for script in (ROOT / ".ci").iterdir():
        subprocess.run(["sh", "-n", script], check=True)


def test_pull_requests_are_tested_on_the_promised_systems():
    job = load(ROOT / ".github/workflows/ci.yml")["jobs"]["test"]
    found = {(one["os"], one["python"]) for one in job["strategy"]["matrix"]["include"]}
    assert found == {
        ("ubuntu-latest", "3.11"),
        ("ubuntu-latest", "3.13"),
        ("macos-latest", "3.12"),
    }


@pytest.mark.parametrize("job", ["test", "outputs"])
def test_the_chapters_that_need_mnist_are_executed_again_where_ci_runs(job):
    """Their tests report `NOT RUN` without it, and CI would be green for stale outputs."""
    steps = load(ROOT / ".github/workflows/ci.yml")["jobs"][job]["steps"]
    cache = next(s["with"] for s in steps if s.get("uses", "").startswith("actions/cache@"))
    assert cache["path"] == "~/.cache/mi_course"  # mnist.data_folder() where nothing is set
    assert cache["key"] == f"mnist-{mnist.SHA256['train-images-idx3-ubyte']}"
    commands = [step["run"] for step in steps if "run" in step]
    assert commands == [".ci/job mnist", f".ci/job {job}"]
    assert not any("MI_COURSE_DATA" in step.get("env", {}) for step in steps)


@pytest.mark.slow
def test_the_job_that_fetches_mnist_fails_where_it_is_not_mnists(tmp_path):
    """Its command, on a folder that holds four empty files and with no network to mend them."""
    text = (ROOT / ".ci/job").read_text("utf8")
    (code,) = re.findall(r'MI_COURSE_MNIST=mnist \S+ -c "(.*)"', text)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in mnist.SHA256:
        (raw / name).touch()
    offline = "from torchvision.datasets import MNIST; MNIST.mirrors = []; "
    done = subprocess.run(
        [sys.executable, "-c", offline + code],
        env=package_env(MI_COURSE_MNIST="mnist", MI_COURSE_DATA=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "was not downloaded" in done.stderr


def test_the_cache_of_gpt2_is_the_pinned_revision():
    text = (ROOT / ".github/workflows/gpt2-outputs.yml").read_text("utf8")
    assert f"key: gpt2-{models.GPT2_REVISION}\n" in text


def test_the_pull_request_carries_what_the_measurement_kept():
    measure, propose = load(ROOT / ".github/workflows/gpt2-outputs.yml")["jobs"].values()
    kept = next(s for s in measure["steps"] if "upload-artifact" in s.get("uses", ""))
    words = shlex.split(propose["steps"][-1]["run"])
    assert set(kept["with"]["path"].split()) == set(words[3:])


def test_each_report_is_the_file_that_its_job_writes():
    job = (ROOT / ".ci/job").read_text("utf8")
    for name in ("links", "colab", "test-all", "environments", "claims"):
        steps = load(ROOT / f".github/workflows/{name}.yml")["jobs"][name]["steps"]
        report = shlex.split(steps[-1]["run"])[-1]
        assert report in job
