"""Probes on activations that are made up: what they find, and what templates do to them."""

from __future__ import annotations

import pytest
import torch

from mi_course.steering import probing, properties
from mi_course.yours import probes_and_steering as yours

ROWS = properties.rows(properties.GENDER, 34, seed=0)


@pytest.fixture
def made():
    """Activations with the label along entry 0, and the template as a large shift along it."""
    x = torch.randn(len(ROWS.texts), 12, generator=torch.Generator().manual_seed(0))
    x[:, 0] += 4 * (2 * ROWS.label - 1)
    return x


def test_a_probe_finds_the_direction_in_units_of_the_activations(made):
    scale = torch.linspace(0.1, 20, 12)
    probe = probing.fitted_on(made * scale, ROWS)
    assert (probe.weights * scale).abs().argmax() == 0
    assert probe.right(made * scale, ROWS.label)[ROWS.new].float().mean() > 0.97


def test_its_scores_are_scikit_learns(made):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    x, y = made[ROWS.first].numpy(), ROWS.label[ROWS.first].numpy()
    scaler = StandardScaler().fit(x)
    theirs = LogisticRegression(C=probing.PENALTY).fit(scaler.transform(x), y)
    expected = theirs.decision_function(scaler.transform(made.numpy()))
    found = probing.fitted_on(made, ROWS).scores(made)
    assert torch.allclose(found, torch.tensor(expected).float(), atol=1e-4)


def test_a_shift_by_template_costs_the_threshold_and_not_the_order(made):
    shift = torch.tensor([0.0, 0, 0, 30, -30, 30])  # the last three are new
    x = made.clone()
    x[:, 0] += shift[ROWS.template]
    probe = probing.fitted_on(x, ROWS)
    scores, new = probe.scores(x), ROWS.new
    assert probe.right(x, ROWS.label)[new].float().mean() < 0.6
    within = probing.auc_within(scores[new], ROWS.label[new], ROWS.template[new])
    assert within > 0.97
    assert probing.auc(scores[new], ROWS.label[new]) < within
    centred = yours.centred_scores(scores[new], ROWS.template[new])
    assert ((centred > 0) == ROWS.label[new]).float().mean() > 0.97


def test_shuffled_labels_leave_nothing_to_find(made):
    right = [
        probing.shuffled(made, ROWS, seed).right(made, ROWS.label)[ROWS.new].float().mean()
        for seed in range(8)
    ]
    assert abs(sum(right) / 8 - 0.5) < 0.2
    assert len({float(one) for one in right}) > 1


def test_each_layer_has_its_own_probe(made):
    noise = torch.randn(made.shape, generator=torch.Generator().manual_seed(1))
    table = probing.by_layer(torch.stack([noise, made], 1), ROWS, [ROWS.first, ROWS.new])
    assert table.shape == (2, 2)
    assert table[1, 0] < 0.7 < 0.97 < table[1, 1]


def test_the_table_has_old_words_above_and_old_templates_left():
    right = ROWS.old_word & ~ROWS.old_template
    table = yours.accuracy_table(right, ROWS.old_word, ROWS.old_template)
    assert table.tolist() == [[0, 1], [0, 0]]
