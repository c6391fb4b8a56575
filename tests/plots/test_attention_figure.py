import json

import pytest
import torch

from mi_course import plots


def test_attention_figure_stores_data_without_random_ids():
    figures = [
        plots.attention(["a", "b"], torch.tensor([[[1.0, 0.0], [0.25, 0.75]]]), ["1.4"])
        for _ in range(2)
    ]
    first, second = (fig._repr_mimebundle_()[plots.CIRCUITSVIS_MIME] for fig in figures)
    assert first == second
    assert json.loads(json.dumps(first))["props"]["attention"] == [[[1.0, 0.0], [0.25, 0.75]]]
    assert "AttentionHeads" in figures[0]._repr_mimebundle_()["text/html"]


def test_attention_of_another_length_than_its_tokens_is_refused():
    with pytest.raises(
        ValueError, match=r"1 names and 3 tokens need patterns of shape \(1, 3, 3\)"
    ):
        plots.attention(["a", "b", "c"], torch.zeros(1, 2, 2), ["1.4"])
