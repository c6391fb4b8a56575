"""How a check works: it calls your function on small cases and says in words what is wrong.

A check is a function that takes the learner's function, wrapped in `Attempt`, and raises `Wrong`
with one sentence for the first mistake it finds. `exercise` turns it into what a notebook calls: it
prints the verdict, and never raises, so that the cells below still run. A verdict is told in steps,
by exercise and session: the first failure tells the symptom, the second the cause, the third the
fix as well, and a pass begins anew. `check.NAME(f, hint=True)` tells all at once.

The learner's code runs in another process (`process`), which may be killed. With
`MI_COURSE_CHECK=inline` it runs in this one, so that a debugger can follow it. What is passed is
recorded by `learner.progress`.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from mi_course.check import accidents, half_precision, process, register, steps
from mi_course.check import axes as axes_of
from mi_course.check.copies import copied, same
from mi_course.check.left_behind import State
from mi_course.check.memory import Memory
from mi_course.check.register import Exercise
from mi_course.check.steps import Steps
from mi_course.check.symptoms import SEEN
from mi_course.learner import console, progress


class Wrong(Exception):
    """One mistake, said in the learner's words."""

    def __init__(self, message: str, *, symptom: str = "", cause: str = "") -> None:
        """Args: message: all of it. symptom, cause: its parts, where they cannot be read from it.

        The symptom is told first, and need not be a part of the message; the cause is told next.
        """
        super().__init__(message)
        self.symptom = symptom
        self.cause = cause

    @property
    def steps(self) -> Steps:
        """In which steps it is told; a sentence that holds an earlier one's begins with it."""
        message, inner = str(self), self.__context__
        symptom, cause, seen = self.symptom, self.cause, SEEN.told()
        if isinstance(inner, Wrong):
            first = inner.steps.symptom
            symptom = symptom or steps.from_inner(first, message)
            cause = cause or steps.from_inner(inner.cause, message)
            if "stopped with" in first:  # nothing came back, whatever an earlier call returned
                seen = first
        return steps.of(message, symptom, cause, seen)


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        exercise: its name.
        passed: whether the answer is right.
        message: the sentence that was printed.
        steps: of an answer that is wrong, what the first, second and third failure tell.
    """

    exercise: str
    passed: bool
    message: str
    steps: Steps | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{'✓' if self.passed else '✗'} {self.exercise}: {self.message}"

    def __bool__(self) -> bool:
        return self.passed


class Check(Protocol):
    """What a notebook calls."""

    def __call__(self, solution: Any, hint: bool = False) -> Verdict:
        """Judge an answer; `hint` tells everything at the first failure."""


EXERCISES: dict[str, Check] = {}
"""What a notebook calls, by name: `EXERCISES["attention"]` is `check.attention`."""
PASSED: dict[str, Any] = {}
"""The learner's functions that passed in this session, by exercise: what `yours` calls."""
FAILURES: Counter[str] = Counter()
"""How often each exercise has failed in this session since it passed last."""
WHOSE_VARIABLE = "MI_COURSE_ANSWERS"
"""Set to `solutions` where a notebook holds the chapters' own solutions, and no learner's."""
NEXT = (
    "  Next: the cells below; those that use your function run it now. To compare: the line above\n"
    "  your answer says where a solution is. What does it do in another way?"
)
"""What the first pass of a session ends with."""
_told_next: set[str] = set()


def exercise(check: Callable[[Attempt], None]) -> Check:
    """Register a check under its function's name and make it print its verdict."""
    registered = register.add(check)
    name = registered.name

    @functools.wraps(check)
    def run(solution: Any, hint: bool = False) -> Verdict:
        verdict = _guarded(registered, solution)
        if verdict:
            PASSED[name] = solution
            if why := progress.passed(name):
                verdict = replace(verdict, message=f"{verdict.message}, but not recorded: {why}")
        else:
            PASSED.pop(name, None)
            verdict = _in_steps(verdict, hint)
        console.say(verdict)
        if verdict:
            _begin_anew(name)
        return verdict

    EXERCISES[name] = run
    return run


