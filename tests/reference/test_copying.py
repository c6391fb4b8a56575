import itertools

import pytest
import torch

from mi_course import hooks
from mi_course.english import words
from mi_course.reference import copying


def test_copy_score_is_that_of_the_models_own_modules(pocket):
    """The same share, by the bridge's modules instead of its matrices."""
    names = torch.tensor([[hooks.single_token(pocket, f" {name}")] for name in words.NAMES])
    layer, head, sign = 1, 0, 1
    with torch.no_grad():
        x = pocket.embed(names)
        x = x + pocket.blocks[0].mlp(pocket.blocks[0].ln2(x))
        x = sign * x @ pocket.W_V[layer, head] @ pocket.W_O[layer, head]
        logits = pocket.unembed(pocket.ln_final(x))[:, 0]
    share = (logits.topk(5).indices == names).any(-1).float().mean().item()
    assert copying.copy_score(pocket, layer, head, sign) == pytest.approx(share, abs=1e-6)


def test_a_head_of_pocket_copies_names_and_not_all_do(pocket):
    heads = itertools.product(range(pocket.cfg.n_layers), range(pocket.cfg.n_heads))
    scores = [copying.copy_score(pocket, *head) for head in heads]
    assert max(scores) > 0.5
    assert min(scores) < 0.5


def test_turning_the_sign_turns_the_answer(pocket):
    """No head puts the same names at the top with both signs."""
    for head in range(pocket.cfg.n_heads):
        both = copying.copy_score(pocket, 1, head) + copying.copy_score(pocket, 1, head, -1)
        assert both <= 1
