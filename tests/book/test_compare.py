"""Words and counts are compared exactly, measured decimals within one stated tolerance."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from nbformat import NotebookNode

from mi_course.book import compare
from mi_course.book.outputs import CIRCUITSVIS, GLUE, PLOTLY
from support.small_course import shown, text


def bdata(values, dtype: str) -> dict:
    """An array as plotly 6 and later store it."""
    array = np.array(values, dtype)
    stored = {"dtype": dtype, "bdata": base64.b64encode(array.tobytes()).decode()}
    return stored | ({"shape": ", ".join(map(str, array.shape))} if array.ndim > 1 else {})


def same_data(mime: str, stored, fresh) -> bool:
    return not compare.differences([shown({mime: stored})], [shown({mime: fresh})])


def glued(name: str, value):
    return shown({GLUE: repr(value)}, metadata=NotebookNode(scrapbook={"name": name}))


@pytest.mark.parametrize(
    ("stored", "fresh"),
    [
        ("loss 0.123456", "loss 0.123457"),
        ("loss 0.1234567", "loss 0.1234571"),
        ("loss 0.930000", "loss 0.9300001"),  # not formatted: digits may differ
        ("score 0.931", "score 0.932"),  # one unit of the last place, 0.1 % of the value
        ("loss 12.05", "loss 12.06"),
        ("  9.994 |", " 10.001 |"),  # a table pads them differently
        ("delta -0.00", "delta 0.00"),
        ("p 3.10e-05", "p 3.11e-05"),
    ],
)
def test_machine_drift_passes(stored, fresh):
    assert compare.same_text(stored, fresh)
    assert compare.same_text(fresh, stored)


@pytest.mark.parametrize(
    ("stored", "fresh"),
    [
        ("head 10.10", "head 10.1"),
        ("head 10.10", "head 10.11"),
        ("head 9.10", "head 9.11"),
        ("head 5.5", "head 5.6"),
        ("heads 9.9, 9.6 and 10.0", "heads 9.9, 10.0 and 9.6"),
        ("head 0.12", "head 0.13"),
        ("L5H5", "L5H6"),
        ("value 0.123", "value 0.2"),
        ("value 0.123", "value 0.1230"),
        ("value 0.123", "value -0.123"),
        ("value 0.123", "value 0.129"),
        ("value 12.05", "value 12.65"),
        ("value 0.012", "value 0.013"),  # one unit of the last place, but 8 %
        ("p 3.1e-05", "p 3.1e-06"),
        ("2000 prompts", "2001 prompts"),
        ("2000.0 prompts", "2001.0 prompts"),
        ("2000.00 prompts", "2001.00 prompts"),
        ("tensor([2000.])", "tensor([2001.])"),
        ("1,024 tokens", "1,025 tokens"),
        ("nan", "0.123"),
        ("loss 0.123 nats", "loss 0.123 bits"),
        ("v2.13.0", "v2.13.1"),
        ("2.13.0", "2.13.1"),
        ("-5 °C", "5 °C"),
        (" Mary", " John"),
    ],
)
def test_a_changed_word_count_or_measurement_fails(stored, fresh):
    assert not compare.same_text(stored, fresh)
    assert not compare.same_text(fresh, stored)


def test_a_difference_names_its_line():
    found = compare.differences([text("a\nloss 0.123\n")], [text("a\nloss 0.223\n")])
    assert found == ["output 1 (stdout), line 2: stored 'loss 0.123', now 'loss 0.223'"]


def test_a_cells_own_tolerance_replaces_the_default_for_measurements_only():
    a, b = [text("accuracy 97.64, head 9.9, 2000")], [text("accuracy 97.48, head 9.9, 2000")]
    assert compare.differences(a, b)
    assert not compare.differences(a, b, 0.05)
    assert compare.differences(a, [text("accuracy 97.48, head 9.8, 2000")], 0.05)
    assert compare.differences(a, [text("accuracy 97.48, head 9.9, 2001")], 0.05)


@pytest.mark.parametrize("mime", [PLOTLY, CIRCUITSVIS, "application/json"])
def test_json_floats_have_a_tolerance_and_everything_else_has_none(mime):
    figure = {"data": [{"y": [0.5, 1e-9, 0.25], "n": 2000, "name": "head 10.10", "on": True}]}

    def with_(**changes):
        return {"data": [figure["data"][0] | changes]}

    assert same_data(mime, figure, with_(y=[0.500001, -1e-9, 0.25]))
    assert not same_data(mime, figure, with_(y=[0.525, 1e-9, 0.25]))
    assert not same_data(mime, figure, with_(y=[-0.5, 1e-9, 0.25]))
    assert not same_data(mime, figure, with_(y=[0.5, 1e-3, 0.25]))
    assert not same_data(mime, figure, with_(y=[0.5, 1e-9]))
    assert not same_data(mime, figure, with_(n=2001))
    assert not same_data(mime, figure, with_(n=2000.0))
    assert not same_data(mime, figure, with_(name="head 10.1"))
    assert not same_data(mime, figure, with_(on=1))
    assert not same_data(mime, figure, with_(new=1))


def test_typed_arrays_are_decoded_by_their_dtype():
    def figure(values, dtype="f4"):
        return {"data": [{"z": bdata(values, dtype)}]}

    z = [[0.1, 0.9], [np.nan, 3e-9]]
    assert same_data(PLOTLY, figure(z), figure([[0.1000001, 0.9], [np.nan, -2e-9]]))
    assert not same_data(PLOTLY, figure(z), figure([[0.1, 0.945], [np.nan, 3e-9]]))
    assert not same_data(PLOTLY, figure(z), figure([[0.1, 0.9], [0.0, 3e-9]]))
    assert not same_data(PLOTLY, figure(z), figure(z, "f8"))
    assert not same_data(PLOTLY, figure(z), figure([0.1, 0.9, np.nan, 3e-9]))
    assert not same_data(PLOTLY, figure([2000, 3], "i2"), figure([2001, 3], "i2"))
    assert not same_data(PLOTLY, figure([2000, 3], "f8"), figure([2001, 3], "f8"))


def test_a_difference_in_an_array_says_where_and_how_many():
    a, b = {"z": bdata([0.5, 0.25, 0.1], "f4")}, {"z": bdata([0.5, 0.75, 0.2], "f4")}
    (found,) = compare.differences([shown({PLOTLY: a})], [shown({PLOTLY: b})])
    assert found.endswith(".z[1]: stored 0.25, now 0.75 (2 of 3 differ)")


def test_glued_values_are_compared_as_values():
    def same(a, b):
        return not compare.differences([glued("x", a)], [glued("x", b)])

    assert same(0.93123456, 0.93123501)
    assert same(float("nan"), float("nan"))
    assert not same(0.93, 0.98)
    assert not same(1000, 1001)
    assert not same("10.10", "10.1")
    assert not same("10.123", "10.124")  # a text, so a word
    assert not same(1, 1.0)
    assert not same(True, 1)
    assert compare.differences([glued("x", 0.5)], [glued("y", 0.5)])


def test_swapped_missing_and_added_outputs_fail():
    a, b = text("a"), shown({"text/plain": "b"})
    assert compare.differences([a, b], [b, a])
    assert compare.differences([a, b], [a])
    assert compare.differences([], [a])
    assert compare.differences([a], [])
    assert compare.differences(
        [glued("x", 0.5), glued("y", 0.5)], [glued("y", 0.5), glued("x", 0.5)]
    )
    assert not compare.differences([a, b], [a, b])


def test_html_is_compared_like_text():
    a = "<td>head</td><td>9.9</td><td>0.9312</td>"
    assert same_data("text/html", a, a.replace("0.9312", "0.9313"))
    assert not same_data("text/html", a, a.replace("0.9312", "0.9812"))
    assert not same_data("text/html", a, a.replace("9.9", "9.10"))
    assert not same_data("text/html", a, a.replace("<td>", "<th>"))


def test_every_number_changed_by_five_per_cent_is_seen():
    """Whatever the format: the change is seen whenever it shows at all."""
    rng = np.random.default_rng(0)
    for value in np.concatenate([rng.uniform(0, 30, 400), 10 ** rng.uniform(-7, 4, 400)]):
        for spec in (".1f", ".2f", ".3f", ".4f", ".2e", ".4g", ""):
            before, after = format(float(value), spec), format(float(value) * 1.05, spec)
            assert before == after or not compare.same_text(before, after), (before, after)


def test_float32_noise_raises_hardly_any_alarm():
    """Three and four printed digits under a relative drift of 1e-7: rounding flips are rare."""
    rng = np.random.default_rng(1)
    values = rng.uniform(0.05, 12, 20_000)
    drifted = values * (1 + rng.normal(0, 1e-7, values.size))
    alarms = sum(
        not compare.same_text(f"{a:.3f}", f"{b:.3f}") for a, b in zip(values, drifted, strict=True)
    )
    assert alarms <= 1
