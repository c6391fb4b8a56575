"""The table of what a run on GPT-2 moved says what moved, and nothing else."""

from __future__ import annotations

import nbformat
import pytest

from mi_course.book import chapters, store
from mi_course.book.publish import gpt2_changes

PAGE = """
| verdict | quantity | of | published | found | tolerance | source |
| --- | --- | --- | ---: | ---: | ---: | --- |
| agrees | induction score | 5.5 | 0.93 | {five} | 0.04 | MD |
| {verdict} | loss \\| nats | second half | 0.13–0.18 | {loss} | 0.5 | MD |
"""


class State:
    """One state of a project: what is stored for GPT-2, and the page of the verdict."""

    def __init__(self, root):
        self.root = root

    def outputs(self, doc, cells):
        notebook = nbformat.v4.new_notebook(
            cells=[
                nbformat.v4.new_code_cell(
                    source,
                    id=id_,
                    execution_count=i,
                    outputs=[nbformat.v4.new_output("stream", name="stdout", text=text)],
                )
                for i, (id_, source, text) in enumerate(cells, 1)
            ],
            metadata={
                "mi_course": {"changed": "2026-01-01", "model": {"name": "gpt2"}, "versions": {}}
            },
        )
        store.write_file(
            chapters.Chapter(self.root, doc).stored(gpt2_changes.MODEL), store.to_bytes(notebook)
        )
        return self

    def page(self, five="0.9297", loss="0.15", verdict="agrees"):
        path = self.root / chapters.BOOK / gpt2_changes.VERDICT
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PAGE.format(five=five, loss=loss, verdict=verdict))
        return self


@pytest.fixture
def states(tmp_path):
    return State(tmp_path / "before"), State(tmp_path / "after")


ONE = ("aaaa", "print(1)", "loss 0.512\n")
TWO = ("bbbb", "print(2)", "head 5.5\n")


def test_two_equal_states_have_no_table(states):
    for state in states:
        state.outputs("week1/01_a", [ONE, TWO]).page()
    text = gpt2_changes.report(*(state.root for state in states))
    assert "No output changed." in text
    assert "No number moved, and none left its tolerance." in text
    assert "2 of 2 agree." in text
    assert "|" not in text


def test_a_run_that_measured_nothing_says_so(states):
    assert gpt2_changes.report(*(state.root for state in states)).endswith("None was measured.\n")


def test_a_changed_cell_is_named_with_its_first_difference(states):
    before, after = states
    before.outputs("week1/01_a", [ONE, TWO]).outputs("week1/02_b", [ONE])
    after.outputs("week1/01_a", [ONE, ("bbbb", "print(2)", "head 5.1\n")])
    after.outputs("week1/02_b", [ONE])
    (chapter,) = gpt2_changes.moved_chapters(before.root, after.root)
    assert (chapter.doc, chapter.state, chapter.cells) == ("week1/01_a", "changed", (2,))
    assert "stored 'head 5.5', now 'head 5.1'" in chapter.example


def test_an_added_cell_does_not_shift_the_others(states):
    before, after = states
    before.outputs("week1/01_a", [ONE, TWO])
    after.outputs("week1/01_a", [ONE, ("cccc", "new()", "new\n"), TWO])
    (chapter,) = gpt2_changes.moved_chapters(before.root, after.root)
    assert chapter.cells == (2,)


def test_a_removed_cell_and_new_and_gone_chapters_are_told(states):
    before, after = states
    before.outputs("week1/01_a", [ONE, TWO]).outputs("week1/03_gone", [ONE])
    after.outputs("week1/01_a", [ONE]).outputs("week2/01_new", [ONE])
    found = {c.doc: c.state for c in gpt2_changes.moved_chapters(before.root, after.root)}
    assert found == {"week1/01_a": "changed", "week1/03_gone": "gone", "week2/01_new": "new"}


def test_a_number_that_left_its_tolerance_stands_in_the_table(states):
    before, after = states
    before.page()
    after.page(loss="0.9", verdict="**differs**")
    text = gpt2_changes.report(before.root, after.root)
    assert "1 of 2 agree." in text
    row = r"| loss \| nats | second half | 0.13–0.18 | 0.15 | 0.9 | **left its tolerance** |"
    assert row in text
    assert "induction score" not in text


def test_a_number_that_moved_or_came_back_or_stays_outside_is_told(states):
    before, after = states
    before.page(loss="0.9", verdict="**differs**")
    after.page(five="0.95")
    assert "| 0.9297 | 0.95 | moved |" in gpt2_changes.report(before.root, after.root)
    assert "came back within its tolerance" in gpt2_changes.report(before.root, after.root)
    assert "still outside" in gpt2_changes.report(before.root, before.root)


def test_the_first_verdict_is_told_as_the_first(states):
    before, after = states
    after.page(verdict="**differs**")
    text = gpt2_changes.report(before.root, after.root)
    assert "| – | 0.9297 | first measured |" in text
    assert "**first measured, outside its tolerance**" in text


def test_the_page_that_the_referee_writes_is_read(pocket):
    from mi_course.reference import Reference, verify

    one = Reference("a | score", {"5.5": (0.9, 1.1)}, 0.1, "a source", lambda _: {"5.5": 0.25})
    page = verify.page(verify.judge(pocket, [one], even_if_random=True))
    (number,) = gpt2_changes.numbers(page)
    assert (number.part, number.published, number.found) == ("5.5", "0.9–1.1", "0.25")
    assert not number.agrees
