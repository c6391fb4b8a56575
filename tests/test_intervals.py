import math

import numpy as np
import pytest
import torch
from scipy import stats

from mi_course.intervals import Interval, bootstrap, bootstrap_ratio


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_interval_is_that_of_resampled_means_computed_one_by_one():
    values = normal(12) ** 2
    rng = np.random.default_rng(0)
    means = [values.numpy()[rng.integers(12, size=12)].mean() for _ in range(4000)]
    found = bootstrap(values)
    assert found.mean == pytest.approx(values.mean().item(), abs=1e-6)
    assert found.low == pytest.approx(np.quantile(means, 0.025), abs=0.05)
    assert found.high == pytest.approx(np.quantile(means, 0.975), abs=0.05)


@pytest.mark.parametrize("level", [0.95, 0.8])
@pytest.mark.parametrize("values", [normal(40), normal(25, seed=1).exp(), normal(6) ** 2])
def test_interval_is_scipys_percentile_bootstrap(values, level):
    """Both draw at random, so bounds may differ by the noise of 100,000 resamples."""
    expected = stats.bootstrap(
        (values.double().numpy(),), np.mean, confidence_level=level, method="percentile",
        n_resamples=100_000, rng=np.random.default_rng(1),
    )  # fmt: skip
    found = bootstrap(values, n_resamples=100_000, level=level)
    noise = 0.05 * expected.standard_error  # four times that of such a quantile
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=noise)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=noise)


def test_several_certain_prompts_leave_scipys_interval_over_the_draws():
    """Where all prompts of a draw are equal, only the draws are resampled."""
    draws = normal(12, seed=2)
    expected = stats.bootstrap(
        (draws.double().numpy(),), np.mean, method="percentile",
        n_resamples=100_000, rng=np.random.default_rng(1),
    )  # fmt: skip
    found = bootstrap(draws[:, None].expand(12, 7), n_resamples=100_000)
    noise = 0.05 * expected.standard_error  # four times that of such a quantile
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=noise)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=noise)


def test_half_width_of_many_values_is_two_standard_errors():
    found = bootstrap(3 * normal(400) + 5)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * 3 / math.sqrt(400), rel=0.1)


def test_equal_values_have_no_width():
    assert bootstrap(torch.full((7,), 2.5)) == Interval(2.5, 2.5, 2.5)


def test_draws_that_differ_widen_the_interval_though_each_is_certain():
    certain = torch.tensor([[1.0] * 20, [3.0] * 20])
    found = bootstrap(certain)
    assert (found.mean, found.low, found.high) == (2.0, 1.0, 3.0)


def test_a_higher_level_gives_a_wider_interval():
    values = normal(30)
    narrow, wide = bootstrap(values), bootstrap(values, level=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_seed_decides_and_the_global_state_is_left_alone():
    values = normal(9)
    state = torch.get_rng_state()
    assert bootstrap(values, seed=1) == bootstrap(values, seed=1) != bootstrap(values, seed=2)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("low", "high", "side"), [(0.1, 0.3, "above"), (-0.3, -0.1, "below"), (-0.1, 0.1, "around")]
)
def test_side_says_where_the_whole_interval_lies(low, high, side):
    assert Interval((low + high) / 2, low, high).side() == side


def test_too_few_prompts_and_a_wrong_level_are_refused():
    with pytest.raises(ValueError, match="over 4 prompts says nothing: give at least 5"):
        bootstrap(torch.ones(4))
    with pytest.raises(ValueError, match=r"between 0 and 1, not 95: 0\.95 is usual"):
        bootstrap(torch.ones(9), level=95)


def test_a_ratio_is_of_means_and_its_interval_is_narrow_where_the_two_move_together():
    generator = torch.Generator().manual_seed(0)
    below = 1 + torch.rand(200, generator=generator)
    found = bootstrap_ratio(0.5 * below, below)
    assert found.mean == pytest.approx(0.5)
    assert found.high - found.low < 1e-9
    apart = bootstrap_ratio(0.5 * below.flip(0), below)
    assert apart.mean == pytest.approx(0.5)
    assert 0.01 < apart.high - apart.low < 0.1
    with pytest.raises(ValueError, match="one number for each prompt"):
        bootstrap_ratio(below[1:], below)
    with pytest.raises(ValueError, match="over 4 prompts says nothing"):
        bootstrap_ratio(below[:4], below[:4])
