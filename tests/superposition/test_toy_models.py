"""Toy models: what they give back, what they learn, and how dimensions are counted."""

from __future__ import annotations

import torch

from mi_course.superposition import toy


def test_the_output_is_the_formula_of_each_model_by_itself():
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(3, 4, 5, generator=generator)
    w, b = (torch.randn(*s, generator=generator) for s in ((3, 2, 5), (3, 5)))
    found = toy.output(x, w, b)
    for i in range(3):
        for row in range(4):
            right = torch.relu(w[i].T @ (w[i] @ x[i, row]) + b[i])
            assert torch.allclose(found[i, row], right, atol=1e-6)


def test_features_are_there_as_often_as_said():
    x = toy.features(torch.tensor([1.0, 0.2]), 4000, 3, torch.Generator().manual_seed(1))
    there = (x > 0).float().mean((1, 2))
    assert torch.allclose(there, torch.tensor([1.0, 0.2]), atol=0.02)
    assert x.min() >= 0
    assert x.max() < 1


def test_features_at_right_angles_have_a_dimension_each_and_opposite_ones_half():
    apart = torch.tensor([[2.0, 0.0, 0.0], [0.0, -0.5, 0.0]])
    assert torch.allclose(toy.dimensions(apart), torch.tensor([1.0, 1.0, 0.0]))
    opposite = torch.tensor([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]])
    assert torch.allclose(toy.dimensions(opposite), torch.full((4,), 0.5))
    angles = torch.arange(5) * 2 * torch.pi / 5
    pentagon = torch.stack([angles.cos(), angles.sin()])
    assert torch.allclose(toy.dimensions(pentagon), torch.full((5,), 0.4), atol=1e-6)


def test_rare_features_get_more_directions_than_dense_ones():
    trained = toy.train([1.0, 0.05], 5, 2, seed=0, steps=600)
    held = trained.w.square().sum((1, 2)) / 2
    assert held[0] < 1.3
    assert held[1] > 2.4


def test_a_run_is_decided_by_its_seed_and_by_the_callers_function():
    calls = []

    def forward(x, w, b):
        calls.append(x.shape)
        return toy.output(x, w, b)

    one = toy.train([0.5], 3, 2, seed=4, steps=3, forward=forward)
    same = toy.train([0.5], 3, 2, seed=4, steps=3)
    assert torch.equal(one.w, same.w)
    assert calls == [(1, toy.BATCH, 3)] * 3
    assert not torch.equal(one.w, toy.train([0.5], 3, 2, seed=5, steps=3).w)
