import dataclasses

import pytest

from mi_course.pocket_training import model_card, quality

MOVER = quality.HeadReport(
    head=(1, 3),
    effect=2.5,
    io=0.6,
    s1=0.2,
    s2=0.1,
    copies=0.97,
    correlation=0.85,
    knocked_out=1.25,
)
SUPPRESSOR = dataclasses.replace(MOVER, head=(0, 2), io=0.02, s2=0.9, copies=0.0, correlation=-0.9)
QUALITY = quality.Quality(
    repeat_loss=0.05,
    prefix_matching=0.91,
    induction_head=(1, 2),
    accuracy=0.9912,
    logit_diff=5.125,
    p_io=0.9,
    form_logit_diff=6.5,
    top3_share=0.814,
    heads=(MOVER, SUPPRESSOR),
)
FACTS = {"n_params": "1", "n_tokens": "2", "n_trained_tokens": "3", "minutes": "4"}
RECIPE = {"n_ctx": 128, "log_every": 25, "lr": 0.003}


@pytest.mark.parametrize(
    "change",
    [
        {"io": 0.49},
        {"s1": 0.3, "s2": 0.31},
        {"effect": -1.0},
        {"copies": 0.7},
        {"correlation": 0.7},
    ],
)
def test_name_mover_must_meet_each_condition(change):
    assert MOVER.is_name_mover
    assert not dataclasses.replace(MOVER, **change).is_name_mover


def test_name_movers_are_found_among_the_heads():
    assert QUALITY.name_movers == (MOVER,)


def test_card_has_figures_heads_and_recipe():
    card = model_card.render(QUALITY, RECIPE, FACTS)
    assert "| IOI accuracy, 1,000 prompts | 99.1% |" in card
    assert "| 1.3 | 2.50 | 0.60 | 0.20 | 0.10 | 0.97 | 0.85 | 1.25 | yes |" in card
    assert "| lr | 0.003 |" in card
    assert "In this model: 1.3." in card
    assert "$" not in card


def test_model_without_a_name_mover_says_so():
    without = dataclasses.replace(QUALITY, heads=(SUPPRESSOR,))
    assert "In this model: none." in model_card.render(without, RECIPE, FACTS)


def test_figure_that_nobody_gave_is_an_error():
    with pytest.raises(KeyError, match="minutes"):
        model_card.render(QUALITY, RECIPE, {k: v for k, v in FACTS.items() if k != "minutes"})
