"""The package's arrows go one way: who imports whom is read from the source.

From top to bottom: the command line; the audiences' folders, which know nothing of one another;
what chapters teach with; the models and the hooks that guard them; errors. A new folder belongs in
one of the sets below.
"""

from __future__ import annotations

import pytest

from support.imports import Graph, circles, graph
from support.outside import ROOT

PACKAGE = ROOT / "code" / "mi_course"
MOST_AT_THE_ROOT = 30

TOP = {"cli"}
AUDIENCES = {"benchmark", "book", "check", "learner", "pocket_training", "predict", "reference"}
AUDIENCES |= {"mystery", "yours"}
# and every module at the root that no other set names
FIELD = {"claims", "digits", "english", "folded", "induction_training", "plots", "research"}
FIELD |= {"circuits_elsewhere", "gradient_patching", "processes", "run_files"}
FIELD |= {"lenses", "mystery_nets", "second_run", "steering", "superposition"}
MODELS = {"models", "guards", "hooks"}  # a model that is loaded is guarded, and hooks guard it
BOTTOM = {"", "errors", "renamed", "torchvision_hook"}  # "" is the package itself

# One audience's folder that imports a module of another one's, and why.
SIBLINGS = {
    ("book", "learner.weeklog"): "the tracker page shows the items of the learner's log",
    ("book", "learner.predictions"): "a page forgives as much as a notebook, and seals an answer",
    ("predict", "learner.predictions"): "a prediction is kept where passed exercises are",
    ("predict", "learner.console"): "a result is printed in any encoding",
    ("check", "learner.progress"): "a check that is passed is recorded",
    ("check", "learner.console"): "a verdict is printed in any encoding",
    ("mystery", "check.process"): "a learner's program runs where answers are checked",
    ("mystery", "check.sending"): "it is sent there as answers are",
    ("mystery", "check.accidents"): "a module of the learner's own is told from others",
    ("mystery", "learner.submissions"): "a submission is kept where passed exercises are",
    ("mystery", "learner.console"): "a verdict is printed in any encoding",
    ("yours", "check.core"): "a function is the learner's once it has passed its check",
    ("yours", "check.accidents"): "an error in a learner's function is told as a check tells it",
    ("yours", "learner.console"): "whose function ran is printed in any encoding",
}

# To be mended where they belong, then deleted here: a line that is not true any more fails.
KNOWN_CIRCLES: dict[frozenset[str], str] = {}
KNOWN_UPWARD: dict[tuple[str, str], str] = {}


def layer(module: str) -> int:
    """How deep a module stands, counted from 0, the command line."""
    first = module.partition(".")[0]
    named = {0: TOP, 1: AUDIENCES, 3: MODELS, 4: BOTTOM}
    return next((depth for depth, names in named.items() if first in names), 2)


def upward(arrows: Graph) -> set[tuple[str, str]]:
    """The imports that go from a layer to one above it."""
    return {(a, b) for a, others in arrows.items() for b in others if layer(b) < layer(a)}


def between_audiences(arrows: Graph) -> set[tuple[str, str]]:
    """Folder and module, for the imports that go from one audience's folder to another's."""
    pairs = {(a.partition(".")[0], b) for a, others in arrows.items() for b in others}
    return {
        (folder, module)
        for folder, module in pairs
        if {folder, (other := module.partition(".")[0])} <= AUDIENCES and folder != other
    }


@pytest.fixture(scope="module")
def arrows() -> Graph:
    """Who imports whom in the package."""
    return graph(PACKAGE)


def test_no_modules_import_one_another_in_a_circle(arrows):
    assert circles(arrows) == set(KNOWN_CIRCLES)


def test_no_arrow_goes_upwards(arrows):
    assert upward(arrows) == set(KNOWN_UPWARD)


def test_the_audiences_folders_know_nothing_of_one_another_but_what_is_listed(arrows):
    assert between_audiences(arrows) == set(SIBLINGS)


def test_every_folder_has_a_layer():
    folders = {path.parent.name for path in PACKAGE.glob("*/*.py")}
    assert folders - MODELS == TOP | AUDIENCES | FIELD


def test_the_root_stays_small_enough_to_be_read_at_a_glance():
    modules = [path.name for path in PACKAGE.glob("*.py")]
    assert len(modules) <= MOST_AT_THE_ROOT, modules


@pytest.fixture
def made_up(tmp_path):
    """A package of which every kind of import and of mistake is known."""
    files = {
        "__init__": "from mi_course import renamed",
        "errors": "",
        "renamed": "import os.path",
        "models": "from mi_course.errors import CourseError\ndef f():\n    import mi_course.ioi",
        "ioi": "import mi_course\nfrom mi_course import models, errors as e",
        "cli/main": "from ..book import run, NAME",
        "book/__init__": "from . import run",
        "book/run": "try:\n    from mi_course.book import store\nexcept ImportError: ...",
        "book/store": "import typing\nif typing.TYPE_CHECKING:\n    import mi_course.cli.main\n"
        "else:\n    from mi_course.learner import log",
        "learner/log": "from mi_course.book.run import something",
        "learner/plan": "class A:\n    def f(self):\n        from mi_course.cli import main",
    }
    package = tmp_path / "mi_course"
    for name, source in files.items():
        path = package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return graph(package)


def test_imports_are_found_wherever_they_stand(made_up):
    assert made_up == {
        "": {"renamed"},
        "errors": set(),
        "renamed": set(),
        "models": {"errors", "ioi"},
        "ioi": {"", "models", "errors"},
        "cli.main": {"book", "book.run"},
        "book": {"book.run"},
        "book.run": {"book.store"},
        "book.store": {"learner.log"},
        "learner.log": {"book.run"},
        "learner.plan": {"cli.main"},
    }


def test_circles_and_wrong_arrows_are_found(made_up):
    assert circles(made_up) == {
        frozenset({"models", "ioi"}),
        frozenset({"book.run", "book.store", "learner.log"}),
    }
    assert upward(made_up) == {("models", "ioi"), ("learner.plan", "cli.main")}
    assert between_audiences(made_up) == {("book", "learner.log"), ("learner", "book.run")}
