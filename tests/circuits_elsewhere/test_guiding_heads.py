"""Heads that guide others: how they are chosen, and that the right inputs are patched."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from mi_course import ablation, copying, hooks, ioi, ioi_data, path_patching
from mi_course.circuits_elsewhere import guides
from mi_course.claims import NO, YES, labs_guides


@pytest.fixture
def end():
    """Three heads in a row: 0.0 writes most and looks at S, 0.2 is a mover, 0.1 a weaker one."""
    zeros = torch.zeros(1, 3)
    made = {field.name: zeros for field in dataclasses.fields(copying.AtEnd)}
    looks = {"io": torch.tensor([[0.1, 0.6, 0.5]]), "s2": torch.tensor([[0.7, 0.1, 0.1]])}
    return copying.AtEnd(**(made | looks | {"on_io": torch.tensor([[9.0, 2.0, 5.0]])}))


def test_movers_are_ranked_by_what_they_write_on_io(end):
    assert guides.movers(end) == [(0, 2), (0, 1)]
    assert guides.movers(end, 1) == [(0, 2)]


def test_the_strongest_come_first():
    values = torch.tensor([[1.0, -9.0], [3.0, 2.0]])
    assert guides.strongest(values, 3) == [(1, 0), (1, 1), (0, 0)]


def test_a_head_of_pocket_s_first_layer_guides_its_movers(pocket):
    data = ioi_data.dataset(pocket.tokenizer, 24, seed=0)
    receivers = guides.movers(copying.at_end(pocket, data.clean))
    assert {layer for layer, _ in receivers} == {1}
    lost = guides.into_queries(pocket, data, receivers)
    before = ioi.model_logit_diff(pocket, data.clean.tokens, data.clean.answers)
    prompts = data.clean.tokens, data.abc.tokens, data.clean.answers
    at_end = path_patching.to_heads(pocket, *prompts, receivers, "q", positions=data.clean.end)
    gone = before.mean() - at_end[:, 0].mean(0)
    expected = 100 * gone / before.mean()
    torch.testing.assert_close(lost[0], expected, atol=1e-3, rtol=1e-4)  # percent
    assert lost[1].abs().max() < 1e-3
    best = guides.strongest(lost, 1)
    by = ablation.resample(data.abc.tokens)
    left = ablation.knock_out(pocket, data.clean.tokens, data.clean.answers, heads=best, by=by)
    assert left.mean() < 2 / 3 * before.mean()


def test_values_that_heads_share_are_patched_for_their_group(tiny_llama, monkeypatch):
    asked = []

    def to_heads(model, orig, new, answers, receivers, into, positions):
        asked.append((receivers, into, positions))
        return torch.zeros(len(orig), model.cfg.n_layers, model.cfg.n_heads)

    monkeypatch.setattr(path_patching, "to_heads", to_heads)
    monkeypatch.setattr(ioi, "model_logit_diff", lambda model, tokens, answers: torch.ones(4))
    tokens = torch.zeros(4, 8, dtype=torch.long)
    places = {"s2_pos": torch.tensor([3, 4, 5, 6])}
    batch = SimpleNamespace(tokens=tokens, answers=None, **places)
    data = SimpleNamespace(clean=batch, abc=batch)
    size = tiny_llama.cfg.n_heads // tiny_llama.cfg.n_key_value_heads
    assert size > 1
    found = guides.into_values(tiny_llama, data, [(1, size), (1, 0), (1, size + 1)])
    ((receivers, into, positions),) = asked
    assert (receivers, into) == ([(1, 0), (1, 1)], "v")
    assert torch.equal(positions, data.clean.s2_pos)
    assert (found == 100).all()  # what is left is nothing


def test_attention_is_read_from_one_place_to_the_other(pocket):
    tokens = ioi_data.dataset(pocket.tokenizer, 3, seed=0).clean.tokens
    start, end = torch.tensor([5, 6, 7]), torch.tensor([1, 2, 3])
    pattern = hooks.attention_patterns(pocket, tokens)
    expected = torch.stack([pattern[1, i, 2, 5 + i, 1 + i] for i in range(3)])
    torch.testing.assert_close(
        guides.looks_back(pocket, tokens, (1, 2), start, end), expected, atol=1e-6, rtol=1e-5
    )


def test_the_claims_judge_on_other_prompts_than_they_choose_on(pocket):
    assert labs_guides.two_heads_that_guide_cost_a_third(pocket, 24, 0).verdict == YES
    assert labs_guides.they_read_an_induction_head(pocket, 24, 0).verdict == NO
    chosen, judged = labs_guides._chosen_on(pocket, 0), labs_guides._data(pocket, 24, 0, False)
    assert not set(chosen.prompts) & set(judged.prompts)
