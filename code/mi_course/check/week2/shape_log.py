"""Check on the decorator that logs the shapes of tensors."""

from __future__ import annotations

import contextlib
import inspect
import io
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.symptoms import SEEN, shown


@exercise
def log_shapes(attempt: Attempt) -> None:
    """`(function, on=True) -> function`: prints name and shapes before, the result's after."""
    _check_off(attempt)
    logged = _decorated(attempt, _double)
    _check_identity(logged)
    _check_lines(logged)
    _check_keywords(attempt)
    _check_single_call(attempt)
    _check_result(logged)
    _check_nesting(attempt)
    _check_error(attempt)
    _check_methods_and_modules(attempt)


def _double(x: Tensor) -> Tensor:
    """Twice x."""
    return 2 * x


def _scaled(x: Tensor, *, weight: Tensor, power: int = 1) -> Tensor:
    return x[:, None] * weight**power


def _decorated(attempt: Attempt, function: Callable[..., Any]) -> Callable[..., Any]:
    decorated = attempt(function) if inspect.isfunction(function) else _call(attempt, function)[0]
    if decorated is None:
        raise Wrong("log_shapes returns None: it should return the new function")
    if not callable(decorated):
        raise Wrong(f"log_shapes should return a function, not {type(decorated).__name__}")
    return decorated


def _call(function: Any, *args: Any, **kwargs: Any) -> tuple[Any, list[str]]:
    """The result and the lines that were printed; any accident is a sentence.

    The function is called inside a lambda, so that its arguments are not copied.
    """
    printed = io.StringIO()
    called = function.function if isinstance(function, Attempt) else function
    with contextlib.redirect_stdout(printed):
        result = Attempt(lambda: called(*args, **kwargs))()
    lines = printed.getvalue().splitlines()
    SEEN.note(f"a call of the new function returns {shown(result)} and prints {shown(lines)}")
    return result, lines


def _check_off(attempt: Attempt) -> None:
    off = attempt(_double, False)
    if off is _double:
        return
    if not callable(off):
        raise Wrong("log_shapes(function, False) should return the function itself")
    if _call(off, torch.ones(2, 3))[1]:
        raise Wrong("with on=False it still prints: switched off, return the function itself")
    raise Wrong(
        "with on=False the function is still wrapped: to cost nothing when off, return "
        "the function itself"
    )


def _check_identity(logged: Callable[..., Any]) -> None:
    if logged is _double:
        raise Wrong(
            "switched on, log_shapes returns the function unchanged, so nothing is printed when it "
            "is called: return a new function that prints and calls",
            symptom="a call of the decorated function prints nothing",
        )
    kept = (getattr(logged, "__name__", ""), getattr(logged, "__doc__", ""))
    if kept != (_double.__name__, _double.__doc__):
        raise Wrong(
            "name and docstring of the original are lost: put @functools.wraps(function) above "
            "the inner function",
            symptom=f"the new function's name should be '_double', and yours is {kept[0]!r}"
            if kept[0] != _double.__name__
            else "the new function has lost the docstring",
        )
    if inspect.signature(logged) != inspect.signature(_double):
        raise Wrong("the signature is lost: @functools.wraps(function) keeps it")


def _check_lines(logged: Callable[..., Any]) -> None:
    result, lines = _call(logged, torch.ones(2, 3))
    if result is None:
        raise Wrong("the new function returns None: return the result of the original")
    if not isinstance(result, Tensor) or not torch.equal(result, 2 * torch.ones(2, 3)):
        raise Wrong("the new function returns another value than the original")
    if not lines:
        raise Wrong("nothing is printed when the decorated function is called")
    if any("tensor(" in line for line in lines):
        raise Wrong("this prints whole tensors: print the function's name and tuple(x.shape)")
    if "_double" not in lines[0]:
        raise Wrong(f"the first line does not hold the function's name, _double: {lines[0]!r}")
    if "(2, 3)" not in lines[0]:
        raise Wrong(f"the first line does not hold the argument's shape, (2, 3): {lines[0]!r}")
    if len(lines) < 2:
        raise Wrong("one line for a call: print the shape of the result after it too")
    if len(lines) > 2:
        raise Wrong(f"{len(lines)} lines for one call: two are asked for, before it and after it")