def _in_steps(verdict: Verdict, hint: bool) -> Verdict:
    """Count a failure, and tell as much as its number allows; a stub that was run is none."""
    if verdict.message == NOT_WRITTEN:
        return verdict
    FAILURES[verdict.exercise] += 1
    if hint or verdict.steps is None:
        return verdict
    return replace(verdict, message=verdict.steps.told(FAILURES[verdict.exercise]))


def _begin_anew(name: str) -> None:
    """After a pass: the next failure is a first one. Once a session, what comes next is said."""
    FAILURES.pop(name, None)
    if name not in _told_next and os.environ.get(WHOSE_VARIABLE) != "solutions":
        _told_next.add(name)
        console.say(NEXT)


def _guarded(exercise: Exercise, solution: Any) -> Verdict:
    """The verdict from the other process, or from this one where the answer cannot be sent."""
    if not callable(solution) or os.environ.get("MI_COURSE_CHECK") == "inline":
        return judge(exercise, solution)
    try:
        reply = process.judge(exercise, solution)
    except process.NotSendable:
        return _judge_here(exercise, solution, process.PATIENCE_S)
    if reply["printed"]:
        console.say(reply["printed"], end="" if reply["printed"].endswith("\n") else "\n")
    told = reply.get("steps")
    return Verdict(exercise.name, reply["passed"], reply["message"], told and Steps(*told))


class _TimeIsUp(BaseException):
    pass


def _judge_here(exercise: Exercise, solution: Any, seconds: float) -> Verdict:
    """Judge in this process, with an end to endless loops of Python code."""
    began = time.monotonic()
    thread = ctypes.c_ulong(threading.get_ident())
    throw = ctypes.pythonapi.PyThreadState_SetAsyncExc
    timer = threading.Timer(seconds, throw, (thread, ctypes.py_object(_TimeIsUp)))
    timer.daemon = True
    timer.start()
    try:
        return judge(exercise, solution)
    except _TimeIsUp:
        told = process.too_long(seconds, time.monotonic() - began)
        return Verdict(exercise.name, False, f"your function {told}")
    finally:
        timer.cancel()


def judge(exercise: Exercise, solution: Any) -> Verdict:
    """Run a check in this process and put what it found into a verdict."""
    name = exercise.name
    if not callable(solution):
        kind = type(solution).__name__
        return Verdict(name, False, f"pass the function itself, `f`, not `f(x)`: this is {kind}")
    memory, threads = Memory(solution), threading.active_count()
    SEEN.forget()
    try:
        exercise.check(Attempt(solution))
        if threading.active_count() <= threads:  # one that was left running would slow it down
            _once_more(exercise, solution)
    except Wrong as mistake:
        told = mistake.steps  # before the answer is called once more
        told = told.plus(_few_digits(exercise, solution, mistake) + memory.told())
        return Verdict(name, False, told.full, told)
    except Exception as error:
        # The check met an answer that its author did not think of.
        return Verdict(
            name, False, f"{LOST} ({accidents.brief(error)}): look at the type of what you return"
        )
    finally:
        SEEN.forget()
    return Verdict(name, True, "passed")


def _once_more(exercise: Exercise, solution: Any) -> None:
    """An answer that keeps something between calls may be right the first time only."""
    try:
        exercise.check(Attempt(solution))
    except Wrong as mistake:
        raise Wrong(f"right the first time, and wrong when it is called again: {mistake}") from None


def _few_digits(exercise: Exercise, solution: Any, mistake: Wrong) -> str:
    """A word on half precision inside of an answer, unless the verdict has one."""
    if "16 bits" in str(mistake):
        return ""
    return half_precision.told(solution, lambda: exercise.check(Attempt(solution)))


NOT_WRITTEN = "not written yet"
LOST = "the check does not know what to make of your function's result"


