"""Links to the repository and its site carry one name, and one command sets it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

from mi_course.book.site import site_address
from support.outside import ROOT

URLS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]["urls"]
HOST = "https://github.com/"
NAME = URLS["Source"].removeprefix(HOST)
FILES = ["pyproject.toml", "CITATION.cff", "README.md", "CONTRIBUTING.md"]
READ = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / ".github").rglob("*.md"))]
READ += [ROOT / "pyproject.toml", ROOT / "CITATION.cff"]
# The repositories of others that these files link to, and the reader's own.
OTHERS = {"YOU/FORK"}
REPOSITORY = re.compile(r"https://github\.com/([\w.-]+/[\w-]+(?:\.[\w-]+)*)")
SITE = re.compile(r"https://[\w-]+\.github\.io/(?:[\w.-]+/)?")


def names(text: str) -> set[str]:
    """The repositories that a text links to, without those of others."""
    return {name.removesuffix(".git") for name in REPOSITORY.findall(text)} - OTHERS


def test_the_package_names_its_site_code_issues_and_changes():
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", NAME)
    assert URLS["Homepage"].lower() == site_address.address(NAME).lower()
    assert URLS["Issues"] == f"{HOST}{NAME}/issues"
    assert URLS["Changelog"] == f"{HOST}{NAME}/blob/main/CHANGELOG.md"


def test_the_citation_names_them_too():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))
    assert citation["repository-code"] == URLS["Source"]
    assert citation["url"] == URLS["Homepage"]


@pytest.mark.parametrize("path", READ, ids=lambda path: path.name)
def test_every_link_to_the_repository_or_its_site_carries_the_one_name(path):
    text = path.read_text("utf8")
    assert names(text) <= {NAME}
    assert set(SITE.findall(text)) <= {URLS["Homepage"]}
    if path.name not in FILES:  # the command does not look there
        assert NAME not in names(text)
        assert not SITE.findall(text)


@pytest.fixture
def copy(tmp_path):
    """The files that carry the name, and the command that sets it."""
    (tmp_path / ".ci").mkdir()
    for name in [*FILES, ".ci/set-repository"]:
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def set_name(folder, *names):
    return subprocess.run(
        [".ci/set-repository", *names], cwd=folder, capture_output=True, text=True
    )


def test_one_command_sets_the_name_everywhere_and_can_set_it_back(copy):
    before = {file: (copy / file).read_text("utf8") for file in FILES}
    line = f"{HOST}{{0}}.git {HOST}{{0}}/actions {HOST}{NAME}-2 {{1}}book/x.html {HOST}{{0}}.\n"
    line += f"git clone {HOST}{{0}} && cd {{2}}\n"
    with (copy / "README.md").open("a", encoding="utf8") as readme:
        readme.write(line.format(NAME, URLS["Homepage"], NAME.partition("/")[2]))
    for name in ("Octocat/my.course", "octocat/octocat.github.io", "a/b", NAME):
        assert set_name(copy, name).returncode == 0
        urls = tomllib.loads((copy / "pyproject.toml").read_text("utf8"))["project"]["urls"]
        site = site_address.address(name)
        assert (urls["Source"], urls["Homepage"]) == (f"{HOST}{name}", site)
        added = line.format(name, site, name.partition("/")[2])
        assert (copy / "README.md").read_text("utf8").endswith(added)
    for file, text in before.items():
        told = (copy / file).read_text("utf8").removesuffix(added)
        assert told == text.replace(URLS["Homepage"], site)
    assert {path.name for path in copy.iterdir()} == {".ci", *FILES}


@pytest.mark.parametrize(
    "given", [[], ["octocat"], ["https://github.com/octocat/course"], ["a/b#"]]
)
def test_what_is_no_name_is_refused_and_changes_nothing(copy, given):
    before = (copy / "pyproject.toml").read_text("utf8")
    done = set_name(copy, *given)
    assert done.returncode == 2
    assert "usage: .ci/set-repository OWNER/NAME" in done.stderr
    assert (copy / "pyproject.toml").read_text("utf8") == before
