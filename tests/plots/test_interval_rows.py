import pytest

from mi_course import plots
from mi_course.intervals import Interval

PANELS = {
    "IOI": {
        "position": {"0": Interval(2.0, 1.5, 3.0), "1": Interval(-1.0, -1.25, 0.5)},
        "random": {"0": Interval(0.0, -0.5, 0.5)},
    },
    "text": {"random": {"1": Interval(4.0, 4.0, 4.5)}},
}
UNITS = {"IOI": "harm (logits)", "text": "harm (nats)"}


@pytest.fixture(scope="module")
def fig():
    return plots.interval_rows(PANELS, units=UNITS, title="See this", x_title="layer")


def test_each_series_of_each_row_is_drawn_with_its_means(fig):
    drawn = [(trace.name, trace.yaxis, trace.x, trace.y) for trace in fig.data]
    assert drawn == [
        ("position", "y", ("0", "1"), (2.0, -1.0)),
        ("random", "y", ("0",), (0.0,)),
        ("random", "y2", ("1",), (4.0,)),
    ]


def test_error_bars_end_at_the_bounds_of_the_interval(fig):
    bars = fig.data[0].error_y
    assert not bars.symmetric
    assert list(bars.array) == [1.0, 1.5]  # up, from the mean to the upper bound
    assert list(bars.arrayminus) == [0.5, 0.25]
    assert fig.data[0].customdata == ([1.5, 3.0], [-1.25, 0.5])  # what hovering shows


def test_rows_have_their_units_and_names_and_the_labels_their_title(fig):
    layout = fig.layout
    assert layout.title.text == "See this"
    assert (layout.yaxis.title.text, layout.yaxis2.title.text) == ("harm (logits)", "harm (nats)")
    assert (layout.xaxis.title.text, layout.xaxis.type) == ("layer", "category")
    assert layout.xaxis.anchor == "y2"  # below the last row
    assert [note.text for note in layout.annotations] == ["IOI", "text"]
    assert layout.yaxis.domain[0] > layout.yaxis2.domain[1]  # the first row is on top


def test_a_series_has_one_colour_in_all_rows_and_one_entry_in_the_legend(fig):
    position, random, below = fig.data
    assert random.marker.color == below.marker.color != position.marker.color
    assert [trace.showlegend for trace in fig.data] == [True, True, False]


@pytest.mark.parametrize(
    ("panels", "message"),
    [
        ({}, "no panels"),
        ({**PANELS, "code": {}}, "no unit for code: `units` names one for each panel"),
        ({"IOI": {str(i): {} for i in range(9)}}, "9 series are too many .* at most 8"),
    ],
)
def test_what_cannot_be_drawn_is_refused(panels, message):
    with pytest.raises(ValueError, match=message):
        plots.interval_rows(panels, units=UNITS, title="t", x_title="x")
