import gc
import weakref

import pytest
import torch
from torch import nn

from mi_course import folded, models, patching
from mi_course.folded import kept
from mi_course.hooks import run_with_hooks
from support import by_hand
from support.pairs import random_pairs

TOKENS = torch.randint(1, 250, (3, 9), generator=torch.Generator().manual_seed(0))


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def spoil(activation, hook):
    return activation * 2


@torch.no_grad()
def logits(folded):
    return folded.normal(folded.run(TOKENS).pre[-1]) @ folded.w_u + folded.b_u


@pytest.fixture(scope="module")
def tiny_pairs(tiny):
    return random_pairs(tiny, 6, 8, [0, 3, 5, 3, 5, 2], [7, 5, 7, 7, 5, 7])


@pytest.fixture
def own(tiny_folder):
    """A model that a test may change."""
    return models.boot(tiny_folder)


@pytest.fixture
def compared(monkeypatch):
    """A list that grows with every comparison of a folded model with its bridge."""
    calls, compare = [], kept._compare

    def counted(folded, model):
        calls.append(model)
        compare(folded, model)

    monkeypatch.setattr(kept, "_compare", counted)
    return calls


def test_folded_forward_pass_is_the_bridges(tiny, pocket):
    for model in (tiny, pocket):
        with torch.no_grad():
            close(logits(folded.of(model)), model(TOKENS))


def test_models_that_the_folded_pass_does_not_know_are_refused(tiny, monkeypatch):
    folded.of(tiny)
    monkeypatch.setattr(tiny.cfg, "act_fn", "relu")
    with pytest.raises(folded.UnknownModelError, match="is 'relu', not 'gelu_new'"):
        folded.of(tiny)


def test_model_without_compatibility_mode_is_refused_until_it_has_it(tiny_folder):
    from transformer_lens import TransformerBridge

    raw = TransformerBridge.boot_transformers(str(tiny_folder), device="cpu")
    with pytest.raises(ValueError, match="needs compatibility mode"):
        folded.of(raw)
    raw.enable_compatibility_mode(disable_warnings=True)
    with torch.no_grad():
        close(logits(folded.of(raw)), raw(TOKENS))


def test_model_with_a_hook_left_on_it_is_refused(tiny, tiny_pairs):
    with (
        tiny.hooks(fwd_hooks=[("blocks.0.hook_mlp_out", spoil)]),
        pytest.raises(folded.UnknownModelError, match="is a hook left on the model"),
    ):
        patching.heads(tiny, *tiny_pairs)
    run_with_hooks(tiny, tiny_pairs[0], [])
    patching.heads(tiny, *tiny_pairs)


def test_second_call_gives_the_same_without_a_comparison(own, compared):
    first = folded.of(own)
    assert folded.of(own) is first
    assert len(compared) == 1


def test_hook_left_after_a_first_call_is_refused(own):
    first = folded.of(own)
    own.add_hook("blocks.1.hook_resid_pre", spoil)
    for _ in range(2):
        with pytest.raises(folded.UnknownModelError, match="is a hook left on the model"):
            folded.of(own)
    own.reset_hooks()
    assert folded.of(own) is first


@pytest.mark.parametrize("kind", ["forward_hook", "forward_pre_hook"])
def test_hook_of_pytorch_left_after_a_first_call_is_refused(own, kind):
    folded.of(own)

    def twice(module, args, result=None):
        return args[0] * 2 if result is None else result * 2

    handle = getattr(own.unembed, f"register_{kind}")(twice)
    with pytest.raises(folded.UnknownModelError, match="is a hook left on the model"):
        folded.of(own)
    handle.remove()
    folded.of(own)


def test_every_call_compares_while_a_harmless_hook_is_on_the_model(own, compared):
    own.add_hook("blocks.0.hook_mlp_out", lambda activation, hook: None)
    first = folded.of(own)
    assert folded.of(own) is first
    assert len(compared) == 2


def negate_queries(model):
    with torch.no_grad():
        model.blocks[1].attn.W_Q.neg_()


def negate_queries_by_data(model):
    """A change that PyTorch's counter of versions does not count."""
    model.blocks[1].attn.W_Q.data.neg_()


def replace_mlp_weight(model):
    linear = model.blocks[0].mlp.original_component.c_fc.original_component
    linear.weight = nn.Parameter(linear.weight.detach().flip(0).clone())


def replace_query_data(model):
    linear = model.blocks[0].attn.q.original_component
    linear.weight.data = linear.weight.data.flip(0).clone()


def move_to_double_and_back(model):
    """As `to(device)` does, it gives each parameter other memory."""
    model.double()
    model.float()
    with torch.no_grad():
        model.unembed.b_U.add_(torch.arange(300.0))


@pytest.mark.parametrize(
    "change",
    [
        negate_queries,
        negate_queries_by_data,
        replace_mlp_weight,
        replace_query_data,
        move_to_double_and_back,
    ],
)
def test_changed_weights_give_the_results_of_the_new_ones(own, change):
    with torch.no_grad():
        before = logits(folded.of(own))
        change(own)
        close(logits(folded.of(own)), own(TOKENS))
        assert not torch.allclose(own(TOKENS), before, atol=1e-2)
    pairs = random_pairs(own, 4, 8, [2, 3, 2, 3], [7, 5, 7, 5])
    close(patching.heads(own, *pairs), by_hand.heads(own, *pairs, "z"))


def test_changed_weights_are_compared_again(own, compared):
    folded.of(own)
    negate_queries(own)
    folded.of(own)
    folded.of(own)
    assert len(compared) == 2


def test_change_that_undoes_the_centring_is_refused_as_at_first(own):
    folded.of(own)
    with torch.no_grad():
        own.blocks[0].attn.W_O.add_(1)
    with pytest.raises(ValueError, match="needs compatibility mode"):
        folded.of(own)


def test_model_with_dropout_is_compared(own, compared):
    folded.of(own)
    own.train()
    with pytest.raises(RuntimeError, match="dropout would give other numbers each time"):
        folded.of(own)
    own.eval()
    folded.of(own)
    assert len(compared) == 2


def test_each_model_has_its_own(own, tiny):
    assert folded.of(own) is not folded.of(tiny)
    assert folded.of(tiny) is folded.of(tiny)


def test_deleted_model_is_freed_with_its_weights(tiny_folder):
    model = models.boot(tiny_folder)
    folded.of(model)
    left = weakref.ref(model), weakref.ref(model.W_E)
    before = len(kept._kept)
    del model
    gc.collect()
    assert [ref() for ref in left] == [None, None]
    assert len(kept._kept) == before - 1


def test_old_names_give_the_new_ones(tiny):
    with pytest.warns(FutureWarning, match="folded.plain is called"):
        assert folded.plain is folded.of
    with pytest.warns(FutureWarning, match="folded.Plain is called"):
        assert folded.Plain is folded.FoldedGPT2
