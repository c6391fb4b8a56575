"""Padding is never read as text, and no loss counts it, in whichever form it arrives.

The numbers that everything is compared with are those of each text alone. As in `test_bridge`, a
bridge without guards shows what the library does.
"""

import warnings

import pytest
import torch
from transformer_lens.model_bridge import TransformerBridge

from mi_course.guards import padding

LONG, SHORT = "abcd", "x"
BOS = "<|endoftext|>"


@pytest.fixture(scope="module")
def bare(tiny_folder):
    """The library's own bridge, in compatibility mode and without guards."""
    model = TransformerBridge.boot_transformers(str(tiny_folder), device="cpu")
    model.enable_compatibility_mode()
    return model


@pytest.fixture(scope="module")
def own_pad(tiny_folder):
    """A guarded model whose padding is a token of its own, neither BOS nor EOS."""
    from mi_course import models

    model = models.boot(tiny_folder)
    model.tokenizer.pad_token = "z"
    return model


def losses_alone(model, texts=(LONG, SHORT), **given):
    return [model(text, return_type="loss", **given).item() for text in texts]


def mean_of(losses, lengths=(4, 1)):
    """Over all tokens that are predicted, as for any batch."""
    return sum(loss * n for loss, n in zip(losses, lengths, strict=True)) / sum(lengths)


def tokens_and_mask(model, side):
    """Both texts in one tensor, padded on that side, and where it is text."""
    tokens = model.to_tokens([LONG, SHORT], padding_side=side)
    mask = torch.ones_like(tokens)
    mask[1, slice(2, None) if side == "right" else slice(0, -2)] = 0
    return tokens, mask


# The loss. In every way in, it is the mean over the texts' own tokens, or it is refused.


@pytest.mark.parametrize("side", ["left", "right", None])
def test_loss_of_a_list_of_texts_leaves_out_padding(tiny, bare, side):
    right = mean_of(losses_alone(tiny))
    if side != "left":
        counted = bare([LONG, SHORT], return_type="loss", padding_side=side).item()
        assert abs(counted - right) > 0.1  # padding counted, and not a word
    given = {"return_type": "loss", "padding_side": side}
    ways = (
        tiny([LONG, SHORT], **given),
        tiny.run_with_hooks([LONG, SHORT], fwd_hooks=[], **given),
        tiny.run_with_cache([LONG, SHORT], **given)[0],
    )
    for loss in ways:
        assert loss.item() == pytest.approx(right, abs=1e-5)


@pytest.mark.parametrize("prepend", [True, False])
@pytest.mark.parametrize("side", ["left", "right"])
def test_loss_and_logits_of_a_list_are_those_of_each_text_alone(tiny, side, prepend):
    texts, given = ["abcd", "xy"], {"prepend_bos": prepend}
    logits, loss = tiny(texts, return_type="both", padding_side=side, **given)
    alone = tiny("xy", **given)[0]
    place = slice(-len(alone), None) if side == "left" else slice(len(alone))
    assert torch.allclose(logits[1, place], alone, atol=1e-4)
    right = mean_of(losses_alone(tiny, texts, **given), (3 + prepend, 1 + prepend))
    assert loss.item() == pytest.approx(right, abs=1e-5)


def test_library_takes_padding_for_bos_when_there_is_to_be_none(tiny, bare):
    given = {"padding_side": "left", "prepend_bos": False}
    alone = tiny("x", prepend_bos=False)[0, -1]
    assert not torch.allclose(bare([LONG, SHORT], **given)[1, -1], alone, atol=0.1)
    assert torch.allclose(tiny([LONG, SHORT], **given)[1, -1], alone, atol=1e-4)


def test_loss_of_texts_of_one_length_is_unchanged(tiny, bare):
    given = {"return_type": "loss"}
    assert torch.equal(tiny(["abcd", "efgh"], **given), bare(["abcd", "efgh"], **given))
    assert tiny(["abcd", "efgh"], loss_per_token=True, **given).shape == (2, 4)


