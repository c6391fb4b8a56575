import numpy as np
import pytest
import torch

from mi_course import plots


def test_a_cell_is_the_cosine_of_its_two_vectors():
    vectors = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    fig = plots.similarity_map(vectors, first=1, title="See this", axis_title="position")
    lengths = vectors.norm(dim=1)
    expected = [
        [float(a @ b / (m * n)) for b, n in zip(vectors, lengths, strict=True)]
        for a, m in zip(vectors, lengths, strict=True)
    ]
    np.testing.assert_allclose(fig.data[0].z, expected, atol=1e-6)


def test_axes_count_from_the_first_number_and_colours_are_centred_on_zero():
    fig = plots.similarity_map(torch.eye(3), first=5, title="See this", axis_title="position")
    (cells,) = fig.data
    assert fig.layout.title.text == "See this"
    assert (fig.layout.xaxis.title.text, fig.layout.yaxis.title.text) == ("position", "position")
    assert (cells.x0, cells.y0, cells.dx, cells.dy) == (5, 5, None, None)  # steps of one
    assert (cells.zmin, cells.zmax) == (-1, 1)
    assert cells.colorbar.title.text == "cosine"
    assert fig.layout.yaxis.autorange == "reversed"


def test_one_vector_alone_is_refused():
    with pytest.raises(ValueError, match=r"shape \(vector, d_model\), not \(3,\)"):
        plots.similarity_map(torch.ones(3), first=0, title="t", axis_title="x")
