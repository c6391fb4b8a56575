import numpy as np
import pytest

from mi_course.pocket_training import training_log


def test_shipped_log_has_a_row_at_least_every_fifty_steps():
    log = training_log.read()
    assert np.diff(log["step"]).max() <= 50
    assert log["step"][0] == 0


def test_shipped_log_has_a_score_for_every_head(pocket):
    heads = training_log.prefix_matching(training_log.read())
    assert list(heads) == [
        f"{layer}.{head}"
        for layer in range(pocket.cfg.n_layers)
        for head in range(pocket.cfg.n_heads)
    ]


@pytest.mark.parametrize("sign", [1, -1])
def test_window_of_a_sudden_change_is_where_it_happens(sign):
    steps = np.arange(0, 1000, 10)
    values = sign * np.where(steps < 500, 0.0, 1.0)
    assert training_log.change_window(steps, values) == (490, 500)


def test_window_of_an_even_change_is_its_share_of_the_training():
    steps = np.arange(0, 1001, 10)
    first, last = training_log.change_window(steps, steps / 1000, share=0.8)
    assert last - first == 800
