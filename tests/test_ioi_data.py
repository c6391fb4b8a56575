import pytest
import torch

from mi_course import ioi, ioi_data
from mi_course.english import corpus


@pytest.fixture(scope="module")
def data(pocket):
    return ioi_data.dataset(pocket.tokenizer, 120, seed=0)


def names(batch, rows):
    at = (batch.io_pos, batch.s1_pos, batch.s2_pos)
    return [batch.tokens[rows, positions] for positions in at]


def test_every_template_has_both_orders_equally_often(data):
    for template in range(len(data.templates)):
        orders = [
            p.order for p, t in zip(data.prompts, data.template, strict=True) if t == template
        ]
        assert orders.count("ABBA") == orders.count("BABA") == 10


def test_prompts_of_one_template_have_one_length_and_one_place_for_each_name(data):
    for template in range(len(data.templates)):
        rows = data.template == template
        assert len(data.clean.end[rows].unique()) == 1
        assert len(data.clean.s2_pos[rows].unique()) == 1
        assert len((data.clean.io_pos + data.clean.s1_pos)[rows].unique()) == 1


def test_the_other_templates_are_no_page_s_and_make_prompts_of_one_length_each(pocket):
    others = ioi_data.OTHER_TEMPLATES
    assert not set(others) & set(ioi_data.TEMPLATES)
    data = ioi_data.dataset(pocket.tokenizer, 48, seed=3, templates=others)
    for kind in range(len(others)):
        batch = data[(data.template == kind).nonzero().flatten()].clean
        assert len(batch) == 8
        assert len(batch.end.unique()) == len(batch.s2_pos.unique()) == 1
    right = ioi.model_logit_diff(pocket, data.clean.tokens, data.clean.answers) > 0
    assert right.float().mean() > 0.9


def test_flipped_prompts_differ_in_the_second_subject_only(data):
    rows = torch.arange(len(data))
    differ = data.clean.tokens != data.flipped.tokens
    assert differ.sum(1).tolist() == [1] * len(data)
    assert differ[rows, data.clean.s2_pos].all()
    assert torch.equal(data.flipped.tokens[rows, data.clean.s2_pos], data.clean.io)


def test_flipped_labels_are_those_of_the_flipped_prompts(data, pocket):
    flipped = [
        ioi.Prompt(text, p.s, p.io, p.template)
        for text, p in zip(data.flipped_texts, data.prompts, strict=True)
    ]
    expected = ioi.tokenize(pocket.tokenizer, flipped)
    for field in ("tokens", "io", "s", "io_pos", "s1_pos", "s2_pos", "end"):
        assert torch.equal(getattr(data.flipped, field), getattr(expected, field)), field


def test_abc_prompts_name_three_other_people_and_nothing_else_changes(data):
    rows = torch.arange(len(data))
    three = torch.stack(names(data.abc, rows), 1)
    assert all(len({*row.tolist()}) == 3 for row in three)
    assert not (three == data.clean.io[:, None]).any()
    assert not (three == data.clean.s[:, None]).any()
    assert (data.abc.tokens != data.clean.tokens).sum(1).tolist() == [3] * len(data)


def test_texts_are_what_the_tokens_say(data, pocket):
    for batch, texts in ((data.flipped, data.flipped_texts), (data.abc, data.abc_texts)):
        for row, end, text in zip(batch.tokens, batch.end, texts, strict=True):
            assert pocket.tokenizer.decode(row[1 : end + 1]) == text


def test_model_prefers_the_name_that_each_kind_of_prompt_asks_for(data, pocket):
    clean = ioi.model_logit_diff(pocket, data.clean.tokens, data.clean.answers)
    flipped = ioi.model_logit_diff(pocket, data.flipped.tokens, data.clean.answers)
    assert (clean > 0).float().mean() > 0.9
    assert (flipped < 0).float().mean() > 0.9
    torch.testing.assert_close(
        -flipped, ioi.model_logit_diff(pocket, data.flipped.tokens, data.flipped.answers)
    )


def test_streamed_difference_is_that_of_all_logits(data, pocket):
    with torch.no_grad():
        expected = ioi.logit_diff(pocket(data.clean.tokens), data.clean)
    found = ioi.model_logit_diff(pocket, data.clean.tokens, data.clean.answers, batch_size=7)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_order_is_not_confused_by_a_name_that_begins_another():
    prompt = ioi.Prompt(
        "When Anna and Ann went to the park, Anna gave a ball to", "Ann", "Anna", ""
    )
    assert prompt.order == "BABA"


