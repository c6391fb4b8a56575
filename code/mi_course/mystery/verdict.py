"""What is said of an explanation: a sentence for each variable and for what else was tested.

The limits were set before any explanation was judged. A sentence tells what was measured of the
places that were named, and never where a variable is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mi_course.mystery.judge import FEWEST, Evidence, Variable
from mi_course.mystery_nets.places import Learned, Place

BEHAVES = 0.95
"""Share of inputs on which the program answers as the model does."""
AGREES = 0.80
"""What the lower end of a variable's interval has to reach."""
ABOVE = 0.30
"""How far agreement has to lie above the best control."""
PARTLY = 0.15
"""How far above it agreement lies that is called partial."""
MOSTLY = 0.90
"""Share of pairs on which a swap that fails does one thing, so that the verdict says which."""
FEW = 2
"""Places that are told one by one."""
FAITHFUL = 0.80
"""What the share of agreeing answers reaches with everything else from another input."""
LOST = 0.50
"""What is lost at least without the named places, of what the model knows beyond guessing."""
IDLE = 0.05
"""Share of pairs of a variable's values that may make no difference to any answer."""


@dataclass(frozen=True)
class Verdict:
    """What came of a submission.

    Attributes:
        name: of the model.
        passed: whether the explanation holds.
        lines: sentences, those of what is wrong among them.
        scores: of each variable, 0 to 1: agreement above the best control.
        evidence: what was measured; None where the program could not be run.
    """

    name: str
    passed: bool
    lines: tuple[str, ...]
    scores: Mapping[str, float] = field(default_factory=dict)
    evidence: Evidence | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        head = f"{self.name}: the explanation holds" if self.passed else f"{self.name}: not yet"
        return "\n".join((f"{'✓' if self.passed else '✗'} {head}", *(f"  {x}" for x in self.lines)))


def refused(name: str, reason: str) -> Verdict:
    """The verdict on what could not be measured."""
    return Verdict(name, False, (reason,))


def of(
    name: str, evidence: Evidence, named: Mapping[str, Sequence[Place]], unlike: str = ""
) -> Verdict:
    """Put what was measured into words.

    Args:
        name: of the model.
        evidence: what was measured.
        named: the places of each variable.
        unlike: an input that the program answers otherwise than the model, in words.
    """
    told, faults = [], []
    if evidence.behaviour < BEHAVES:
        faults.append(
            f"the program answers as the model does on {_percent(evidence.behaviour)} of fresh "
            "inputs: it is not yet what the model computes" + (f"; {unlike}" if unlike else "")
        )
    for variable in evidence.variables:
        line, wrong = _variable(variable, named[variable.name])
        told.append(line)
        faults += wrong
    if not faults:
        faults += _of_all(evidence)
    if not faults:
        told += _whole(evidence)
    scores = {v.name: v.score for v in evidence.variables if _counts(v)}
    return Verdict(name, not faults, (*told, *faults), scores, evidence)


def _counts(variable: Variable) -> bool:
    return variable.agreement is not None and variable.copy is None and variable.idle <= IDLE


def _variable(v: Variable, named: Sequence[Place]) -> tuple[str, list[str]]:
    """What is told of a variable in any case, and what is wrong with it."""
    if v.agreement is None:
        line = f"`{v.name}`: only {v.n} of the pairs drawn can tell whether it is there"
        if v.usable < FEWEST:
            return line, [
                f"`{v.name}`: taken from another input, it leaves your program with an answer in "
                f"{v.usable} pairs; in all others the answer is `None`"
            ]
        if v.changed < FEWEST:
            return line, [
                f"`{v.name}` hardly matters to your program: taken from another input, it changes "
                f"the program's answer in {v.changed} of {v.usable} pairs"
            ]
        return line, [
            f"`{v.name}` is the answer or the whole input under another name: taken from another "
            "input, it makes the program give that input's answer, and so does everything at once"
        ]
    controls = _controls(v, named)
    line = f"`{v.name}` agrees in {_percent(v.agreement.mean)} of {v.n} pairs ({controls})"
    faults = []
    gap = v.agreement.mean - v.control
    if v.agreement.low < AGREES or gap < ABOVE:
        faults.append(_not_there(v, gap, named))
    elif v.steady is not None and v.steady < AGREES:
        faults.append(
            f"`{v.name}`: where the program's answer stays as it was, the model's does so in "
            f"{_percent(v.steady)}: something else is kept at the same place"
        )
    if v.left_out:
        faults.append(
            f"`{v.name}`: of its {len(named)} places {v.left_out} can be left out, each by itself: "
            "the swap without it agrees as often"
        )
    if v.idle > IDLE:
        faults.append(
            f"`{v.name}` says more than the answer needs: {_percent(v.idle)} of the pairs of its "
            "values make no difference to any answer, so that the test cannot tell them apart"
        )
    return line, faults


