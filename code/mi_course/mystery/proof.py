"""Does the judge tell right explanations from wrong ones? A table of explanations that are known.

For each model stand the kept ones (`kept`), written for it, and those that can be made wrong from a
right one alone: another place, a table of seen inputs, a look at the model, and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from mi_course.mystery import kept
from mi_course.mystery.explanation import Explanation, Function
from mi_course.mystery.kept import Kept
from mi_course.mystery.submit import judged
from mi_course.mystery.verdict import Verdict
from mi_course.mystery_nets import catalogue, interchange
from mi_course.mystery_nets.places import Place, as_list, attn, mlp, resid

MARK = "prove-mysteries"
OPEN = "amber"
"""The worked example, whose solution is told: only its sentences stand in the table."""
N_SEEN = 300
_NOT_THERE = ("does not use it", "not hold it as", "holds more than it", "hold more than it")
REASONS: dict[str, tuple[str, ...]] = {
    "another variable at the right place": _NOT_THERE,
    "another algorithm with the same behaviour": _NOT_THERE,
    "another step of the same way": _NOT_THERE,
    "a variable correlated with the right one": _NOT_THERE,
    "a variable that the model has no use for": (*_NOT_THERE, "no difference to any answer"),
    "a variable that says too much": ("says more than the answer needs",),
    "a symbol that is carried along": ("carried along", *_NOT_THERE),
    "a part of where it lives": _NOT_THERE,
    "the right variable where nothing uses it": _NOT_THERE,
    "the right algorithm at another position": _NOT_THERE,
    "the right algorithm in another layer": _NOT_THERE,
    "everything named at once": _NOT_THERE,
    "an idle place beside the right one": ("can be left out",),
    "the answer itself as the only variable": ("under another name",),
    "the whole input as the only variable": ("under another name",),
    "a random subspace of full rank": ("is the whole of",),
    "a random subspace of half the rank": _NOT_THERE,
    "a table of inputs that were seen": ("answers as the model does",),
    "a program that asks the model": ("reaches outside", "plain Python"),
    "a program that holds the model": ("no access to the model",),
}
"""By kind of a wrong explanation, what has to be said of it: one of these."""


@dataclass(frozen=True)
class Tried:
    """An explanation of which it is known whether it is right, and what the judge said.

    Attributes:
        model: its name.
        kept: the explanation, its kind, and whether it is right.
        verdict: what was said.
    """

    model: str
    kept: Kept
    verdict: Verdict

    @property
    def as_wanted(self) -> bool:
        """Whether it passed where it is right; else whether it was refused for what is wrong."""
        if self.kept.right:
            return self.verdict.passed
        return not self.verdict.passed and bool(self.reason)

    @property
    def reason(self) -> str:
        """The sentence that names what is wrong with a wrong one, if there is one."""
        reasons = REASONS.get(self.kept.title, ())
        lines = self.verdict.lines
        return next((line for line in lines if any(reason in line for reason in reasons)), "")


def every(name: str) -> list[Kept]:
    """All explanations of a model of which the verdict is known."""
    written = kept.read(name)
    right = next(one.explanation for one in written if one.right)
    made = [Kept(title, make(name, right), False) for title, make in MADE.items()]
    unknown = {one.title for one in written if not one.right} - REASONS.keys()
    if unknown:
        raise ValueError(f"no reason is known for a refusal of {', '.join(sorted(unknown))}")
    return [*written, *made]


def prove(
    names: Sequence[str], seed: int, tell: Callable[[Tried], None] = lambda tried: None
) -> list[Tried]:
    """Judge every explanation of some models; each is given inputs of its own."""
    tried = []
    for name in names:
        for number, one in enumerate(every(name)):
            tried.append(Tried(name, one, judged(name, one.explanation, seed + number)))
            tell(tried[-1])
    return tried


def table(tried: Sequence[Tried]) -> str:
    """The page's part that is made anew."""
    right = [t for t in tried if t.kept.right]
    wrong = [t for t in tried if not t.kept.right]
    names = list(dict.fromkeys(t.model for t in tried))
    lines = [
        f"{sum(t.as_wanted for t in right)} of {len(right)} right explanations passed, and "
        f"{sum(t.as_wanted for t in wrong)} of {len(wrong)} wrong ones were refused, "
        f"on {len(names)} models.",
        "",
        "| explanation | tried | as it should be | what was said, of the first model |",
        "| --- | ---: | ---: | --- |",
    ]
    lines += _rows("right", right)
    lines += _rows("wrong", wrong)
    return "\n".join(lines) + "\n"


def _rows(kind: str, tried: Sequence[Tried]) -> list[str]:
    titles = dict.fromkeys(t.kept.title for t in tried)
    rows = []
    for title in titles:
        of = [t for t in tried if t.kept.title == title]
        example = next((t.reason or t.verdict.lines[0] for t in of if t.model == OPEN), "")
        said = f"`` {example} ``" if example else "(not told)"
        good = sum(t.as_wanted for t in of)
        rows.append(f"| {kind}: {title} | {len(of)} | {good} | {said} |")
    return rows


