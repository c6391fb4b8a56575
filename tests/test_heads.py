import pytest
import torch

from mi_course import heads, hooks, induction
from mi_course.heads import head_name, strongest_first


def test_heads_are_named_layer_first_and_sorted_by_score():
    scores = torch.tensor([[0.1, 0.8], [0.9, 0.5]])
    assert [head_name(head) for head in strongest_first(scores, 0.5)] == ["1.0", "0.1", "1.1"]
    assert strongest_first(scores, 0.95) == []


def test_heads_of_one_score_keep_their_order():
    assert strongest_first(torch.ones(2, 2), 1.0) == [(0, 0), (0, 1), (1, 0), (1, 1)]


@pytest.mark.parametrize(
    ("layer", "head", "words"),
    [
        (2, 0, r"layer 2 out of range: layers are 0\.\.1"),
        (0, 3, r"head 3 out of range: heads are 0\.\.2"),
        (0, -1, "head -1 out of range"),
    ],
)
def test_head_that_does_not_exist_is_refused(tiny, layer, head, words):
    with pytest.raises(IndexError, match=words):
        heads.check_head(tiny, layer, head)


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        (hooks, "check_head", heads.check_head),
        (induction, "head_name", head_name),
        (induction, "top_heads", strongest_first),
    ],
)
def test_names_of_version_0_1_lead_here(module, old, new):
    with pytest.warns(FutureWarning, match=rf"{old} is called mi_course\.heads\.{new.__name__}"):
        assert getattr(module, old) is new


def test_a_score_that_is_no_number_is_refused():
    scores = torch.tensor([[0.1, 0.8], [0.9, float("nan")]])
    with pytest.raises(ValueError, match=r"the score of head 1\.1 is nan"):
        heads.strongest_first(scores, 0.5)


def test_values_of_heads_that_share_them_are_the_same(tiny_llama, tiny):
    w_v = heads.value_weights(tiny_llama)
    assert w_v.shape == (3, 6, 18, 4)
    assert torch.equal(w_v[:, 2], tiny_llama.W_V[:, 0])
    assert torch.equal(w_v[:, 3], tiny_llama.W_V[:, 1])
    assert torch.equal(heads.value_weights(tiny), tiny.W_V)


def test_a_control_is_drawn_from_different_sets():
    among = [(layer, head) for layer in range(3) for head in range(4)]
    sets = heads.draw_sets(among, size=3, n_draws=10, seed=0)
    assert len(set(sets)) == len(sets) == 10
    assert all(set(one) <= set(among) and len(set(one)) == 3 for one in sets)
    assert sets == heads.draw_sets(among, size=3, n_draws=10, seed=0)
    assert sets != heads.draw_sets(among, size=3, n_draws=10, seed=1)


@pytest.mark.parametrize(("size", "n_draws"), [(3, 10), (4, 10), (0, 10), (1, 1)])
def test_a_control_of_one_set_is_refused(size, n_draws):
    with pytest.raises(heads.ControlError, match="no spread"):
        heads.draw_sets([(0, 0), (0, 1), (1, 1)], size, n_draws, seed=0)
