import pytest
import torch

from mi_course import plots


def test_a_position_map_names_every_position_and_keeps_the_scale_it_is_given():
    values = torch.tensor([[0.1, -0.2, 0.0], [0.3, 0.0, 0.9]])
    fig = plots.position_map(
        values, ["BOS", "A", "A"], title="t", y_title="layer", unit="share", limit=1.0
    )
    assert list(fig.layout.xaxis.ticktext) == ["BOS", "A", "A"]
    assert (fig.data[0].zmin, fig.data[0].zmax) == (-1.0, 1.0)
    assert torch.equal(torch.tensor(fig.data[0].z), values)
    free = plots.position_map(values, ["a", "b", "c"], title="t", y_title="layer", unit="share")
    assert abs(free.data[0].zmax - 0.9) < 1e-6
    with pytest.raises(ValueError, match="2 names for 3 positions"):
        plots.position_map(values, ["a", "b"], title="t", y_title="layer", unit="share")
