"""The process in which answers are checked: it takes one job after the other, and may be killed.

What the learner's code prints is kept up to a limit and sent back. The real standard output
carries the replies, so it is moved away before any other code runs.
"""

from __future__ import annotations

import builtins
import faulthandler
import importlib
import json
import os
import pickle
import random
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
import torch

from mi_course.check import core, sending
from mi_course.check.left_behind import Surroundings
from mi_course.check.register import Exercise
from mi_course.processes import wire

MOST_PRINTED = 2_000
"""Characters of output that are sent back."""


class Printed:
    """A standard output that keeps its beginning and counts the rest."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.size = 0
        self.lost = 0

    def write(self, text: str) -> int:
        """Keep what still fits."""
        room = MOST_PRINTED - self.size
        if room > 0:
            self.parts.append(text[:room])
            self.size += len(text[:room])
        self.lost += max(0, len(text) - max(room, 0))
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        """Not a terminal: tqdm and others draw nothing."""
        return False

    def text(self) -> str:
        """What was kept, with a line about what was not."""
        text = "".join(self.parts)
        if self.lost:
            text += f"\n… and {self.lost:,} characters more, not shown\n"
        return text


def main() -> None:
    """Serve until the notebook's process goes."""
    jobs = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    _no_questions()
    torch.set_num_threads(1)  # the cases are small, and its time is measured
    surroundings = Surroundings()
    _reply(replies, {"state": "ready"})
    while (data := wire.receive(jobs)) is not None:
        if data == sending.IMPORT_MODELS:
            importlib.import_module("mi_course.guards.bridge")
        else:
            _serve(data, replies, surroundings)
    os._exit(0)


def _serve(data: bytes, replies: BinaryIO, surroundings: Surroundings) -> None:
    """One job: read it, say that it begins, judge or compute, say what came of it."""
    job = pickle.loads(data)
    _enter(job["folder"])
    sys.path[:] = job["path"]
    printed = Printed()
    sys.stdout = sys.stderr = printed
    threads = threading.active_count()
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(0)
    # Works where nothing else does: in C code that never lets Python run again.
    faulthandler.dump_traceback_later(job["give_up_s"], exit=True, file=_devnull())
    try:
        task, given = pickle.loads(job["answer"])
        _reply(replies, {"state": "begins"})
        reply = {"state": "done"} | _done(task, given)
    except KeyboardInterrupt:
        reply = {"state": "interrupted"}
    except BaseException as error:
        reply = {"state": "unreadable", "message": f"{type(error).__name__}: {error}"}
    finally:
        surroundings.put_back()
        faulthandler.cancel_dump_traceback_later()
    busy = threading.active_count() > threads
    _reply(replies, reply | {"printed": printed.text(), "busy": busy})
    sending.tidy_models()


def _done(task: Exercise | Callable[[Any], Any], given: Any) -> dict[str, Any]:
    """A verdict on an answer; or what a function of this package computes from it."""
    if not isinstance(task, Exercise):
        return {"value": task(given)}
    verdict = core.judge(task, given)
    return {"passed": verdict.passed, "message": verdict.message, "steps": verdict.steps}


def _enter(folder: str | None) -> None:
    """Work where the notebook does; where its folder is gone, somewhere that exists."""
    try:
        os.chdir(folder or tempfile.gettempdir())
    except OSError:
        os.chdir(tempfile.gettempdir())


def _reply(stream: BinaryIO, reply: dict[str, Any]) -> None:
    wire.send(stream, json.dumps(reply).encode())


def _devnull() -> Any:
    global _nowhere
    if _nowhere is None:
        _nowhere = open(os.devnull, "w")  # noqa: SIM115  (faulthandler keeps its descriptor)
    return _nowhere


_nowhere: Any = None


def _no_questions() -> None:
    """Nobody can answer here: `input()` and `breakpoint()` say so."""

    def no_input(*args: Any) -> str:
        raise RuntimeError("input() does not work within a check: nobody can answer")

    def no_breakpoint(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            "breakpoint() does not work within a check: call your function in a cell of its own"
        )

    builtins.input = no_input
    sys.breakpointhook = no_breakpoint
