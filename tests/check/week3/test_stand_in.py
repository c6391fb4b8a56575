"""The tiny transformer that checks hand over behaves as the course's models do."""

from __future__ import annotations

import pytest
import torch

from mi_course import hooks
from mi_course.check.core import Wrong
from mi_course.check.week3 import stand_in

TOKENS = torch.tensor([[0, 3, 2, 5], [0, 1, 4, 2]])
POINTS = [
    *("hook_resid_pre", "hook_resid_post", "hook_resid_mid", "hook_attn_out", "hook_mlp_out"),
    *(f"attn.hook_{kind}" for kind in ("q", "k", "v", "pattern", "z")),
    "attn.o.hook_in",
]


@pytest.fixture
def tiny():
    return stand_in.TinyModel(2, n_heads=3, d_head=4, d_model=10, vocab=11, seed=0)


def seen(run, point):
    """The name of the hook point that a hook meets, and the axes of what it is given."""
    found = []
    run(TOKENS, [(f"blocks.1.{point}", lambda x, hook: found.append((hook.name, x.ndim)))])
    return found


@pytest.mark.parametrize("point", POINTS)
def test_a_hook_meets_what_it_meets_on_a_model(tiny, pocket, point):
    def real(tokens, pairs):
        hooks.run_with_hooks(pocket, tokens, pairs)

    assert seen(tiny, point) == seen(real, point) != []


def test_a_hook_that_returns_nothing_changes_nothing_and_one_that_returns_does(tiny):
    plain = tiny(TOKENS)
    assert torch.equal(tiny(TOKENS, [("blocks.0.attn.hook_z", lambda z, hook: None)]), plain)
    silent = tiny(TOKENS, [("blocks.0.attn.hook_z", lambda z, hook: z * 0)])
    assert not torch.allclose(silent, plain, atol=0.1)


def test_no_position_sees_a_later_one(tiny):
    other = TOKENS.clone()
    other[:, -1] = 7
    assert torch.allclose(tiny(other)[:, :-1], tiny(TOKENS)[:, :-1], atol=1e-5)


def test_what_is_kept_is_what_the_heads_read(tiny):
    """Putting back what was kept changes nothing, in every layer and at every point."""
    for point in POINTS:
        kept = tiny.keep(TOKENS, point)
        for layer in range(2):
            same = tiny(TOKENS, [(f"blocks.{layer}.{point}", lambda x, hook, k=kept[layer]: k)])
            assert torch.allclose(same, tiny(TOKENS), atol=1e-5)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("blocks.2.attn.hook_z", print)], "no hook point 'blocks.2.attn.hook_z'"),
        ([("hook_z", print)], "counted from 0"),
        ([("blocks.0.attn.hook_z", lambda z, hook: z[0])], "return the whole activation"),
        ([("blocks.0.attn.hook_z", lambda z, hook: 0.0)], "returns float"),
        ([("blocks.0.attn.hook_z", None)], "whose second is NoneType"),
        ({"blocks.0.attn.hook_z": print}, "found str in the list"),
        ("blocks.0.attn.hook_z", "found str"),
    ],
)
def test_a_hook_that_cannot_work_is_refused_with_a_sentence(tiny, pairs, said):
    with pytest.raises(Wrong, match="hook") as refused:
        tiny(TOKENS, pairs)
    assert said in str(refused.value)
