import torch

from mi_course import patching, plots


def test_head_heatmap_names_axes_unit_and_every_head():
    fig = plots.head_heatmap(torch.tensor([[0.1, 0.9]]), title="See this", unit="score")
    assert fig.layout.title.text == "See this"
    assert (fig.layout.xaxis.title.text, fig.layout.yaxis.title.text) == ("head", "layer")
    assert [list(row) for row in fig.data[0].text] == [["0.0", "0.1"]]
    assert fig.data[0].colorbar.title.text == "score"


def test_signed_heatmap_is_centred_on_zero():
    fig = plots.head_heatmap(torch.tensor([[-0.2, 0.5]]), title="t", unit="u", signed=True)
    assert (fig.data[0].zmin, fig.data[0].zmax) == (-0.5, 0.5)


def test_bars_treat_head_names_as_names():
    fig = plots.bars(["1.4", "1.40"], [1.0, 2.0], title="t", x_title="head", y_title="nats")
    assert fig.layout.xaxis.type == "category"


def test_lines_draw_each_curve_and_label_each_mark():
    fig = plots.lines(
        [0, 1], {"a": [1, 2], "b": torch.tensor([3.0, 4.0])},
        title="t", x_title="step", y_title="nats", marks={"here": 0.5},
    )  # fmt: skip
    assert [trace.name for trace in fig.data] == ["a", "b"]
    assert [note.text for note in fig.layout.annotations] == ["here"]


def test_pattern_maps_share_one_colour_scale():
    fig = plots.pattern_maps({"1.0": torch.eye(3), "1.1": torch.zeros(3, 3)}, title="t")
    assert [trace.coloraxis for trace in fig.data] == ["coloraxis", "coloraxis"]
    assert (fig.layout.coloraxis.cmin, fig.layout.coloraxis.cmax) == (0, 1)
    assert fig.layout.yaxis.autorange == "reversed"


def test_stored_figure_carries_no_default_template():
    fig = plots.lines([0, 1], {"a": [1, 2]}, title="t", x_title="x", y_title="y")
    assert len(fig.to_json()) < 2500


def test_head_heatmap_says_what_its_columns_are(tiny_llama):
    columns = patching.units(tiny_llama, "k")
    fig = plots.head_heatmap(torch.zeros(3, 2), title="t", unit="u", columns=columns)
    assert fig.layout.xaxis.title.text == "group of 3 heads"
    assert fig.data[0].hovertemplate.startswith("group of 3 heads %{text}")
