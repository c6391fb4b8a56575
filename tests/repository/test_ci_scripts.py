"""The scripts of CI, against a repository on this machine and stand-ins for what they call."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from support.outside import ROOT

GH = """#!/bin/sh
echo "$@" >>"$GH_LOG"
case "$1 $2" in
"pr list" | "issue list") cat "$GH_OPEN" ;;
esac
"""


@pytest.fixture
def clone(tmp_path):
    """A clone with one commit, its bare origin, and a gh that writes down what it was asked."""
    git(tmp_path, "init", "--quiet", "--bare", "origin")
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "clone")
    clone = tmp_path / "clone"
    git(clone, "remote", "add", "origin", "../origin")
    (clone / "book").mkdir()
    (clone / "book/page.md").write_text("before\n")
    git(clone, "add", "--all")
    git(clone, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "--quiet", "-m", "One")
    git(clone, "push", "--quiet", "origin", "main")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gh").write_text(GH)
    (tmp_path / "bin/gh").chmod(0o755)
    (tmp_path / "open").write_text("")
    (tmp_path / "body.md").write_text("What moved\n")
    return clone


def git(folder, *arguments):
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def script(clone, name, *arguments, code=0):
    """Run a copy of one of the scripts inside the clone, to end with `code`; returns its output."""
    home = clone.parent
    (clone / ".ci").mkdir(exist_ok=True)
    copy = clone / ".ci" / name
    copy.write_bytes((ROOT / ".ci" / name).read_bytes())
    copy.chmod(0o755)
    env = os.environ | {
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "GH_LOG": str(home / "log"),
        "GH_OPEN": str(home / "open"),
    }
    done = subprocess.run(
        [copy, *arguments], cwd=clone, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def asked(clone):
    log = clone.parent / "log"
    return log.read_text() if log.exists() else ""


def propose(clone):
    arguments = ("gpt2-outputs", "A title", "../body.md", "book/page.md", "book/outputs/gpt2")
    return script(clone, "open-pull-request", *arguments)


def test_a_pull_request_holds_the_changed_paths_and_nothing_else(clone):
    (clone / "book/page.md").write_text("after\n")
    (clone / "book/other.md").write_text("not asked for\n")
    propose(clone)
    origin = clone.parent / "origin"
    assert git(origin, "diff", "--name-only", "main", "gpt2-outputs") == "book/page.md"
    assert git(origin, "rev-list", "--count", "main..gpt2-outputs") == "1"
    assert "pr create --head gpt2-outputs --title A title --body-file ../body.md" in asked(clone)


def test_an_open_pull_request_is_brought_up_to_date(clone):
    (clone.parent / "open").write_text("7\n")
    (clone / "book/page.md").write_text("after\n")
    propose(clone)
    assert "pr edit 7 --body-file ../body.md" in asked(clone)
    assert "pr create" not in asked(clone)


def test_nothing_changed_opens_no_pull_request(clone):
    assert "Nothing changed" in propose(clone)
    assert asked(clone) == ""
    assert git(clone.parent / "origin", "branch", "--list", "gpt2-outputs") == ""


def test_an_issue_is_opened_once_and_then_commented_on(clone):
    script(clone, "open-issue", "Broken links", "../body.md")
    assert "issue create --title Broken links --body-file ../body.md" in asked(clone)
    (clone.parent / "open").write_text("3\n")
    script(clone, "open-issue", "Broken links", "../body.md")
    assert "issue comment 3 --body-file ../body.md" in asked(clone)


def test_a_job_that_wrote_no_report_still_opens_an_issue(clone):
    script(clone, "open-issue", "Broken links", "_build/links.txt")
    assert "see its log" in (clone / "_build/links.txt").read_text()


def test_a_branch_is_made_anew_with_hidden_folders_and_modes(clone):
    made = clone.parent / "made"
    (made / ".binder").mkdir(parents=True)
    (made / ".binder/start").write_text("#!/bin/sh\n")
    (made / ".binder/start").chmod(0o755)
    (made / ".gitignore").write_text("*.whl\n")
    (made / "a.whl").write_text("ignored elsewhere\n")
    for _ in range(2):
        script(clone, "push-branch", "notebooks", str(made))
        git(clone, "fetch", "--quiet", "origin")
    origin = clone.parent / "origin"
    files = git(origin, "ls-tree", "-r", "notebooks")
    assert "100755 blob" in files
    assert "a.whl" in files
    assert git(origin, "rev-list", "--count", "notebooks") == "1"
    assert git(origin, "show", "main:book/page.md") == "before"


BOOK = """#!/bin/sh
test -z "$RESULT" && exit
mkdir -p _build/links/_build/html
echo "$RESULT" >_build/links/_build/html/output.json
exit 1
"""


@pytest.fixture
def links(clone, monkeypatch):
    """Run the job `links`, with a Jupyter Book that finds the result given, or none."""
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/bin/python").symlink_to(sys.executable)
    (clone / "code").symlink_to(ROOT / "code")
    installed = clone.parent / "bin/make", "#!/bin/sh\n"
    for path, text in (installed, (clone / ".venv/bin/jupyter-book", BOOK)):
        path.write_text(text)
        path.chmod(0o755)

    def run(result):
        monkeypatch.setenv("RESULT", json.dumps(result) if result else "")
        return script(clone, "job", "links", code=1 if result else 0)

    return run


def test_the_check_of_links_fails_with_a_report_of_the_broken_ones(clone, links):
    links({"filename": "a.md", "lineno": 3, "status": "broken", "uri": "https://x", "info": "404"})
    assert "- a.md, line 3: https://x\n  404\n" in (clone / "_build/links.txt").read_text()
    links(None)
    assert not (clone / "_build/links.txt").exists()


MAKE = """#!/bin/sh
if [ "$1" = -C ]; then cd "$2"; fi
echo "${PYTHONIOENCODING:-}/${PYTHONOPTIMIZE:-}/$(git config core.autocrlf)/$(pwd)" >>"$GH_LOG"
echo "the last words"
test "${PYTHONOPTIMIZE:-}" != "${FAILS_WITH:-no}"
"""


@pytest.mark.parametrize("fails", [False, True])
def test_the_suite_runs_in_each_environment_and_one_failure_stops_no_other(
    clone, monkeypatch, fails
):
    make = clone.parent / "bin/make"
    make.write_text(MAKE)
    make.chmod(0o755)
    if fails:
        monkeypatch.setenv("FAILS_WITH", "1")
    for name in ("PYTHONIOENCODING", "PYTHONOPTIMIZE"):  # this suite may run in such a one
        monkeypatch.delenv(name, raising=False)
    out = script(clone, "job", "environments", code=int(fails))
    ran = (clone.parent / "log").read_text("utf8").splitlines()
    here = os.path.realpath(clone)
    assert ran == [
        f"cp1252///{here}",
        f"/1//{here}",
        f"//true/{here}/_build/Kurs für Anfänger",
    ]
    report = (clone / "_build/environments.txt").read_text("utf8")
    assert report == out
    assert report.count("the last words") == 3
    assert f"PYTHONOPTIMIZE=1 make test (exit code {int(fails)})" in report
