"""Submit an explanation: its program is run apart, the model is run here, the verdict speaks."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import torch

from mi_course.check import accidents, process, sending
from mi_course.learner import console, submissions
from mi_course.mystery import judge, verdict
from mi_course.mystery.explanation import Explanation, ExplanationError
from mi_course.mystery.verdict import Verdict
from mi_course.mystery_nets import catalogue
from mi_course.mystery_nets.places import PlaceError
from mi_course.processes import programs
from mi_course.processes.programs import ALLOWED, Program


class _OutOfReach(Exception):
    """The program refers to something that it may not use."""


class _Pickler(sending.Pickler):
    """Sends a program's functions, and nothing that holds a model."""

    def reducer_override(self, obj: Any) -> Any:
        """Refuse models, tensors, and code that is neither the learner's nor plain Python's."""
        if isinstance(obj, torch.nn.Module | torch.Tensor | np.ndarray):
            kind = type(obj).__name__
            raise _OutOfReach(f"it refers to a {kind}, and a program has no access to the model")
        if isinstance(obj, ModuleType) and not _may_be_used(obj.__name__, obj):
            raise _OutOfReach(f"it uses {obj.__name__}; it may import {', '.join(sorted(ALLOWED))}")
        if isinstance(obj, FunctionType | type) and obj not in (Program, programs.serve):
            module = obj.__module__ or ""
            if module.startswith(("mi_course.", "torch", "transformer")):
                raise _OutOfReach(f"it uses {module}.{obj.__name__}: write it in plain Python")
        return super().reducer_override(obj)


def _may_be_used(name: str, module: ModuleType) -> bool:
    own = getattr(module, "__file__", None)
    return name.partition(".")[0] in ALLOWED or bool(own and accidents.is_own(own))


def submit(name: str, explanation: Explanation, seed: int | None = None) -> Verdict:
    """Judge an explanation of a mystery model, print the verdict and keep it in the log.

    Args:
        name: of the model, as `mi-course mystery list` has it.
        explanation: the program, and where its variables live.
        seed: of the inputs and of the controls; leave it out, and each submission draws its own.

    Raises:
        UnknownMystery: there is no such model.
        ExplanationError: it is no `Explanation`.
    """
    catalogue.find(name)
    if not isinstance(explanation, Explanation):
        raise ExplanationError(
            f"submit judges an Explanation(answer, {{variable: place}}), and this is of type "
            f"{type(explanation).__name__}"
        )
    seed = secrets.randbelow(2**31) if seed is None else seed
    found = judged(name, explanation, seed)
    console.say(found)
    submissions.keep(name, _entry(explanation, found, seed))
    return found


def _entry(explanation: Explanation, found: Verdict, seed: int) -> submissions.Entry:
    """A submission as the log keeps it."""
    places = {name: [place.told() for place in of] for name, of in explanation.places().items()}
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "passed": found.passed,
        "measured": found.evidence is not None,
        "scores": {name: round(score, 3) for name, score in found.scores.items()},
        "verdict": list(found.lines),
        "program": explanation.source(),
        "places": places,
    }


def judged(name: str, explanation: Explanation, seed: int) -> Verdict:
    """The verdict on an explanation, without printing or keeping it."""
    mystery = catalogue.find(name)
    tokens = catalogue.drawn(name, 3 * judge.N_DRAWN, seed)
    inputs = tokens.reshape(3, judge.N_DRAWN, -1)
    models = catalogue.judged(name), catalogue.untrained(name)
    on = judge.Examination(*models, inputs[0], inputs[1], inputs[2], seed)
    places = explanation.places()
    try:
        on.check(place for of in places.values() for place in of)
    except PlaceError as error:
        return verdict.refused(name, str(error))
    triples = list(zip(*(mystery.task.spelled(some) for some in inputs), strict=True))
    found = _computed(explanation.program(mystery.task.symbols), triples)
    if isinstance(found, str):
        return verdict.refused(name, found)
    evidence = on.evidence(places, found)
    return verdict.of(name, evidence, places, _unlike(mystery.task.symbols, evidence, triples))


def _unlike(symbols: tuple[Any, ...], evidence: judge.Evidence, triples: list[Any]) -> str:
    """The first input that the program answers otherwise than the model, in words."""
    if evidence.unlike is None:
        return ""
    row, model, program = evidence.unlike
    given = " ".join(map(str, triples[row][0]))
    mine = symbols[program] if program >= 0 else None
    return f"to {given} the model answers {symbols[model]}, your program {mine}"


def _computed(learners: Program, triples: list[Any]) -> dict[str, Any] | str:
    """What the program gives in the process that checks answers; or why it gives nothing."""
    try:
        reply = process.compute(programs.serve, (learners, triples), _Pickler)
    except process.NotSendable as error:
        return f"the program cannot be run by itself: {error.__cause__ or error}"
    if reply["state"] != "done":
        return str(reply["message"])
    value: dict[str, Any] = reply["value"]
    return value.get("error", value)
