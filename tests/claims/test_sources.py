"""A claim's digest: what changes it, and what does not."""

from __future__ import annotations

import pytest

from mi_course.claims import sources

CLAIMS = '''
"""The claims of a week."""
from pack import study, unused
from pack.claims import claim

BOUND = 0.1
OTHER = 0.2


def helper(x):
    """Helps."""
    return study.measure(x)


@claim("week1/a", n=96, sentences={"yes": "It does."})
def a(model, n, seed, held_out=False):
    """What a is."""
    return helper(n) > BOUND  # by this threshold


@claim("week1/b", n=96, sentences={"yes": "It does."})
def b(model, n, seed, held_out=False):
    return OTHER
'''


@pytest.fixture
def digest(tmp_path):
    """The digest of the claim `a`, in a package of which texts were replaced."""
    made = iter(range(100))

    def write(file="week1", old="", new="", function="a"):
        package = tmp_path / str(next(made)) / "pack"
        package.mkdir(parents=True)
        texts = {
            "__init__": "",
            "week1": CLAIMS,
            "study": "from pack import deep\ndef measure(x):\n    return deep.DEPTH * x\n",
            "deep": "DEPTH = 3\n",
            "unused": "X = 1\n",
            "claims": "def claim(*a, **k):\n    return lambda f: f\n",
        }
        assert old in texts[file]
        texts[file] = texts[file].replace(old, new) if old else texts[file]
        for name, text in texts.items():
            (package / f"{name}.py").write_text(text)
        return sources.digest("week1", function, package=package)

    return write


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("week1", "BOUND = 0.1", "BOUND = 0.2"),
        ("week1", "helper(n) >", "helper(n) <"),
        ("week1", "measure(x)", "measure(2 * x)"),
        ("study", "deep.DEPTH * x", "deep.DEPTH + x"),
        ("deep", "3", "4"),
    ],
)
def test_whatever_a_result_depends_on_changes_it(digest, file, old, new):
    assert digest(file, old, new) != digest()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("week1", "It does.", "It certainly does."),
        ("week1", "What a is.", "What it is."),
        ("week1", '    """Helps."""\n', ""),
        ("week1", "# by this threshold", "# by that"),
        ("week1", "OTHER = 0.2", "OTHER = 0.3"),
        ("week1", "return OTHER", "return 1"),
        ("deep", "DEPTH = 3", "\nDEPTH = (3)  # as deep as it is"),
    ],
)
def test_prose_and_other_claims_do_not(digest, file, old, new):
    assert digest(file, old, new) == digest()


def test_data_beside_an_imported_module_counts(tmp_path):
    package = tmp_path / "pack"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "week1.py").write_text(
        "def a():\n    from pack.inner import study\n    return study.X\n"
    )
    (package / "inner" / "__init__.py").write_text("")
    (package / "inner" / "study.py").write_text("X = 1")
    (package / "inner" / "runs.csv").write_text("1,2")
    before = sources.digest("week1", "a", package=package)
    (package / "inner" / "runs.csv").write_text("1,3")
    assert sources.digest("week1", "a", package=package) != before


WAYS = {
    "study.measure(1)": "from pack import study",
    "far.measure(1)": "from pack import study as far",
    "measure(1)": "from pack.study import measure",
    "pack.study.measure(1)": "import pack.study",
    "short.measure(1)": "import pack.study as short",
    "handed_on(1)": "from pack.front import handed_on",
    "front.handed_on(1)": "from pack import front",
    "use(study)": "from pack import study",
    "study.made_up_later(1)": "from pack import study",
}


@pytest.mark.parametrize("where", ["top", "inside"])
@pytest.mark.parametrize(("use", "brought"), WAYS.items())
def test_what_is_used_counts_however_it_is_imported(tmp_path, use, brought, where):
    def digest(depth, unused="UNUSED = 1"):
        package = tmp_path / f"{depth}{len(unused)}" / "pack"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text("")
        (package / "study.py").write_text(
            f"from .deep import DEPTH as far\n{unused}\ndef measure(x):\n    return far * x\n"
        )
        (package / "deep.py").write_text(f"DEPTH = {depth}\n")
        (package / "front.py").write_text("from pack.study import measure as handed_on\n")
        top, inside = (brought, "pass") if where == "top" else ("", brought)
        (package / "week1.py").write_text(f"{top}\ndef a():\n    {inside}\n    return {use}\n")
        return sources.digest("week1", "a", package=package)

    assert digest(3) != digest(4)
    if use.endswith("measure(1)") and not use.startswith("pack."):
        assert digest(3) == digest(3, "UNUSED = 12345")


def test_a_real_claim_reaches_its_experiment_and_no_page():
    reached = sources.modules_of("claims.week4", "position_costs_mlps_more_on_ioi")
    assert {"position_study", "positional", "ioi", "claims.finding"} <= reached
    assert not {name for name in reached if name.partition(".")[0] in ("book", "cli", "check")}
