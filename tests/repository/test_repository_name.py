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
    assert {
        "Homepage": site_address.address(NAME),
        "Source": f"{HOST}{NAME}",
        "Issues": f"{HOST}{NAME}/issues",
        "Changelog": f"{HOST}{NAME}/blob/main/CHANGELOG.md",
    } == URLS


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
    again = "https://github.com/{0}.git https://github.com/{0}/actions https://github.com/{0}."
    with (copy / "README.md").open("a", encoding="utf8") as readme:
        readme.write(again.format(NAME) + f" {HOST}{NAME}-2 {URLS['Homepage']}book/intro.html\n")
    for name in ("Octocat/my.course", "octocat/octocat.github.io", "a/b", NAME):
        assert set_name(copy, name).returncode == 0
        urls = tomllib.loads((copy / "pyproject.toml").read_text("utf8"))["project"]["urls"]
        assert urls["Source"] == f"{HOST}{name}"
        assert urls["Homepage"] == site_address.address(name)
        readme = (copy / "README.md").read_text("utf8").splitlines()[-1]
        pages = site_address.address(name)
        assert readme == again.format(name) + f" {HOST}{NAME}-2 {pages}book/intro.html"
    readme = (copy / "README.md").read_text("utf8").splitlines(keepends=True)
    (copy / "README.md").write_text("".join(readme[:-1]), "utf8")
    assert {file: (copy / file).read_text("utf8") for file in FILES} == before
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
