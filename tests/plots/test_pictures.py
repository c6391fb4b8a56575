import pytest
import torch

from mi_course import plots


def test_pictures_keep_their_pixels_and_captions():
    images = torch.arange(5 * 6, dtype=torch.uint8).view(5, 2, 3)
    fig = plots.pictures(images, "abcde", title="what to see", columns=2)
    assert [trace.z.tolist() for trace in fig.data] == images.tolist()
    assert [note.text for note in fig.layout.annotations] == list("abcde")
    corners = {(trace.x0, trace.y0) for trace in fig.data}
    assert len(corners) == 5
    with pytest.raises(ValueError, match="5 pictures and 4 captions"):
        plots.pictures(images, "abcd", title="")


def test_signed_pictures_are_percent_of_their_own_largest_weight():
    weights = torch.tensor([[[0.5, -0.25]], [[-4.0, 1.0]]])
    fig = plots.pictures(weights, "ab", title="", signed=True)
    assert [trace.z.tolist() for trace in fig.data] == [[[100, -50]], [[-100, 25]]]
    assert (fig.layout.coloraxis.cmin, fig.layout.coloraxis.cmax) == (-100, 100)


def test_a_confusion_matrix_shows_all_counts_and_colours_the_mistakes():
    fig = plots.confusion(torch.tensor([[5, 1], [2, 7]]), title="")
    assert fig.data[0].text.tolist() == [[5, 1], [2, 7]]
    assert fig.data[0].z.tolist() == [[0, 1], [2, 0]]
