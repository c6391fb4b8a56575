"""From numbers to findings, and what is refused on the way."""

from __future__ import annotations

import pytest
import torch

from mi_course.claims import CANNOT_TELL, NO, YES, ClaimError, Rule, evidence


@pytest.fixture
def values():
    return torch.randn(200, generator=torch.Generator().manual_seed(0)) + 0.5


def test_a_clear_effect_is_a_yes_and_its_mirror_image_too(values):
    assert evidence.more_than(values, unit="nats").verdict == YES
    assert evidence.less_than(-values, unit="nats").verdict == YES
    assert evidence.more_than(values, 2.0, unit="nats").verdict == NO


def test_a_null_needs_a_bound(values):
    around = values - values.mean()
    assert evidence.more_than(around, unit="nats").verdict == CANNOT_TELL
    assert evidence.more_than(around, unit="nats", within=0.3).verdict == NO
    assert evidence.equivalent(around, 0.3, unit="nats").verdict == YES
    assert evidence.more_than(around[:6], unit="nats", within=0.3).verdict == CANNOT_TELL


def test_many_comparisons_widen_the_interval(values):
    one, six = (evidence.more_than(values, unit="nats", comparisons=c) for c in (1, 6))
    assert six.low < one.low < one.high < six.high
    # seen 80 times in 100: 1.96 and 0.84 standard errors, with six questions 2.64 and 0.84
    assert six.smallest == pytest.approx(one.smallest * (2.638 + 0.842) / 2.802, rel=0.1)


def test_a_difference_to_a_control_is_taken_prompt_by_prompt():
    hard = torch.linspace(0, 10, 50)  # prompts differ far more than the two do
    control = torch.stack([hard + shift for shift in (-0.1, 0.0, 0.1)])
    found = evidence.beyond_control(hard + 0.5, control, drawn=[1, 2, 3], unit="nats")
    assert found.effect == pytest.approx(0.5)
    assert found.low > 0.3
    assert found.n == 50


@pytest.mark.parametrize("draws", [[{(3, 0), (3, 1)}] * 3, [[1, 2], [2, 1], [1, 2]]])
def test_draws_of_one_set_are_no_control(draws):
    with pytest.raises(ClaimError, match="all the same"):
        evidence.check_spread(torch.randn(3, 50), draws)


def test_a_control_without_variance_is_refused():
    with pytest.raises(ClaimError, match="no variance"):
        evidence.check_spread(torch.ones(3, 50), [1, 2, 3])
    with pytest.raises(ClaimError, match="name each"):
        evidence.check_spread(torch.randn(3, 50), [1, 2])
    evidence.check_spread(torch.tensor([1.0, 2.0, 2.0]), [1, 2, 3])


def test_a_ratio_of_means_has_an_interval_of_its_own():
    below = torch.rand(100, generator=torch.Generator().manual_seed(0)) + 1
    above = 0.8 * below + 0.01 * torch.randn(100, generator=torch.Generator().manual_seed(1))
    found = evidence.ratio(above, below, Rule("less", bound=90))
    assert found.effect == pytest.approx(80, abs=1)
    assert found.verdict == YES
    assert found.unit == "%"


def test_a_ratio_over_nearly_nothing_is_refused(values):
    with pytest.raises(ClaimError, match="too near zero"):
        evidence.ratio(values, values - values.mean() + 0.01, Rule("more", bound=50))


def test_few_or_equal_values_are_refused(values):
    with pytest.raises(ClaimError, match="over 4 prompts"):
        evidence.more_than(values[:4], unit="nats")
    with pytest.raises(ClaimError, match="exact"):
        evidence.more_than(torch.full((50,), 0.25), unit="nats")
    with pytest.raises(ClaimError, match="not finite"):
        evidence.more_than(values / 0, unit="nats")


def test_a_share_has_an_interval_even_where_all_hit():
    found = evidence.share(torch.ones(40, dtype=torch.bool), Rule("more", bound=80))
    assert found.effect == 100
    assert 90 < found.low < 92
    assert found.verdict == YES
    assert evidence.share(torch.zeros(40, dtype=torch.bool), Rule("more", bound=80)).verdict == NO
    with pytest.raises(ClaimError, match="5"):
        evidence.share(torch.ones(4, dtype=torch.bool), Rule("more", bound=80))