def test_loss_per_token_of_texts_of_different_lengths_is_refused(tiny, bare):
    given = {"return_type": "loss", "loss_per_token": True}
    own = tiny(SHORT, **given).mean()
    assert abs(bare([LONG, SHORT], **given)[1].mean() - own) > 0.1
    for texts in ([LONG, SHORT], [SHORT, LONG]):
        with pytest.raises(ValueError, match=r"do not fit one tensor of losses: call the model"):
            tiny(texts, **given)
    _, mask = tokens_and_mask(tiny, "right")
    per_token = tiny([LONG, SHORT], attention_mask=mask, **given)
    assert per_token[1, 0].item() == pytest.approx(own.item(), abs=1e-5)
    assert per_token[1, 1:].abs().max() == 0


@pytest.mark.parametrize("return_type", ["loss", "both"])
@pytest.mark.parametrize("per_token", [False, True])
def test_loss_of_tokens_padded_on_the_right_is_refused_without_a_mask(
    tiny, bare, return_type, per_token
):
    tokens, mask = tokens_and_mask(tiny, "right")
    given = {"return_type": return_type, "loss_per_token": per_token}
    bare(tokens, **given)  # and not a word
    words = r"row 1 of the tokens ends with padding that nothing hides, and the loss would count it"
    for run in (
        lambda **more: tiny(tokens, **given, **more),
        lambda **more: tiny(tokens, return_type, per_token, **more),
        lambda **more: tiny.run_with_hooks(tokens, fwd_hooks=[], **given, **more),
        lambda **more: tiny.run_with_cache(tokens, **given, **more),
        lambda **more: tiny(tokens, labels=tokens, **given, **more),
    ):
        with pytest.raises(ValueError, match=words):
            run()
        with pytest.raises(ValueError, match=words):
            run(attention_mask=torch.ones_like(mask))
        run(attention_mask=mask)
    tiny(tokens)  # its logits are right


def test_loss_of_tokens_with_a_right_mask_is_that_of_the_texts(tiny):
    right = mean_of(losses_alone(tiny))
    for side in ("left", "right"):
        tokens, mask = tokens_and_mask(tiny, side)
        for kind in (mask, mask.bool(), mask.float()):
            loss = tiny(tokens, return_type="loss", attention_mask=kind)
            assert loss.item() == pytest.approx(right, abs=1e-5)
    tokens, mask = tokens_and_mask(tiny, "right")
    ignored = tokens.masked_fill(mask == 0, -100)
    loss = tiny(tokens, return_type="loss", labels=ignored)
    assert loss.item() == pytest.approx(right, abs=1e-5)


def test_a_text_may_end_with_its_own_end(tiny):
    ended = torch.tensor([[0, 5, 6, 0]])
    assert tiny(ended, return_type="loss").ndim == 0
    assert tiny(ended[0], return_type="loss").ndim == 0
    assert tiny("ab" + BOS, return_type="loss").ndim == 0
    assert tiny.run_with_cache("ab" + BOS, return_type="loss")[0].ndim == 0
    both = torch.tensor([[0, 5, 6, 0], [0, 5, 6, 7]])
    with pytest.raises(ValueError, match=r"row 0 .* ends with padding"):
        tiny(both, return_type="loss")  # its end, or padding: a mask can tell
    assert tiny(both, return_type="loss", attention_mask=torch.ones_like(both)).ndim == 0
    assert tiny(torch.tensor([[0]]), return_type="logits").shape == (1, 1, 300)


def test_a_row_of_nothing_but_padding_is_seen(tiny):
    with pytest.raises(ValueError, match=r"row 1 .* ends with padding"):
        tiny(torch.tensor([[0, 5, 6, 7], [0, 0, 0, 0]]), return_type="loss")
    loss = tiny([LONG, ""], return_type="loss").item()
    assert loss == pytest.approx(losses_alone(tiny)[0], abs=1e-5)


