"""What a page changes in a stored plot: faint maps, and curves that lie on others."""

import base64
import copy
import json
import struct

import pytest

from mi_course.book.outputs import PLOTLY
from mi_course.book.site import figures, legible

SCALE = [[0.0, "blue"], [0.4, "pale"], [0.5, "white"], [0.6, "rose"], [1.0, "red"]]


def heatmap(values, **changed):
    bar = {"thickness": 12, "title": {"text": "change (%)", "side": "right"}}
    trace = {"type": "heatmap", "z": values, "zmin": -50, "zmax": 50}
    return {**trace, "colorscale": SCALE, "colorbar": bar, **changed}


def rows(values):
    return [values[i : i + 10] for i in range(0, len(values), 10)]


def drawn(*traces):
    return legible.legible({"data": list(traces), "layout": {"height": 300}})["data"]


FAINT = rows([50.0, -20.0, *[0.5] * 98])


def test_a_faint_map_gets_its_colours_spread_out_near_zero_and_its_bar_says_so():
    (trace,) = drawn(heatmap(FAINT))
    places = [at for at, _ in trace["colorscale"]]
    assert places == pytest.approx([0, 0.48, 0.5, 0.52, 1])
    assert [color for _, color in trace["colorscale"]] == [color for _, color in SCALE]
    assert trace["colorbar"]["title"]["text"] == f"change (%)<br>{legible.TOLD}"
    assert trace["colorbar"]["title"]["side"] == "right"
    assert (trace["z"], trace["zmin"], trace["zmax"]) == (FAINT, -50, 50)


@pytest.mark.parametrize(
    "trace",
    [
        heatmap(rows([50.0, *[4.0] * 99])),  # pale, and yet to be seen
        heatmap(rows([50.0, 40.0, *[0.5] * 8, *[0.0] * 90])),  # most are zero whatever was measured
        heatmap(FAINT[:5]),  # few cells
        heatmap(FAINT, texttemplate="%{z:.2f}"),  # its numbers are written in it
        heatmap(FAINT, zmin=0),  # scores, beside others on the same scale
        {"type": "heatmap", "z": FAINT, "coloraxis": "coloraxis"},
    ],
    ids=["pale", "zeros", "few", "written", "scores", "shared"],
)
def test_other_maps_stay_as_they_are(trace):
    assert drawn(trace) == [trace]


def test_binary_arrays_and_lists_are_read_alike():
    values = [0.5, -2.0, 3.25]
    for dtype, code in (("f4", "f"), ("<f8", "d")):
        raw = b"".join(struct.pack(f"<{code}", value) for value in values)
        stored = {"bdata": base64.b64encode(raw).decode(), "dtype": dtype, "shape": "1, 3"}
        assert legible.numbers(stored) == legible.numbers([values]) == values
    missing = legible.numbers([1, None])
    assert missing[0] == 1
    assert missing[1] != missing[1]


def curve(name, y, **more):
    return {"type": "scatter", "mode": "lines", "name": name, "x": [0, 1, 2, 3], "y": y, **more}


def dashes(*traces):
    return [trace.get("line", {}).get("dash") for trace in drawn(*traces)]


def test_a_curve_on_another_one_gets_gaps_and_a_third_one_smaller_ones():
    low, top = [1, 1, 1, 1], [9, 8, 9, 8]
    assert dashes(curve("a", low), curve("b", top)) == [None, None]
    over = curve("c", [1.05, 1, 1, 5])
    assert dashes(curve("a", low), curve("b", top), over) == [None, None, "dash"]
    assert dashes(curve("a", low), over, curve("b", top), curve("d", low)) == [
        None,
        "dash",
        None,
        "dot",
    ]


@pytest.mark.parametrize(
    "second",
    [
        curve("b", [1, 5, 5, 5]),  # they only begin alike
        curve("b", [1, 1, 1, 1], x=[0, 1, 2, 9]),
        curve("b", [1, 1, 1, 1], mode="markers"),
    ],
    ids=["crosses", "x", "points"],
)
def test_a_curve_that_hides_none_stays_whole(second):
    assert dashes(curve("a", [1, 1, 1, 9]), second) == [None, None]


def test_curves_of_missing_values_and_of_one_height_are_drawn():
    assert dashes(curve("a", [None] * 4), curve("b", [2] * 4)) == [None, None]
    assert dashes(curve("a", [2] * 4), curve("b", [2] * 4)) == [None, "dash"]


def test_the_page_gets_what_is_legible_and_the_stored_output_stays():
    stored = {"data": [heatmap(FAINT)], "layout": {}}
    kept = copy.deepcopy(stored)
    html = figures.to_html({PLOTLY: stored})
    assert legible.TOLD in json.dumps(html)
    assert stored == kept
