import pytest
import torch

from mi_course import plots


def test_cells_keep_columns_of_one_name_apart():
    fig = plots.cells(
        torch.arange(6.0).view(2, 3), rows=["a", "b"], columns=["the", "the", "cat"],
        title="t", x_title="x", y_title="y", unit="u",
    )  # fmt: skip
    assert fig.data[0].z.shape == (2, 3)
    assert list(fig.layout.xaxis.ticktext) == ["the", "the", "cat"]
    assert list(fig.layout.xaxis.tickvals) == [0, 1, 2]
    with pytest.raises(ValueError, match=r"2 rows and 2 columns were named"):
        plots.cells(
            torch.zeros(2, 3), rows=["a", "b"], columns=["x", "y"],
            title="t", x_title="x", y_title="y", unit="u",
        )  # fmt: skip
