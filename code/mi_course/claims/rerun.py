"""Run claims again on fresh draws: other prompts, other random controls, other templates."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from mi_course.claims.finding import Claim, ClaimError, Finding, registered

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Where = Literal["page", "larger", "held_out"]
STEP = 1000
"""Between the seeds of two draws, so that a claim has as many seeds for each."""
LARGER = 3
DRAWS = 20
FEWER = {"smollm2": 6}
"""Fresh draws on a model that is too slow for twenty; there none has three times the prompts."""


class Run(NamedTuple):
    """One run of all the claims asked for.

    Attributes:
        where: at the page's n, at three times it, or at the page's n on held-out templates.
        draw: 0 for the page's own.
    """

    where: Where
    draw: int


PAGE = Run("page", 0)


@dataclass(frozen=True)
class Ran:
    """What one claim found in one run.

    Attributes:
        name: of the claim.
        run: which.
        finding: None where it refused to conclude anything.
        refusal: why, then.
        seconds: that it took.
        broken: its code failed, which is no refusal.
    """

    name: str
    run: Run
    finding: Finding | None
    refusal: str
    seconds: float
    broken: bool = False


def runs(model: str, draws: int | None = None) -> list[Run]:
    """The runs of a claim on a model: the page's own, which must succeed, then the largest first.

    Args:
        model: by its name.
        draws: how many fresh ones of each kind; as many as the model has where None.
    """
    if draws is None:
        draws = FEWER.get(model, DRAWS)
    fresh = range(1, draws + 1)
    return [
        PAGE,
        *(Run("larger", draw) for draw in fresh if model not in FEWER),
        *(Run("held_out", draw) for draw in fresh),
        *(Run("page", draw) for draw in fresh),
    ]


def load(claims: Sequence[Claim]) -> list[Claim]:
    """The same claims with their functions."""
    for module in dict.fromkeys(one.made_in.partition(":")[0] for one in claims):
        importlib.import_module(f"mi_course.{module}")
    return [registered[one.name] for one in claims]


def once(model: TransformerBridge, claim: Claim, run: Run) -> Ran:
    """One claim on one draw."""
    started, finding, refusal, broken = time.perf_counter(), None, "", False
    n = claim.n * (LARGER if run.where == "larger" else 1)
    try:
        finding = claim.run(model, n, STEP * run.draw, run.where == "held_out")
    except ClaimError as error:
        refusal = str(error)
    except Exception as error:  # of one claim; hours of others are under way
        refusal, broken = f"{type(error).__name__} on {run}: {error}", True
    return Ran(claim.name, run, finding, refusal, time.perf_counter() - started, broken)


def everything(
    claims: Sequence[Claim],
    model: str,
    draws: int | None = None,
    jobs: int = 1,
    on_ran: Callable[[Ran], object] = lambda ran: None,
) -> list[Ran]:
    """Run claims on the page's draw, and on fresh ones.

    Args:
        claims: as the catalogue has them.
        model: on which, by its name.
        draws: how many fresh ones, as for `runs`.
        jobs: processes at a time, with one thread each; every one loads the model.
        on_ran: called with each result as it comes.
    """
    found: list[Ran] = []
    names = tuple(one.name for one in claims)
    context = multiprocessing.get_context("spawn")
    with (
        _one_thread(),
        ProcessPoolExecutor(jobs, context, _prepare, (tuple(claims), model)) as pool,
    ):
        waiting = [pool.submit(_run_all, names, run) for run in runs(model, draws)]
        try:
            for done in as_completed(waiting):
                for ran in done.result():
                    on_ran(ran)
                    found.append(ran)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def refused(found: Sequence[Ran]) -> dict[str, str]:
    """The claims that must not be stored, and why; others are not lost with them.

    Nothing was found on the page's own draw, the code failed on any, or the threshold moves.
    """
    why = {ran.name: ran.refusal for ran in found if ran.run == PAGE and ran.finding is None}
    why |= {ran.name: ran.refusal for ran in found if ran.broken}
    for name in dict.fromkeys(ran.name for ran in found):
        try:
            check_rule([ran.finding for ran in found if ran.name == name], name)
        except ClaimError as error:
            why.setdefault(name, str(error))
    return why


def check_rule(findings: Sequence[Finding | None], name: str) -> None:
    """A threshold that stands beforehand is the same for every draw.

    Raises:
        ClaimError: it is not.
    """
    rules = {(f.rule, f.unit, f.level) for f in findings if f is not None}
    if len(rules) > 1:
        raise ClaimError(
            f"the claim {name} judges its draws by {len(rules)} rules, such as "
            f"{' and '.join(str(rule) for rule, *_ in list(rules)[:2])}: a threshold is chosen "
            "before anything is measured, and must not depend on the draw"
        )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes that begin meanwhile compute in one thread each."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_here: dict[str, Claim] = {}
_model: list[TransformerBridge] = []


def _prepare(claims: tuple[Claim, ...], model: str) -> None:
    """Once in each process: the claims and the model."""
    from mi_course import models

    _here.update({one.name: one for one in load(claims)})
    _model.append(models.load(model, quiet=True))


def _run_all(names: Sequence[str], run: Run) -> list[Ran]:
    """All claims on one draw, so that those of one experiment share it."""
    wanted = [_here[name] for name in names]
    if run.where == "held_out":
        wanted = [claim for claim in wanted if claim.templates]
    return [once(_model[0], claim, run) for claim in wanted]
