"""The order of tests loses none, and gives each process its share of the longest."""

from support.order import LONGEST, ONE_BY_ONE, dealt


def test_each_process_begins_with_its_share_of_the_longest():
    names = [f"test_{i}.py" for i in range(30)] + [ONE_BY_ONE[0]] * 6 + [LONGEST[2]] * 3
    items = list(range(len(names)))
    ordered = dealt(items, names, 3)
    assert sorted(ordered) == items
    stretches = [ordered[i : i + 13] for i in (0, 13, 26)]
    long = [[names[i] for i in stretch if names[i] in LONGEST] for stretch in stretches]
    assert [one.count(ONE_BY_ONE[0]) for one in long] == [2, 2, 2]
    assert sorted(one.count(LONGEST[2]) for one in long) == [0, 0, 3]  # one file, one process
    for stretch, first in zip(stretches, long, strict=True):
        assert [names[i] for i in stretch[: len(first)]] == first


def test_more_long_tests_than_a_stretch_holds_are_all_kept():
    names = [LONGEST[2]] * 5 + ["test_a.py"]
    assert sorted(dealt(range(6), names, 3)) == list(range(6))
