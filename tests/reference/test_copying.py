import itertools

import pytest
import torch

from mi_course import hooks
from mi_course.english import words
from mi_course.reference import copying


@pytest.mark.parametrize("which", ["pocket", "coarse"])
def test_copy_score_is_that_of_the_models_own_modules(which, request):
    """The same share, by the bridge's modules instead of its matrices; any LayerNorm epsilon."""
    model = request.getfixturevalue(which)
    names = torch.tensor([[hooks.single_token(model, f" {name}")] for name in words.NAMES])
    layer, head, sign = 1, 0, 1
    with torch.no_grad():
        x = model.embed(names)
        x = x + model.blocks[0].mlp(model.blocks[0].ln2(x))
        x = sign * x @ model.W_V[layer, head] @ model.W_O[layer, head]
        logits = model.unembed(model.ln_final(x))[:, 0]
    share = (logits.topk(5).indices == names).any(-1).float().mean().item()
    assert copying.copy_score(model, layer, head, sign) == pytest.approx(share, abs=1e-6)


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
