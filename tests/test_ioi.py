import pytest
import torch

from mi_course import ioi
from mi_course.english import corpus, grammar
from support.outside import SHARED, not_run


def test_p8_is_fifteen_tokens_in_pocket(pocket):
    texts = [prompt.text for prompt in ioi.p8()]
    assert len(set(texts)) == 8
    assert pocket.to_tokens(texts).shape == (8, 15)


def test_p8_has_each_name_as_subject_once():
    prompts = ioi.p8()
    assert [(p.io, p.s) for p in prompts[:2]] == [("Mary", "John"), ("John", "Mary")]
    assert prompts[0].text == "When John and Mary went to the shops, John gave the bag to"
    assert [p.order for p in prompts[:2]] == ["BABA", "ABBA"]


def test_tokens_are_those_of_the_bridge(pocket):
    prompts = ioi.prompts(20, seed=0)
    batch = ioi.tokenize(pocket.tokenizer, prompts)
    for row, end, prompt in zip(batch.tokens, batch.end, prompts, strict=True):
        assert torch.equal(row[: end + 1], pocket.to_tokens(prompt.text)[0])


def test_positions_hold_the_names(pocket):
    batch = ioi.tokenize(pocket.tokenizer, ioi.prompts(50, seed=0))
    rows = torch.arange(50)
    assert torch.equal(batch.tokens[rows, batch.io_pos], batch.io)
    assert torch.equal(batch.tokens[rows, batch.s1_pos], batch.s)
    assert torch.equal(batch.tokens[rows, batch.s2_pos], batch.s)
    assert (batch.s1_pos < batch.s2_pos).all()
    assert (batch.s2_pos < batch.end).all()
    assert set(pocket.to_str_tokens(batch.tokens[rows, batch.end])) == {" to"}


def test_half_of_the_prompts_name_io_first():
    orders = [prompt.order for prompt in ioi.prompts(20, seed=1)]
    assert orders == ["ABBA", "BABA"] * 10


def test_held_out_prompts_share_neither_template_nor_pair_with_training():
    for prompt in ioi.prompts(100, seed=2):
        assert prompt.template in grammar.HELD_OUT
        assert corpus.is_held_out_pair(prompt.io, prompt.s)
    for prompt in ioi.prompts(100, seed=2, held_out=False):
        assert prompt.template in grammar.IOI
        assert not corpus.is_held_out_pair(prompt.io, prompt.s)


def test_prompts_of_the_published_form_are_fifteen_tokens_and_of_held_out_pairs(pocket):
    prompts = ioi.prompts(40, seed=3, templates=[ioi.P8_FORM])
    assert pocket.to_tokens([prompt.text for prompt in prompts]).shape == (40, 15)
    assert all(corpus.is_held_out_pair(prompt.io, prompt.s) for prompt in prompts)


def test_same_seed_gives_the_same_prompts():
    assert ioi.prompts(10, seed=5) == ioi.prompts(10, seed=5)
    assert ioi.prompts(10, seed=5) != ioi.prompts(10, seed=6)


def test_padding_does_not_change_the_logits_at_end(pocket):
    prompts = ioi.prompts(8, seed=0)
    batch = ioi.tokenize(pocket.tokenizer, prompts)
    assert len(set(batch.end.tolist())) > 1
    together = ioi.logit_diff(pocket(batch.tokens), batch)
    for i, prompt in enumerate(prompts):
        alone = ioi.tokenize(pocket.tokenizer, [prompt])
        difference = ioi.logit_diff(pocket(alone.tokens), alone)
        torch.testing.assert_close(difference[0], together[i], atol=1e-3, rtol=1e-4)


def test_logit_difference_is_io_minus_s_at_end(pocket):
    batch = ioi.tokenize(pocket.tokenizer, ioi.prompts(2, seed=0))
    logits = torch.zeros(2, batch.tokens.shape[1], pocket.cfg.d_vocab)
    for i in range(2):
        logits[i, batch.end[i], batch.io[i]] = 5.0
        logits[i, batch.end[i], batch.s[i]] = 2.0 + i
    assert ioi.logit_diff(logits, batch).tolist() == [3.0, 2.0]
    assert ioi.logit_diff(logits, batch.answers).tolist() == [3.0, 2.0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("logit_difference", "logit_diff"),
        ("read", "logit_diff"),
        ("difference", "model_logit_diff"),
    ],
)
def test_names_of_version_0_1_lead_to_those_of_today(old, new):
    with pytest.warns(FutureWarning, match=f"ioi.{old} is called mi_course.ioi.{new} now"):
        assert getattr(ioi, old) is getattr(ioi, new)


def test_name_of_several_tokens_is_refused(pocket):
    prompt = ioi.Prompt("When Xyzzy and Mary left, Xyzzy gave a ball to", "Mary", "Xyzzy", "")
    with pytest.raises(ValueError, match=r'"Xyzzy" is \d tokens.*mi_course\.english\.words\.NAMES'):
        ioi.tokenize(pocket.tokenizer, [prompt])


def test_p8_is_fifteen_tokens_for_gpt2():
    folder = SHARED / "offline-hub" / "gpt2-tokenizer"
    if not folder.exists():
        not_run("GPT-2's tokenizer is not on this machine")
    from tokenizers import ByteLevelBPETokenizer

    gpt2 = ByteLevelBPETokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    assert {len(gpt2.encode(prompt.text).ids) + 1 for prompt in ioi.p8()} == {15}
    assert gpt2.encode("Hello, world!").ids == [15496, 11, 995, 0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("When Mary and Mary went to the park, Mary gave the bag to", None),
        ("When Tom and John went to the park, John gave the bag to", "Mary is named once .* 0 t"),
        ("When Mary and Tom went to the park, Tom gave the bag to", "John is named twice .* 0 t"),
        ("John and Mary went to the park, John gave the bag to", "John is named twice .* 1 t"),
    ],
)
def test_names_that_are_not_where_they_belong_are_refused(pocket, text, words):
    """Their positions would silently be those of another token."""
    prompt = ioi.Prompt(text, "Mary", "John" if words else "Mary", "mine")
    with pytest.raises(ValueError, match=words or "IO and S are both Mary"):
        ioi.tokenize(pocket.tokenizer, [ioi.p8()[0], prompt])


def test_prompts_and_answers_must_be_as_many(pocket):
    batch = ioi.tokenize(pocket.tokenizer, ioi.p8())
    for measure in (
        lambda: ioi.model_logit_diff(pocket, batch.tokens, batch.answers[:3]),
        lambda: ioi.logit_diff(pocket(batch.tokens), batch[:3]),
    ):
        with pytest.raises(ValueError, match="8 prompts and 3 answers: give one for each"):
            measure()
    with pytest.raises(ValueError, match="batch_size must be at least 1, not 0"):
        ioi.model_logit_diff(pocket, batch.tokens, batch.answers, batch_size=0)
    with pytest.raises(ValueError, match="there are no prompts"):
        ioi.tokenize(pocket.tokenizer, [])
