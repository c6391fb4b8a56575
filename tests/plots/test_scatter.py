import torch

from mi_course import plots


def test_scatter_keeps_every_point_of_every_group():
    x, y = torch.rand(2, 7, generator=torch.Generator().manual_seed(0))
    fig = plots.scatter(
        {"IO": (x, y), "S": (y, x)}, title="t", x_title="attention", y_title="logits"
    )
    assert [trace.name for trace in fig.data] == ["IO", "S"]
    assert torch.equal(torch.tensor(fig.data[0].x), x)
    assert torch.equal(torch.tensor(fig.data[1].y), x)
    assert len({trace.marker.symbol for trace in fig.data}) == 2
    assert fig.layout.xaxis.title.text == "attention"