class Attempt:
    """The learner's function: each call is guarded, so that any accident becomes a sentence."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)

    def __call__(self, *args: Any) -> Any:
        """Call the function with copies of the arguments.

        Raises:
            Wrong: it is not written yet, stopped with an error, changed its arguments in place, or
                left something behind in Python or PyTorch that changes what other code does.
        """
        given = [copied(arg) for arg in args]
        state = State()
        try:
            try:
                result = self.function(*given)
            finally:
                left = state.put_back()
        except NotImplementedError as error:
            told = _unwritten(error) or self._stopped(error, args)
            raise Wrong(told, symptom=told) from None
        except (KeyboardInterrupt, _TimeIsUp, Wrong):  # Wrong: one attempt calls another
            raise
        except SystemExit:
            told = "your function stopped with SystemExit, which ends Python: return instead"
            raise Wrong(told, symptom=told) from None
        except BaseException as error:  # a learner's sys.exit() must not end the notebook
            told = self._stopped(error, args)
            raise Wrong(told, symptom=told) from None
        SEEN.called(self.function, args, result)
        for number, (before, after) in enumerate(zip(args, given, strict=True)):
            if not same(before, after):
                raise Wrong(
                    f"your function changed its argument {self._parameter(number)} in place: work "
                    f"on a copy, for instance {_a_copy(before)}"
                )
        if left:
            raise Wrong(left)
        return result

    def expect(self, right: Any, *args: Any) -> None:
        """Say what a call with these arguments should give, for the symptom of a mistake in it."""
        SEEN.expect(right, *args)

    def tensor(self, *args: Any, shape: tuple[int, ...], axes: str) -> Tensor:
        """Call the function, which must return a finite tensor of this shape.

        Args:
            args: arguments for the learner's function.
            shape: what it must return.
            axes: the names of those axes, for the sentence: `(batch, pos)`.
        """
        result = self(*args)
        if result is None:
            raise Wrong("your function returns None: is the return statement missing?")
        if not isinstance(result, Tensor):
            raise Wrong(f"return a tensor, not {type(result).__name__}")
        if tuple(result.shape) != shape:
            expected = axes if axes == str(shape) else f"{axes} = {shape}"
            found = tuple(result.shape)
            raise Wrong(
                f"the result has shape {found}; expected {expected}{axes_of.lost(found, shape)}"
            )
        if result.is_floating_point() and not bool(torch.isfinite(result).all()):
            raise Wrong("the result holds NaN or infinity: is something divided by zero?")
        return result

    def _stopped(self, error: BaseException, args: tuple[Any, ...]) -> str:
        """What happened, and the shapes of the arguments if the error is about shapes."""
        given = [
            f"{self._parameter(i)} {tuple(arg.shape)}"
            for i, arg in enumerate(args)
            if isinstance(arg, Tensor)
        ]
        told = given and any(word in str(error) for word in _OF_SHAPES)
        return f"your function stopped with {accidents.told(error)}" + (
            f" (it was given {', '.join(given)})" if told else ""
        )

    def _parameter(self, number: int) -> str:
        """The name that the learner gave to an argument, or its number counted from 1."""
        try:
            return list(inspect.signature(self.function).parameters)[number]
        except (ValueError, TypeError, IndexError):
            return str(number + 1)


def _a_copy(thing: Any) -> str:
    """How a copy is made of something of this kind."""
    if isinstance(thing, list | tuple | dict | set):
        return "x = copy.deepcopy(x)"
    return "x = x.clone()" if isinstance(thing, Tensor) else "x = x.copy()"


def close(found: Tensor, expected: Tensor, tolerance: float = 1e-4) -> bool:
    """Whether two tensors agree, whatever their floating-point types."""
    return torch.allclose(found.double(), expected.double(), atol=tolerance, rtol=tolerance)


def first_that_fits(
    found: Tensor | float, mistakes: Mapping[str, Tensor] | Mapping[str, float]
) -> str | None:
    """The sentence whose wrong answer is exactly the one that was found, if there is one."""
    found = torch.as_tensor(found)
    for sentence, answer in mistakes.items():
        wrong = torch.as_tensor(answer)
        if found.shape == wrong.shape and close(found, wrong):
            return sentence
    return None


_OF_SHAPES = ("size", "shape", "dimension", "out of bounds", "out of range")


def _unwritten(error: NotImplementedError) -> str | None:
    """The verdict on a stub; PyTorch raises the same error for types that it cannot work with."""
    text = str(error)
    return NOT_WRITTEN if not text or "write your code here" in text else None
