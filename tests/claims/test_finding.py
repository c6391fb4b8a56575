"""What a claim may say: verdicts follow from intervals and rules stated beforehand."""

from __future__ import annotations

import pytest

from mi_course.claims import CANNOT_TELL, NO, YES, Claim, ClaimError, Finding, Rule

SENTENCES = {YES: "It does.", NO: "It does not.", CANNOT_TELL: "We cannot tell."}


@pytest.mark.parametrize(
    ("rule", "low", "high", "verdict"),
    [
        (Rule("more"), 0.1, 0.5, YES),
        (Rule("more"), -0.1, 0.5, CANNOT_TELL),
        (Rule("more"), -0.1, 0.001, CANNOT_TELL),  # a null without a bound is none
        (Rule("more"), -0.5, -0.1, NO),
        (Rule("more", within=0.2), -0.3, 0.1, NO),
        (Rule("more", within=0.2), 0.01, 0.1, NO),  # there, and too small to matter
        (Rule("more", within=0.2), -0.1, 0.3, CANNOT_TELL),
        (Rule("more", within=0.2), 0.1, 0.3, YES),
        (Rule("more", bound=0.4), 0.45, 0.5, YES),
        (Rule("more", bound=0.4), 0.3, 0.35, NO),
        (Rule("less"), -0.5, -0.1, YES),
        (Rule("less"), -0.5, 0.1, CANNOT_TELL),
        (Rule("less", bound=1), 1.1, 1.2, NO),
        (Rule("less", within=0.2), -0.1, 0.3, NO),
        (Rule("same", within=0.2), -0.1, 0.1, YES),
        (Rule("same", within=0.2), 0.1, 0.3, CANNOT_TELL),
        (Rule("same", bound=1, within=0.2), 1.3, 1.4, NO),
        (Rule("same", bound=1, within=0.2), 0.5, 0.7, NO),
    ],
)
def test_the_verdict_follows_from_the_interval(rule, low, high, verdict):
    assert rule.verdict(low, high) == verdict


def test_sameness_without_a_bound_is_refused():
    with pytest.raises(ClaimError, match="equivalence bound"):
        Rule("same")


def test_the_smallest_effect_is_seen_80_times_in_100_with_the_interval_as_wide_as_it_is():
    for level, width, smallest in ((0.95, 1.95996, 0.28016), (0.99, 2.57583, 0.34175)):
        found = Finding(
            0.3, 0.3 - 0.1 * width, 0.3 + 0.1 * width, "logits", 96, Rule("more"), level
        )
        assert found.smallest == pytest.approx(smallest, abs=1e-4)


@pytest.mark.parametrize(("low", "high"), [(0.3, 0.3), (0.4, 0.5), (float("nan"), 1.0)])
def test_an_effect_without_an_interval_is_no_finding(low, high):
    with pytest.raises(ClaimError, match="interval"):
        Finding(0.3, low, high, "nats", 96, Rule("more"))


def test_every_verdict_has_a_sentence():
    with pytest.raises(ClaimError, match="no sentence for the verdict no, cannot tell"):
        Claim("week1/x", "week1/x", 96, "prompts", {YES: "It does.", NO: " "})
    with pytest.raises(ClaimError, match="perhaps"):
        Claim("week1/x", "week1/x", 96, "prompts", SENTENCES | {"perhaps": "It may."})


def test_fewer_than_five_are_refused():
    with pytest.raises(ClaimError, match="rests on 4 prompts"):
        Claim("week1/x", "week1/x", 4, "prompts", SENTENCES)
