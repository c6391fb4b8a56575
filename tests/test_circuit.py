import pytest
import torch

from mi_course import ablation, circuit, ioi, ioi_data
from support.outside import ROOT


@pytest.fixture(scope="module")
def data(pocket):
    return ioi_data.dataset(pocket.tokenizer, 60, seed=0)


@pytest.fixture(scope="module")
def by(pocket, data):
    means = ablation.mean_activations(pocket, data.abc.tokens, data.template)
    return ablation.mean(means, data.template)


def test_the_papers_circuit_has_26_heads_each_in_one_class():
    heads = [head for members in circuit.PAPER_CLASSES.values() for head in members]
    assert len(heads) == len(set(heads)) == 26
    assert len(circuit.PAPER_CLASSES) == 7


def test_the_drawing_shows_the_papers_heads_in_their_classes():
    drawing = (ROOT / "book/_static/figures/ioi_circuit.svg").read_text("utf8")
    for name, members in circuit.PAPER_CLASSES.items():
        for layer, head in members:
            label = f"Head {layer}.{head}: layer {layer}, head {head}, "
            start = drawing.index(label) + len(label)
            assert drawing[start:].removeprefix("fuzzy ").lower().startswith(name.lower())
    assert drawing.count('tabindex="0"') == 26


def test_heads_are_sorted_by_direct_effect_and_by_where_they_look():
    change = torch.tensor([[-20.0, 3.0, -50.0], [12.0, -10.0, 40.0]])
    at_io = torch.tensor([[0.6, 0.9, 0.5], [0.9, 0.1, 0.9]])
    at_s = torch.tensor([[0.2, 0.0, 0.1], [0.0, 0.3, 0.0]])
    movers, writers, negative = circuit.sort_writers(change, at_io, at_s, threshold=10)
    assert movers == [(0, 2), (0, 0)]
    assert writers == [(1, 1)]
    assert negative == [(1, 2), (1, 0)]
    with pytest.raises(ValueError, match=r"costs 60 % .* largest drop is 50 % \(head 0\.2\)"):
        circuit.sort_writers(change, at_io, at_s, threshold=60)


def test_a_circuit_of_all_heads_is_the_model(pocket, data, by):
    everyone = ablation.all_heads_but(pocket, [])
    whole = ioi.model_logit_diff(pocket, data.clean.tokens, data.clean.answers)
    kept = circuit.keep_only(pocket, data.clean, everyone, by)
    assert torch.allclose(kept, whole, atol=1e-4)


def test_keeping_a_circuit_without_some_heads_is_keeping_the_rest(pocket, data, by):
    some, rest = [(0, 1), (1, 2)], [(0, 0), (1, 3)]
    assert torch.allclose(
        circuit.keep_only(pocket, data.clean, some + rest, by, without=some),
        circuit.keep_only(pocket, data.clean, rest, by),
        atol=1e-5,
    )
    without_movers = circuit.keep_only(pocket, data.clean, some, by)
    assert not torch.allclose(without_movers, circuit.keep_only(pocket, data.clean, rest, by))


def test_half_width_covers_the_mean_of_a_normal_sample_about_95_times_in_100():
    draws = torch.randn(2000, 40, generator=torch.Generator().manual_seed(0))
    inside = sum(abs(row.mean().item()) <= circuit.half_width(row) for row in draws)
    assert 0.92 < inside / 2000 < 0.97
