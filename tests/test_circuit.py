from functools import partial
from types import SimpleNamespace

import pytest
import torch

from mi_course import ablation, attribution, circuit, ioi, ioi_data, path_patching
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


def test_find_takes_the_chapters_steps(pocket, data):
    found = circuit.find(pocket, data, threshold=10)
    clean, new = data.clean, data.abc.tokens
    before = ioi.model_logit_diff(pocket, clean.tokens, clean.answers)
    attention = attribution.end_attention(pocket, clean)
    for layer, head in found.movers:
        io, s1, s2 = (at[:, layer, head].mean() for at in vars(attention).values())
        assert io > s1 + s2
    direct = path_patching.to_logits(pocket, clean.tokens, new, clean.answers)
    drop = -path_patching.relative_change(direct, before)
    helping = {(i, h) for i, h in (drop >= 10).nonzero().tolist()}
    assert {*found.movers, *found.writers} == helping
    assert found.guides
    assert all(layer < max(found.movers)[0] for layer, _ in found.guides)
    with pytest.raises(ValueError, match="no head is a name mover"):
        circuit.find(pocket, data, threshold=99)


def test_a_circuit_at_end_alone_differs_by_what_its_heads_write_before(pocket, data, by):
    last, first = [(1, 2), (1, 3)], [(0, 0)]
    keep = partial(circuit.keep_only, pocket, data.clean, by=by)
    # of the last layer only END is read
    assert torch.allclose(keep(last), keep(last, at_end=True), atol=1e-5)
    assert not torch.allclose(keep(first + last), keep(first + last, at_end=True), atol=1e-2)


def test_random_circuits_are_different_sets_and_never_the_circuit_itself(pocket):
    heads = [(0, 0), (0, 2), (1, 2), (1, 3)]
    some = circuit.random_circuits(pocket, heads, 20, seed=0)
    assert len({frozenset(one) for one in some}) == 20
    assert all(len(set(one)) == 4 for one in some)
    every = circuit.random_circuits(pocket, heads, 1000, seed=0)
    assert len({frozenset(one) for one in every}) == 69  # of 8 heads 4, less the circuit
    assert set(heads) not in [set(one) for one in every]
    assert circuit.random_circuits(pocket, heads, 20, seed=1) != some


def test_random_circuits_of_a_large_model_are_drawn_one_by_one():
    large = SimpleNamespace(cfg=SimpleNamespace(n_layers=12, n_heads=12))
    some = circuit.random_circuits(large, [(9, 9)], 30, seed=0)
    assert len({frozenset(one) for one in some}) == 30
    assert [(9, 9)] not in some
    assert len(circuit.random_circuits(large, [(9, 9)], 200, seed=0)) == 143


@pytest.mark.parametrize("heads", [[(1, 2), (1, 3)], [(0, 0), (1, 1)]])
def test_self_repair_adds_up_to_what_is_made_up_for(pocket, data, heads):
    repair = circuit.self_repair(pocket, data.clean, heads, data.abc.tokens)
    effects = attribution.direct_effects(pocket, data.clean).heads
    assert torch.allclose(repair.written, sum(effects[:, i, h] for i, h in heads), atol=1e-4)
    before = ioi.model_logit_diff(pocket, data.clean.tokens, data.clean.answers)
    after = ablation.knock_out(
        pocket, data.clean.tokens, data.clean.answers, heads, by=ablation.resample(data.abc.tokens)
    )
    assert torch.allclose(repair.lost, before - after, atol=1e-4)
    parts = repair.replacements + repair.heads + repair.mlps + repair.rescaling
    assert torch.allclose(parts, repair.made_up_for, atol=1e-4)
    # a head of the last layer is heard by no other
    responds = bool((repair.heads.abs() > 1e-3).any())
    assert responds == any(layer == 0 for layer, _ in heads)


def test_without_a_change_nothing_is_lost_or_made_up_for_but_what_is_put_back(pocket, data):
    same = circuit.self_repair(pocket, data.clean, [(1, 2)], data.clean.tokens)
    nothing = torch.zeros(len(data))
    for part in (same.lost, same.heads, same.mlps, same.rescaling):
        assert torch.allclose(part, nothing, atol=1e-5)
    assert torch.allclose(same.replacements, same.written, atol=1e-5)


def test_without_heads_every_prompt_of_a_template_ends_alike(pocket, data, by):
    """Why the mean logit difference is near 0 there: END does not know who is named."""
    answers = data.clean.answers
    fixed = ioi.Answers(answers.end, answers.right[:1].expand(60), answers.wrong[:1].expand(60))
    everyone = ablation.all_heads_but(pocket, [])
    left = ablation.knock_out(pocket, data.clean.tokens, fixed, everyone, by=by)
    for template in data.template.unique():
        rows = left[data.template == template]
        assert torch.allclose(rows, rows[:1], atol=1e-4)