def test_padding_with_a_token_of_its_own_is_refused_from_the_first_one(own_pad):
    z = own_pad.tokenizer.pad_token_id
    left, right = torch.tensor([[0, 5, 6], [z, 0, 5]]), torch.tensor([[0, 5, 6], [0, 5, z]])
    with pytest.raises(ValueError, match=r"row 1 .* begins with padding"):
        own_pad(left)
    with pytest.raises(ValueError, match=r"row 1 .* ends with padding"):
        own_pad(right, return_type="loss")
    with pytest.raises(ValueError, match=r"row 0 .* ends with padding"):
        own_pad(right[1:], return_type="loss")
    loss = own_pad([LONG, SHORT], return_type="loss").item()
    assert loss == pytest.approx(mean_of(losses_alone(own_pad)), abs=1e-5)


# The mask. What it lets the model read is what counts, not that there is one.


def test_mask_of_ones_over_padding_on_the_left_is_refused(tiny, bare):
    tokens, mask = tokens_and_mask(tiny, "left")
    alone = tiny(SHORT)[0, -1]
    ones = torch.ones_like(mask)
    assert not torch.allclose(bare(tokens, attention_mask=ones)[1, -1], alone, atol=0.1)
    for word in ("attention_mask", "one_zero_attention_mask"):
        assert torch.allclose(tiny(tokens, **{word: mask})[1, -1], alone, atol=1e-4)
        for run in (
            lambda given: tiny(tokens, **given),
            lambda given: tiny.run_with_cache(tokens, **given),
            lambda given: tiny.run_with_hooks(tokens, fwd_hooks=[], **given),
        ):
            with pytest.raises(ValueError, match=r"row 1 .* padding, and attention_mask does not"):
                run({word: ones})
    with pytest.raises(ValueError, match="does not hide it"):
        tiny(tokens, "logits", False, None, None, ones)


def test_mask_that_hides_a_part_of_the_padding_only_is_refused(tiny):
    tokens, mask = tokens_and_mask(tiny, "left")
    mask[1, 1] = 1
    with pytest.raises(ValueError, match="does not hide it"):
        tiny(tokens, attention_mask=mask)


@pytest.mark.parametrize("kind", [torch.int64, torch.bool, torch.float32])
def test_mask_that_leaves_the_first_bos_and_hides_the_rest_is_right(tiny, kind):
    tokens = torch.tensor([[0, 5, 6, 7, 8], [0, 0, 0, 0, 9]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 0, 0, 0, 1]]).to(kind)
    alone = tiny(torch.tensor([[0, 9]]))[0, -1]
    assert torch.allclose(tiny(tokens, attention_mask=mask)[1, -1], alone, atol=1e-4)


@pytest.mark.parametrize("side", ["left", "right"])
def test_mask_that_hides_bos_is_refused(tiny, bare, side):
    tokens, _ = tokens_and_mask(tiny, side)
    mask = (tokens != tiny.tokenizer.pad_token_id).long()
    place = 4 if side == "right" else -1
    wrong = bare(tokens, attention_mask=mask)[0, place]
    assert not torch.allclose(wrong, tiny(LONG)[0, -1], atol=0.1)
    with pytest.raises(ValueError, match="hides the BOS of every row, as `tokens != pad_token_id`"):
        tiny(tokens, attention_mask=mask)
    with pytest.raises(ValueError, match="hides the BOS of every row"):
        tiny([LONG, SHORT], attention_mask=mask, padding_side=side)
    with pytest.raises(ValueError, match="hides the BOS of every row"):
        tiny(LONG, attention_mask=mask[:1])


def test_mask_of_another_shape_is_refused(tiny, bare):
    tokens, mask = tokens_and_mask(tiny, "right")
    bare(tokens, attention_mask=mask[:, :3])  # and not a word
    with pytest.raises(ValueError, match=r"attention_mask has shape \(2, 3\), and the tokens \(2"):
        tiny(tokens, attention_mask=mask[:, :3])
    with pytest.raises(ValueError, match=r"attention_mask has shape \(1, 5\)"):
        tiny(tokens, attention_mask=mask[:1])
    one = tiny(tokens[0], attention_mask=mask[0])
    assert torch.allclose(one, tiny(LONG), atol=1e-4)