def test_same_seed_gives_the_same_dataset_and_pairs_are_held_out(pocket):
    one, again, other = (ioi_data.dataset(pocket.tokenizer, 8, seed) for seed in (3, 3, 4))
    assert one.abc_texts == again.abc_texts
    assert one.abc_texts != other.abc_texts
    assert all(corpus.is_held_out_pair(p.io, p.s) for p in one.prompts)
    trained = ioi_data.dataset(pocket.tokenizer, 8, 3, held_out=False)
    assert not any(corpus.is_held_out_pair(p.io, p.s) for p in trained.prompts)


def test_rows_of_a_dataset_are_a_dataset(data):
    for rows in (slice(4, 9), torch.tensor([5, 2])):
        some = data[rows]
        assert torch.equal(some.abc.tokens, data.abc.tokens[rows])
        assert torch.equal(some.clean.answers.right, data.clean.io[rows])
        assert len(some) == len(some.flipped_texts) == len(some.template)
    assert some.prompts == [data.prompts[5], data.prompts[2]]


def test_dataset_of_given_prompts(pocket):
    data = ioi_data.from_prompts(pocket.tokenizer, ioi.p8(), seed=0)
    assert data.flipped_texts[0] == data.prompts[1].text
    assert data.template.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_names_of_several_tokens_are_left_out(pocket):
    class Short:
        """Pocket's tokenizer, if it knew only names of up to four letters."""

        bos_token_id = 0

        def encode(self, text, **kwargs):
            ids = pocket.tokenizer.encode(text, **kwargs)
            return ids if len(ids) > 1 or len(text) <= 5 else [1, 2]

    data = ioi_data.dataset(Short(), 20, seed=0)
    assert all(len(p.io) <= 4 and len(p.s) <= 4 for p in data.prompts)
    assert len({p.io for p in data.prompts}) > 5

    class Bytes(Short):
        def encode(self, text, **kwargs):
            return list(text.encode())

    with pytest.raises(ValueError, match=r"0 names of .* are one token for this tokenizer"):
        ioi_data.dataset(Bytes(), 20, seed=0)


def test_rename_refuses_a_text_with_other_mentions():
    with pytest.raises(ValueError, match="Bob is named too often"):
        ioi_data.rename(ioi.Prompt("Bob saw Ann. Ann met Bob", "Bob", "Ann", ""), "A", "B", "C")
    with pytest.raises(ValueError, match="expected Bob once and Ann twice"):
        ioi_data.rename(ioi.Prompt("Bob saw Ann. She", "Bob", "Ann", ""), "A", "B", "C")


def test_normalised_is_0_for_the_corrupted_and_1_for_the_clean_run():
    values = torch.tensor([-2.0, 1.0, 4.0])
    assert ioi.normalised(values, clean=4.0, corrupted=-2.0).tolist() == [0.0, 0.5, 1.0]
    with pytest.raises(ValueError, match="same logit difference: are they two runs"):
        ioi.normalised(values, 2.0, 2.0)


class SplitsYesterday:
    """pocket's tokenizer, with "Yesterday" as two tokens, as it is for smollm2."""

    bos_token_id = 0

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def encode(self, text, add_special_tokens):
        ids = self.tokenizer.encode(text, add_special_tokens=add_special_tokens)
        return [0, *ids] if text.startswith("Yesterday") else ids


def test_a_template_with_a_word_of_several_tokens_is_left_out(pocket):
    """To draw from it until a prompt is word by word would never end."""
    splits = SplitsYesterday(pocket.tokenizer)
    first, *others = ioi_data.OTHER_TEMPLATES
    assert first.startswith("Yesterday")
    assert ioi_data.readable(splits, ioi_data.OTHER_TEMPLATES) == tuple(others)
    assert ioi_data.readable(pocket.tokenizer, [first]) == (first,)
    data = ioi_data.dataset(splits, 12, seed=0, templates=ioi_data.OTHER_TEMPLATES)
    assert data.templates == tuple(others)
    assert len(data.template.unique()) == len(others)


def test_no_template_that_can_be_read_is_said_with_the_first_one(pocket):
    first = ioi_data.OTHER_TEMPLATES[:1]
    with pytest.raises(ValueError, match=r"several tokens.*Yesterday"):
        ioi_data.dataset(SplitsYesterday(pocket.tokenizer), 2, seed=0, templates=first)
    with pytest.raises(ValueError, match="at least one"):
        ioi_data.dataset(pocket.tokenizer, 2, seed=0, templates=[])
