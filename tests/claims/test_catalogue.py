"""Claims as they are read from the source, beside those that Python imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mi_course.book import chapters
from mi_course.claims import catalogue, rerun
from mi_course.claims.finding import ClaimError
from mi_course.models import registry
from support.outside import ROOT
from support.small_course import package_env


def test_what_is_read_is_what_is_imported():
    read = catalogue.declared()
    assert len(read) >= 10
    for claim, ready in zip(read.values(), rerun.load(list(read.values())), strict=True):
        assert ready.function is not None
        fields = ("name", "doc", "n", "of", "sentences", "templates", "needs", "made_in")
        assert [getattr(claim, f) for f in fields] == [getattr(ready, f) for f in fields]


def test_reading_them_needs_no_torch():
    code = (
        "import sys; from mi_course.claims import catalogue as c; "
        "[c.digest(x) for x in c.declared().values()]; sys.exit('torch' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], env=package_env(), check=False).returncode == 0
    )


@pytest.mark.parametrize("claim", catalogue.declared().values(), ids=lambda claim: claim.name)
def test_a_claim_is_a_chapter_s_and_of_what_a_model_can_have(claim):
    chapters.named(ROOT, claim.doc)
    assert claim.name.partition("/")[0] == claim.doc.partition("/")[0]
    assert any(claim.fits(model) for model in registry.MODELS)
    assert all(hasattr(registry.POCKET, need) for need in claim.needs)


def test_an_unknown_name_lists_those_that_are_like_it():
    with pytest.raises(ClaimError, match=r"no claim is named 'week4/x'; there are week4/"):
        catalogue.named("week4/x")