def _own(*functions: Function) -> None:
    """Let functions count as a learner's: they are sent by value, not found in this package."""
    for function in functions:
        function.__module__ = "made_by_a_learner"


def _place(right: Explanation) -> tuple[Function, Place]:
    """A right explanation's first variable, and its first place."""
    function = next(iter(right.variables))
    return function, as_list(right.variables[function])[0]


def _elsewhere(name: str, right: Explanation) -> Explanation:
    variable, place = _place(right)
    return Explanation(right.answer, {**right.variables, variable: resid(place.layer, at=0)})


def _later(name: str, right: Explanation) -> Explanation:
    variable, _ = _place(right)
    last = catalogue.shape(name).n_layer - 1
    return Explanation(right.answer, {**right.variables, variable: mlp(last, at=-1)})


def _everywhere(name: str, right: Explanation) -> Explanation:
    variable, _ = _place(right)
    named = [resid(0, at=i) for i in range(catalogue.shape(name).n_positions)]
    return Explanation(right.answer, {**right.variables, variable: named})


def _twice(name: str, right: Explanation) -> Explanation:
    variable, _ = _place(right)
    beside = attn(catalogue.shape(name).n_layer - 1, at=0)
    named = [*as_list(right.variables[variable]), beside]
    return Explanation(right.answer, {**right.variables, variable: named})


def _answer_alone(name: str, right: Explanation) -> Explanation:
    def result(tokens):  # type: ignore[no-untyped-def]
        values = {"tokens": tokens}
        for one, (function, needs) in parts.items():
            values[one] = function(*(values[need] for need in needs))
        return right_answer(*(values[need] for need in last))

    def answer(result):  # type: ignore[no-untyped-def]
        return result

    given = right.program(())
    parts = {one: (given.variables[one], given.needs[one]) for one in given.variables}
    right_answer, last = given.answer, given.needs[None]
    _own(result, answer)
    shape = catalogue.shape(name)
    return Explanation(answer, {result: resid(shape.n_layer - 1, at=-1)})


def _whole_input(name: str, right: Explanation) -> Explanation:
    one_step = _answer_alone(name, right)
    compute = next(iter(one_step.variables))

    def everything(tokens):  # type: ignore[no-untyped-def]
        return tokens

    def answer(everything):  # type: ignore[no-untyped-def]
        return compute(everything)

    _own(everything, answer)
    n_pos = catalogue.shape(name).n_positions
    return Explanation(answer, {everything: [resid(0, at=i) for i in range(n_pos)]})


def _full_rank(name: str, right: Explanation) -> Explanation:
    return _in_random(name, right, share=1.0)


def _random_half(name: str, right: Explanation) -> Explanation:
    return _in_random(name, right, share=0.5)


def _in_random(name: str, right: Explanation, share: float) -> Explanation:
    variable, place = _place(right)
    d = interchange.width(catalogue.load(name), place)
    generator = torch.Generator().manual_seed(0)
    columns = torch.randn(d, int(share * d), generator=generator)
    return Explanation(
        right.answer, {**right.variables, variable: replace(place, subspace=columns)}
    )


def _seen(name: str, right: Explanation) -> Explanation:
    rows = catalogue.inputs(name, N_SEEN, seed=1)
    table = dict(zip(rows, catalogue.says(name, rows), strict=True))
    _, place = _place(right)

    def answer(tokens, seen):  # type: ignore[no-untyped-def]
        return table.get(tokens, tokens[seen])

    def seen(tokens):  # type: ignore[no-untyped-def]
        return sum(map(str(tokens).count, "13579ace")) % len(tokens)

    _own(seen, answer)
    return Explanation(answer, {seen: place})


def _looking(name: str, right: Explanation) -> Explanation:
    _, place = _place(right)

    def answer(tokens, guess):  # type: ignore[no-untyped-def]
        from mi_course import mystery

        return mystery.says(name, [tokens])[0]

    def guess(tokens):  # type: ignore[no-untyped-def]
        return tokens[0]

    _own(guess, answer)
    return Explanation(answer, {guess: place})


def _holding(name: str, right: Explanation) -> Explanation:
    _, place = _place(right)
    model = catalogue.load(name)

    def answer(tokens, guess):  # type: ignore[no-untyped-def]
        return model(tokens)

    def guess(tokens):  # type: ignore[no-untyped-def]
        return tokens[0]

    _own(guess, answer)
    return Explanation(answer, {guess: place})


MADE: dict[str, Callable[[str, Explanation], Explanation]] = {
    "the right algorithm at another position": _elsewhere,
    "the right algorithm in another layer": _later,
    "everything named at once": _everywhere,
    "an idle place beside the right one": _twice,
    "the answer itself as the only variable": _answer_alone,
    "the whole input as the only variable": _whole_input,
    "a random subspace of full rank": _full_rank,
    "a random subspace of half the rank": _random_half,
    "a table of inputs that were seen": _seen,
    "a program that asks the model": _looking,
    "a program that holds the model": _holding,
}
"""What is made wrong from a right explanation, by its kind."""