def _check_keywords(attempt: Attempt) -> None:
    logged = _decorated(attempt, _scaled)
    x, weight = torch.ones(4), torch.ones(4, 5)
    try:
        result, lines = _call(logged, x, weight=weight[0], power=2)
    except Wrong as mistake:
        raise Wrong(
            f"a call with a keyword argument fails: take **kwargs, and pass them on ({mistake})"
        ) from None
    if tuple(result.shape) != (4, 5):
        raise Wrong("keyword arguments are not passed on to the original")
    if "(4,)" not in lines[0]:
        raise Wrong(f"the first line does not hold the shape (4,) of x: {lines[0]!r}")
    if "(5,)" not in lines[0]:
        raise Wrong(
            "the shape of a tensor that is given as a keyword is missing: look through "
            "kwargs.values() too"
        )


def _check_single_call(attempt: Attempt) -> None:
    calls = []

    def counted(x: Tensor) -> Tensor:
        calls.append(x)
        return x

    _call(_decorated(attempt, counted), torch.ones(2))
    if len(calls) != 1:
        raise Wrong(
            f"one call of the new function calls the original {len(calls)} times: call it once, "
            "and keep its result"
        )


def _check_result(logged: Callable[..., Any]) -> None:
    _, lines = _call(logged, torch.ones(7))
    if "(7,)" not in lines[-1]:
        raise Wrong(f"the last line does not hold the result's shape, (7,): {lines[-1]!r}")


def _check_nesting(attempt: Attempt) -> None:
    inner = _decorated(attempt, _double)

    def outer(x: Tensor) -> Tensor:
        return inner(inner(x)[0])

    _, lines = _call(_decorated(attempt, outer), torch.ones(2, 3))
    if len(lines) != 6:
        raise Wrong(f"two calls inside of a third should print 6 lines, not {len(lines)}")
    if "outer" not in lines[0]:
        raise Wrong(
            "the outer call's first line should come first: print it before you call the function"
        )
    depths = [len(line) - len(line.lstrip()) for line in lines]
    if not (depths[0] == depths[5] and len(set(depths[1:5])) == 1 and depths[1] > depths[0]):
        raise Wrong(
            "calls inside of a call should be indented below it: count the depth, one more before "
            f"the call and one less after it; the indentations are {depths}"
        )


def _check_error(attempt: Attempt) -> None:
    def fails(x: Tensor) -> Tensor:
        raise KeyError("inside")

    logged = _decorated(attempt, fails)
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            logged(torch.ones(2))
        except KeyError:
            pass
        except Exception as error:
            raise Wrong(f"an error inside should pass on as it is, not as {error!r}") from None
        else:
            raise Wrong("an error inside is swallowed: let it pass on")
    _, lines = _call(_decorated(attempt, _double), torch.ones(2))
    if lines[0] != lines[0].lstrip():
        raise Wrong(
            "after a call that ended with an error, the next one is still indented: count down "
            "in a `finally:`"
        )


class _Doubler:
    def run(self, x: Tensor) -> Tensor:
        return 2 * x


def _check_methods_and_modules(attempt: Attempt) -> None:
    class Doubler(_Doubler):
        run = _decorated(attempt, _Doubler.run)

    result, lines = _call(Doubler().run, torch.ones(2, 3))
    if not isinstance(result, Tensor) or "(2, 3)" not in lines[0]:
        raise Wrong("a decorated method does not work: take *args, the first of them is self")
    try:
        logged = _decorated(attempt, nn.Linear(3, 4))
    except Wrong as mistake:
        raise Wrong(
            "a module has no __name__: take getattr(function, '__name__', "
            f"type(function).__name__) ({mistake})"
        ) from None
    result, lines = _call(logged, torch.ones(2, 3))
    if "Linear" not in lines[0] or "(2, 4)" not in lines[-1]:
        raise Wrong(f"for a module, print its type's name, Linear, and the shapes: {lines}")
