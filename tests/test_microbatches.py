import itertools

import pytest
import torch

from mi_course.ioi import Answers
from mi_course.microbatches import microbatches

LENGTH = 6
ENDS = torch.tensor([5, 3, 5, 3, 5, 4, 5])
FIRST = torch.tensor([4, 1, 0, 3, 2, 4, 2])  # where each prompt begins to differ


def answers(ends=ENDS):
    return Answers(end=ends, right=torch.ones_like(ends), wrong=torch.zeros_like(ends))


def pairs(first=FIRST):
    """Prompts and partners that differ at `first` and at each position after it."""
    base = torch.arange(len(first) * LENGTH).view(-1, LENGTH)
    source = torch.where(torch.arange(LENGTH) >= first[:, None], base + 1000, base)
    return base, source


def rows_of(found):
    return [microbatch.rows.tolist() for microbatch in found]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_every_prompt_is_in_one_microbatch_and_none_has_more_than_its_size(batch_size):
    for source in (pairs()[1], None):
        found = rows_of(microbatches(pairs()[0], source, answers(), batch_size))
        assert sorted(itertools.chain(*found)) == list(range(7))
        assert max(map(len, found)) <= batch_size


def test_prompts_of_a_microbatch_have_one_length_without_padding():
    base, source = pairs()
    for microbatch in microbatches(base, source, answers(), 100):
        assert (ENDS[microbatch.rows] + 1 == microbatch.length).all()
        expected = base[microbatch.rows][:, : microbatch.length]
        assert torch.equal(microbatch.of(base), expected)


def test_shortest_come_first_and_those_that_differ_early_before_those_that_differ_late():
    found = rows_of(microbatches(*pairs(), answers(), 100))
    assert found == [[1, 3], [5], [2, 4, 6, 0]]


def test_a_microbatch_is_cut_where_it_is_full():
    found = rows_of(microbatches(*pairs(), answers(), 3))
    assert found == [[1, 3], [5], [2, 4, 6], [0]]


def test_first_is_the_first_position_at_which_one_of_its_prompts_differs():
    found = microbatches(*pairs(), answers(), 3)
    assert [microbatch.first for microbatch in found] == [1, 4, 0, 4]


def test_one_differing_token_counts_from_where_it_is():
    base, _ = pairs()
    source = base.clone()
    source[:, 2] += 1000
    assert [microbatch.first for microbatch in microbatches(base, source, answers(), 100)] == [
        2
    ] * 3


@pytest.mark.parametrize("change", ["nothing", "after END"])
def test_pairs_that_are_equal_up_to_end_differ_at_end(change):
    base, _ = pairs()
    source = base.clone()
    if change == "after END":
        source = torch.where(torch.arange(LENGTH) > ENDS[:, None], base + 1000, base)
    for microbatch in microbatches(base, source, answers(), 100):
        assert microbatch.first == microbatch.length - 1


def test_without_partners_every_position_counts_as_different():
    found = list(microbatches(pairs()[0], None, answers(), 100))
    assert rows_of(found) == [[1, 3], [5], [0, 2, 4, 6]]
    assert [microbatch.first for microbatch in found] == [0] * 3


def test_bar_is_shown_only_if_asked_for(capsys):
    list(microbatches(*pairs(), answers(), 3))
    assert capsys.readouterr().err == ""
    list(microbatches(*pairs(), answers(), 3, progress=True))
    assert "4/4" in capsys.readouterr().err


def test_bad_input_is_refused():
    base, source = pairs()
    with pytest.raises(ValueError, match=r"base has shape \(7, 6\) and source \(6, 6\)"):
        microbatches(base, source[1:], answers(), 3)
    with pytest.raises(ValueError, match="7 prompts and 2 answers: give one for each"):
        microbatches(base, source, answers()[:2], 3)
    with pytest.raises(ValueError, match="0 prompts and 0 answers"):
        microbatches(base[:0], source[:0], answers()[:0], 3)
    with pytest.raises(ValueError, match="batch_size must be at least 1, not 0"):
        microbatches(base, source, answers(), 0)
    with pytest.raises(ValueError, match="END is at 6, after the last token"):
        microbatches(base, source, answers(ENDS + 1), 3)


def test_old_names_give_the_new_ones():
    from mi_course import microbatches as module

    with pytest.warns(FutureWarning, match="microbatches.pieces is called"):
        assert module.pieces is microbatches
    with pytest.warns(FutureWarning, match="microbatches.Piece is called"):
        assert module.Piece is module.Microbatch
