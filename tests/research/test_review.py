"""A good report passes, and each flaw of a flawed one is named in a sentence."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from mi_course import research
from mi_course.research import Measured, Report, ResearchError, review


def experiment(seed: int) -> Measured:
    """40 prompts, an effect of about 1 and a control of about 0.2, drawn with the seed."""
    generator = torch.Generator().manual_seed(seed)
    return Measured(
        prompts=torch.randint(1000, (40, 8), generator=generator),
        effect=1 + 0.3 * torch.randn(40, generator=generator),
        control=0.2 + 0.3 * torch.randn(4, 40, generator=generator),
        drawn=range(4),
    )


GOOD = Report(
    question="Does the loss rise without head 5.1?",
    prediction=0.5,
    too_small=0.3,
    unit="nats",
    control="other heads of its layer, since any damage might raise it",
    killed_by="an interval beyond the control that lies below 0.3 nats",
    measure=experiment,
    seed=0,
    held_out=1,
    tries=2,
)


def with_measure(**changes) -> Report:
    """The good report whose measurement gives something else; a function is given what was good."""

    def measure(seed: int) -> Measured:
        good = experiment(seed)
        new = {k: v(good) if callable(v) else v for k, v in changes.items()}
        return replace(good, **new)

    return replace(GOOD, measure=measure)


def test_a_good_report_has_nothing_missing_and_its_numbers_are_computed(capsys):
    found = research.check(GOOD)
    assert found
    good = experiment(0)
    numbers = found.numbers()
    assert numbers["effect"] == pytest.approx((good.effect - good.control).mean().item(), abs=1e-5)
    assert numbers["low"] < numbers["effect"] < numbers["high"]
    assert (numbers["n"], numbers["seed"], numbers["tries"]) == (40, 0, 2)
    assert numbers["held_out_effect"] != numbers["effect"]
    assert numbers["verdict"] == numbers["held_out_verdict"] == "yes"
    told = capsys.readouterr().out
    assert "All that can be checked is there." in told
    assert f"measured: {numbers['effect']:.3f} nats beyond the control" in told
    assert told.endswith(f"{review.NOT_JUDGED}\n")


def test_a_blank_report_names_each_thing_that_is_missing():
    found = research.check(Report())
    assert not found
    wanted = [*review._WORDS.values(), *review._NUMBERS.values(), *review._SEEDS.values()]
    assert list(found.missing[:-1]) == wanted
    assert "the measurement" in found.missing[-1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"question": "Head 5.1 and the loss."}, "a topic, and not yet a question"),
        ({"question": " … "}, "the question: one sentence"),
        ({"prediction": None}, "your guess of the effect"),
        ({"prediction": "it rises"}, "your guess of the effect"),
        ({"too_small": 0}, "from which size on an effect matters"),
        ({"unit": ""}, "the unit of the effect"),
        ({"control": "..."}, "the control in words"),
        ({"killed_by": ""}, "what would kill it"),
        ({"seed": None}, "the seed of the run"),
        ({"held_out": None}, "the seed of held-out prompts"),
        ({"held_out": 0}, "another seed for the held-out prompts"),
        ({"tries": 0}, "how many variants"),
        ({"tries": True}, "how many variants"),
        ({"measure": 0.43}, "a function of a seed"),
        ({"too_small": 0.01}, "can stay hidden"),
    ],
)
def test_what_is_not_said_is_named_and_nothing_else(changes, words):
    found = research.check(replace(GOOD, **changes))
    assert len(found.missing) == 1
    assert words in found.missing[0]
    with pytest.raises(ResearchError, match="something is missing"):
        found.numbers()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"effect": 0.43}, "not a mean that was taken, or typed"),
        ({"effect": lambda g: g.effect.mean()}, "not (prompt,)"),
        ({"control": None}, "a control that was measured"),
        ({"control": lambda g: g.control[:, :9]}, "a control on the same prompts"),
        ({"control": lambda g: g.control[0]}, "a control on the same prompts"),
        (
            {"control": lambda g: g.control[:1], "drawn": range(1)},
            "the 1 random draws of this control are all the same",
        ),
        ({"drawn": range(3)}, "4 rows of a control, and 3 draws"),
        ({"control": lambda g: g.effect.repeat(4, 1)}, "the same numbers as the effect"),
        ({"prompts": lambda g: g.prompts[:9]}, "there are 9, and 40 effects"),
        (
            {k: lambda g, k=k: getattr(g, k)[..., :4] for k in ("effect", "control")}
            | {"prompts": lambda g: g.prompts[:4]},
            "an interval over 4 prompts says nothing",
        ),
        ({"effect": lambda g: g.effect * torch.nan}, "not finite"),
    ],
)
def test_a_flawed_measurement_is_named(changes, words):
    found = research.check(with_measure(**changes))
    assert any(words in sentence for sentence in found.missing), found.missing
    assert found.found is None
    with pytest.raises(ResearchError, match="something is missing"):
        found.numbers()


def test_what_is_drawn_without_the_seed_is_noticed():
    calls = itertools.count()
    found = research.check(replace(GOOD, measure=lambda seed: experiment(next(calls))))
    assert len(found.missing) == 1
    assert "gave others the second time" in found.missing[0]


@pytest.mark.parametrize("as_text", [False, True])
def test_held_out_prompts_must_be_others(as_text):
    def same_prompts(seed):
        tokens = experiment(0).prompts
        texts = [" ".join(map(str, row)) for row in tokens.tolist()]
        return replace(experiment(seed), prompts=texts if as_text else tokens)

    found = research.check(replace(GOOD, measure=same_prompts))
    assert found.missing == (
        "held-out prompts: 40 of 40 are among those of seed 0, so the seed does not draw other "
        "ones",
    )


def test_few_prompts_may_be_drawn_twice_by_chance():
    def two_shared(seed):
        good = experiment(seed)
        good.prompts[:2] = 7
        return good

    assert research.check(replace(GOOD, measure=two_shared))


def test_an_error_in_the_measurement_is_a_sentence():
    def stops(seed):
        raise KeyError("blocks.9\nlong")

    found = research.check(replace(GOOD, measure=stops))
    assert any("measure(0) stopped with KeyError" in sentence for sentence in found.missing)
    unwritten = research.check(replace(GOOD, measure=lambda seed: None))
    assert "measure(0) returned NoneType" in unwritten.missing[0]


def test_verdicts_that_differ_are_told(capsys):
    def only_once(seed):
        good = experiment(seed)
        return good if seed == 0 else replace(good, effect=good.effect - 0.8)

    found = research.check(replace(GOOD, measure=only_once))
    assert found  # a result that does not hold is a result, and not a gap
    assert (found.found.verdict, found.held_out.verdict) == ("yes", "no")
    assert "The two verdicts differ" in capsys.readouterr().out