def _controls(v: Variable, named: Sequence[Place]) -> str:
    learned = any(isinstance(place.subspace, Learned) for place in named)
    arbitrary = "arbitrary labels" if learned else "a third input's value"
    found = [
        f"{_percent(v.agreement.low)} to {_percent(v.agreement.high)}" if v.agreement else "",
        f"random place {_percent(v.random_place)}",
        "" if v.random_subspace is None else f"random subspace {_percent(v.random_subspace)}",
        f"{arbitrary} {_percent(v.arbitrary)}",
        f"untrained copy {_percent(v.untrained)}",
    ]
    return ", ".join(part for part in found if part)


def _not_there(v: Variable, gap: float, named: Sequence[Place]) -> str:
    where = " and ".join(place.told() for place in named)
    if len(named) > FEW:
        where = f"the {len(named)} places that you named, taken together"
    has, does, holds = ("has", "does", "holds") if len(named) == 1 else ("have", "do", "hold")
    comma = "," if len(named) > FEW else ""
    if gap >= PARTLY:
        return (
            f"`{v.name}`: {where}{comma} {has} something to do with it, and {does} not hold it as "
            "the program has it: another variable may be there, or a part of this one only"
        )
    if v.follows >= MOSTLY:
        return (
            f"`{v.name}`: {where}{comma} {holds} more than it: with the swap the model "
            f"answers as on the source in {_percent(v.follows)} of the pairs"
        )
    if v.stays >= MOSTLY:
        swap = f"the swap leaves the model's answer as it was in {_percent(v.stays)} of the pairs"
    else:
        swap = (
            f"the swap changes the model's answer in {_percent(1 - v.stays)} of the pairs, but to "
            f"what your program says {'hardly' if gap > 0 else 'no'} more often than in a control"
        )
    return f"`{v.name}`: the model does not use it in {where}: {swap}"


def _of_all(evidence: Evidence) -> list[str]:
    """What is wrong with the explanation as a whole."""
    faults = []
    if not any(_counts(v) for v in evidence.variables):
        names = ", ".join(f"`{v.name}`" for v in evidence.variables)
        faults.append(
            f"{names}: a symbol of the input that is carried along explains no computing: name a "
            "variable that is made from more than one position"
        )
    if evidence.faithful is not None and evidence.faithful < FAITHFUL:
        faults.append(
            "not faithful: with the places that you named as they are, and everything else from "
            f"another input, the model answers as the program in {_percent(evidence.faithful)}"
        )
    if evidence.lost < LOST:
        faults.append(
            "not complete: with the places that you named as on another input, the model loses "
            f"{_percent(evidence.lost)} of what it knows: most of its work goes another way"
        )
    return faults


def _whole(evidence: Evidence) -> list[str]:
    """What holds of the explanation as a whole."""
    if len(evidence.variables) == 1:
        faithful = (
            "faithful: with one variable, each swap had everything else from another input "
            "already: nothing is left to replace"
        )
    elif evidence.faithful is None:
        faithful = "faithful: too few pairs can tell whether the variables together are enough"
    else:
        faithful = (
            f"faithful: with all variables as they are, and everything else from another input, "
            f"the model answers as the program in {_percent(evidence.faithful)}"
        )
    return [
        faithful,
        f"complete: with the places that you named as on another input, the model loses "
        f"{_percent(evidence.lost)} of what it knows",
        "minimal: no place that you named can be left out",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
