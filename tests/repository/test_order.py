"""The order of tests loses none, and gives each process its share of the longest."""

from support.order import LONGEST, dealt

ALONE = next(pattern.split("::") for pattern in LONGEST if "::" in pattern)
FILE = next(pattern for pattern in reversed(LONGEST) if "::" not in pattern)


def test_each_process_begins_with_its_share_of_the_longest():
    names = [(f"test_{i}.py", "test_a") for i in range(30)]
    names += [(ALONE[0], f"{ALONE[1]}[{i}]") for i in range(6)] + [(FILE, "test_b")] * 3
    items = list(range(len(names)))
    ordered = dealt(items, names, 3)
    assert sorted(ordered) == items
    stretches = [ordered[i : i + 13] for i in (0, 13, 26)]
    long = [
        [names[i][0] for i in stretch if names[i][0] in (ALONE[0], FILE)] for stretch in stretches
    ]
    assert [one.count(ALONE[0]) for one in long] == [2, 2, 2]
    assert sorted(one.count(FILE) for one in long) == [0, 0, 3]  # one file, one process
    for stretch, first in zip(stretches, long, strict=True):
        assert [names[i][0] for i in stretch[: len(first)]] == first


def test_more_long_tests_than_a_stretch_holds_are_all_kept():
    names = [(FILE, "test_b")] * 5 + [("test_a.py", "test_a")]
    assert sorted(dealt(range(6), names, 3)) == list(range(6))
