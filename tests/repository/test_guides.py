"""What the guides tell a contributor to do can be done."""

from __future__ import annotations

import argparse
import json
import re
import subprocess

import pytest
import yaml

from mi_course.cli.main import _parser
from support.outside import ROOT

GUIDES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / ".github").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
DAYS = {
    "1": "Monday",
    "2": "Tuesday",
    "3": "Wednesday",
    "4": "Thursday",
    "5": "Friday",
    "6": "Saturday",
}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_a_guide_links_to_files_that_exist(guide):
    missing = [
        to for to in LINK.findall(guide.read_text("utf8")) if not (guide.parent / to).exists()
    ]
    assert not missing


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_a_guide_names_jobs_and_commands_that_exist(guide):
    text = guide.read_text("utf8")
    jobs = set(re.findall(r"^([a-z0-9-]+)\)$", (ROOT / ".ci/job").read_text(), re.MULTILINE))
    assert set(re.findall(r"\.ci/job ([a-z0-9-]+)", text)) <= jobs
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"[`(]make ([a-z][\w-]+)", text)) <= targets
    (choice,) = (a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))
    assert set(re.findall(r"mi-course ([a-z][\w-]*)", text)) <= choice.choices.keys()


def test_the_table_of_jobs_names_every_job_and_the_day_on_which_it_runs():
    rows = re.findall(
        r"^\| `\.ci/job ([\w-]+)[^|]*\| ([^|]+) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.M
    )
    jobs = re.findall(r"^([a-z0-9-]+)\)$", (ROOT / ".ci/job").read_text(), re.MULTILINE)
    assert [name for name, _ in rows] == jobs
    workflows = [path.read_text("utf8") for path in (ROOT / ".github/workflows").glob("*.yml")]
    for name, when in rows:
        (text,) = (one for one in workflows if re.search(rf"\.ci/job {name}(?![\w-])", one))
        cron = re.search(r'cron: "\S+ \S+ \* \* (\d)"', text)
        assert ("every " in when) == (cron is not None and DAYS[cron[1]] in when)


def test_the_development_container_installs_what_make_test_needs():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text("utf8"))
    command = container["postCreateCommand"].split()
    assert command[0] == "make"
    planned = subprocess.run(
        ["make", "--dry-run", "--always-make", *command[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert planned.returncode == 0
    assert "requirements/install.sh dev" in planned.stdout
    python = container["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert python.endswith("/.venv/bin/python")


@pytest.mark.parametrize(
    "form", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")), ids=lambda form: form.stem
)
def test_an_issue_form_asks_something_and_each_question_has_an_id_of_its_own(form):
    found = yaml.safe_load(form.read_text("utf8"))
    if form.stem == "config":
        assert found == {"blank_issues_enabled": True}
        return
    assert {"name", "description", "body"} <= found.keys()
    ids = [field["id"] for field in found["body"]]
    assert len(ids) == len(set(ids))
    assert all(field["attributes"]["label"] for field in found["body"])


def test_the_citation_file_has_the_packages_version_and_licence():
    import tomllib

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert [a["name"] for a in citation["authors"]] == [a["name"] for a in project["authors"]]
    assert citation["cff-version"] == "1.2.0"


def test_the_changelog_has_a_place_for_what_comes_next():
    changelog = (ROOT / "CHANGELOG.md").read_text("utf8")
    assert changelog.index("# Changelog") < changelog.index("## Unreleased")