def test_mask_of_four_dimensions_moves_no_position(tiny, bare):
    tokens, mask = tokens_and_mask(tiny, "left")
    square = torch.ones(5, 5).tril().bool()[None, None] & mask[:, None, None].bool()
    alone = tiny(SHORT)[0, -1]
    assert not torch.allclose(bare(tokens, attention_mask=square)[1, -1], alone, atol=0.1)
    with pytest.raises(ValueError, match="row 1 of the tokens begins with padding"):
        tiny(tokens, attention_mask=square)
    places = (mask.cumsum(1) - 1).clamp(min=0)
    placed = tiny(tokens, attention_mask=square, position_ids=places)
    assert torch.allclose(placed[1, -1], alone, atol=1e-4)


@pytest.mark.parametrize(("side", "given"), [("left", {}), ("right", {"return_type": "loss"})])
def test_mask_beside_a_list_of_texts_is_compared_with_the_texts(tiny, bare, side, given):
    _, mask = tokens_and_mask(tiny, side)
    given = given | {"padding_side": side}
    bare([LONG, SHORT], attention_mask=torch.ones_like(mask), **given)  # and not a word
    with pytest.raises(ValueError, match="attention_mask counts the padding of a text as text"):
        tiny([LONG, SHORT], attention_mask=torch.ones_like(mask), **given)
    with_mask = tiny([LONG, SHORT], attention_mask=mask, **given)
    assert torch.allclose(with_mask, tiny([LONG, SHORT], **given), atol=1e-4)


# BOS.


@pytest.mark.parametrize("form", ["text", "list", "mixed"])
def test_written_bos_is_there_once_and_said(tiny, bare, form):
    written = BOS + "abcd"
    texts = {"text": written, "list": [written, written], "mixed": [written, "abcd"]}[form]
    assert bare.to_tokens(texts)[0, :2].tolist() == [0, 0]  # twice, and not a word
    with pytest.warns(UserWarning, match=r"begins with <\|endoftext\|>.* once, not twice"):
        tokens = tiny.to_tokens(texts)
    assert torch.equal(tokens, tiny.to_tokens("abcd").expand_as(tokens))
    for run in (tiny, lambda t: tiny.run_with_cache(t)[0], lambda t: tiny.run_with_hooks(t)):
        with pytest.warns(UserWarning, match="once, not twice") as said:
            assert torch.allclose(run(texts)[0], tiny("abcd")[0], atol=1e-4)
        assert len(said) == 1
        assert said[0].filename == __file__


def test_written_bos_alone_is_bos(tiny):
    with pytest.warns(UserWarning, match="once, not twice"):
        assert tiny.to_tokens(BOS).tolist() == [[0]]


def test_written_bos_counts_where_none_is_prepended(tiny):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tiny.to_tokens(BOS + "ab", prepend_bos=False).shape == (1, 3)
        assert tiny.to_tokens("ab" + BOS).shape == (1, 4)


def test_loss_of_texts_with_a_written_bos_is_right(tiny):
    with pytest.warns(UserWarning, match="once, not twice"):
        loss = tiny([LONG, BOS + SHORT], return_type="loss").item()
    assert loss == pytest.approx(mean_of(losses_alone(tiny)), abs=1e-5)


# The functions themselves.


def test_mask_of_texts_by_hand():
    def tokenize(text):
        return torch.zeros(1, len(text), dtype=torch.long)

    left = padding.mask_of_texts(tokenize, ["abc", "a"], "left")
    right = padding.mask_of_texts(tokenize, ["abc", "a"], "right")
    assert left.tolist() == [[True, True, True], [False, False, True]]
    assert right.tolist() == [[True, True, True], [True, False, False]]
