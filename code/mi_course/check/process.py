"""Pass an answer to the process that checks it, and watch that process.

An endless loop, a crash or an answer that eats memory costs the process, never the notebook: it is
killed, the verdict says why, and the next check starts a new one. The first check starts it, and it
is kept, so that its imports are paid for once.
"""

from __future__ import annotations

import atexit
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil

from mi_course.check import sending
from mi_course.check.left_behind import pythons_own_names
from mi_course.check.register import Exercise
from mi_course.processes.child import GARBLED, Child, Reply

PATIENCE_S = 20.0
"""Seconds of computing that an answer may take in one check."""
WALL_S = 60.0
"""Seconds by the clock: an answer that waits, or a machine that is busy."""
START_S = 180.0
"""Seconds for importing and for loading a model, before the answer's own time begins."""
MEMORY_BYTES = 2 * 2**30
"""Memory that an answer may take in one check, where as much is free."""
GLANCE_S = 0.02


class NotSendable(Exception):
    """The answer uses something that cannot be sent to another process."""


class _Worker(Child):
    """The process that checks answers.

    Attributes:
        ready: whether it has said that its imports are done.
        models: whether it was told to import what a model takes.
    """

    def __init__(self) -> None:
        super().__init__(
            "worker.main()",
            sys.path,
            # A notebook's interrupt goes to a whole group of processes: this one is in its own.
            start_new_session=True,
            cwd=_folder() or tempfile.gettempdir(),
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self.ready = False
        self.models = False


_lock = threading.Lock()
_worker: _Worker | None = None


def judge(exercise: Exercise, solution: Any) -> Reply:
    """Check an answer in the other process.

    Args:
        exercise: what is checked.
        solution: the learner's function or class.

    Returns:
        `passed`, `message`, and what was `printed`.

    Raises:
        NotSendable: the answer cannot be pickled.
        KeyboardInterrupt: the learner stopped the check; the process is gone.
    """
    return _sent(exercise, solution, sending.Pickler)


def compute(
    function: Callable[[Any], Any], given: Any, pickler: type[sending.Pickler] = sending.Pickler
) -> Reply:
    """Let the other process call a function of this package on what a learner wrote.

    Args:
        function: of a module; it returns what JSON can hold.
        given: its argument, learner's functions within.
        pickler: how the argument is sent.

    Returns:
        `value`, where `state` is `done`; else a `message`, as `judge` gives one. What the learner's
        code `printed`.

    Raises:
        NotSendable, KeyboardInterrupt: as `judge`.
    """
    return _sent(function, given, pickler)


def _sent(task: Any, given: Any, pickler: type[sending.Pickler]) -> Reply:
    began = time.monotonic()
    with _lock, pythons_own_names():
        job = _job(task, given, pickler)
        try:
            return _with_new_process_once(job, began)
        except BaseException:
            stop()
            raise


def warm(*, models: bool = False) -> None:
    """Start the process, so that it imports while other work is done.

    Args:
        models: whether also what it takes to load a model, which is most of all imports.
    """
    global _worker
    with _lock:
        _worker = _worker or _Worker()
        if models and not _worker.models:
            _worker.models = True
            _worker.send(sending.IMPORT_MODELS)


def _job(task: Any, given: Any, pickler: type[sending.Pickler]) -> bytes:
    try:
        answer = sending.dumps((task, given), pickler)
    except Exception as error:
        raise NotSendable(f"{type(error).__name__}: {error}") from error
    job = {
        "answer": answer,
        "folder": _folder(),
        "path": sys.path,
        "give_up_s": START_S + WALL_S + 10,
    }
    return pickle.dumps(job)


def _folder() -> str | None:
    with suppress(FileNotFoundError):
        return os.getcwd()
    return None  # it was deleted, or has another name now: most answers read no file


def _with_new_process_once(job: bytes, began: float) -> Reply:
    """A process that died while it was idle is replaced."""
    global _worker
    if _worker is not None and (_worker.owner != os.getpid() or _worker.process.poll() is not None):
        stop()
    _worker = _worker or _Worker()
    if not _worker.ready:
        reply = _await(_worker, START_S)
        if reply is None or reply["state"] != "ready":
            stop()
            return _failed("the process that checks answers did not start: run the cell again")
        _worker.ready = True
    _worker.send(job)
    return _watch(_worker, began)


def _await(child: _Worker, seconds: float) -> Reply | None:
    try:
        return child.replies.get(timeout=seconds)
    except queue.Empty:
        return None


def _watch(child: _Worker, began: float) -> Reply:
    """Wait for the verdict; kill the process where time or memory runs out."""
    reply = _await(child, START_S)
    if reply is not None and reply["state"] == "begins":
        reply = _until_done(child, began)
    if reply is None:
        ended = child.process.poll() if _gone(child) else None
        _replace()
        return _failed(_obituary(ended))
    if reply == GARBLED:
        _replace()
        return _failed(
            "your function changed something in Python that all other code uses too, and the check "
            "could not answer: change nothing outside of it"
        )
    if reply["state"] == "interrupted":
        raise KeyboardInterrupt
    if reply["state"] == "unreadable":
        raise NotSendable(reply["message"])
    if reply.get("busy") or reply["state"] == "stopped":  # a thread that was left running
        _replace()
    return reply


def _until_done(child: _Worker, began: float) -> Reply | None:
    process = psutil.Process(child.process.pid)
    start, computed, held = time.monotonic(), _computed(process), _held(process)
    room = min(MEMORY_BYTES, int(psutil.virtual_memory().available * 0.7))
    while True:
        try:
            return child.replies.get(timeout=GLANCE_S)
        except queue.Empty:
            pass
        if _held(process) - held > room:
            return _stopped(f"used more than {_size(room)} of memory: is something growing in it?")
        spent, waited = _computed(process) - computed, time.monotonic() - start
        if spent > PATIENCE_S or waited > WALL_S:
            seconds = PATIENCE_S if spent > PATIENCE_S else WALL_S
            return _stopped(too_long(seconds, time.monotonic() - began))


def too_long(seconds: float, waited: float) -> str:
    """What a function did that was stopped, after the words "your function".

    Args:
        seconds: that it may take.
        waited: seconds since the check was called: the process starts, and others compute too.
    """
    told = f"did not finish within {seconds:.0f} seconds: does a loop never stop?"
    if waited > 1.1 * seconds + 1:
        told += f" (Those are its own: {waited:.0f} seconds have passed since the check began.)"
    return told


def _computed(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _held(process: psutil.Process) -> int:
    """Resident memory of the process and of those that it started."""
    with suppress(psutil.Error):
        return sum(p.memory_info().rss for p in (process, *process.children()))
    return 0


def _size(n: int) -> str:
    return f"{n / 2**30:.1f} GiB" if n >= 2**30 else f"{n / 2**20:.0f} MiB"


def _stopped(what: str) -> Reply:
    return _failed(f"your function {what}") | {"state": "stopped"}


def _failed(message: str) -> Reply:
    return {"state": "failed", "passed": False, "message": message, "printed": ""}


def _gone(child: _Worker) -> bool:
    """Whether it has ended; a process whose pipe is closed takes a moment to."""
    with suppress(subprocess.TimeoutExpired):
        child.process.wait(timeout=5)
    return child.process.poll() is not None


def _obituary(code: int | None) -> str:
    if code is None:
        return "your answer took too long to load: does it refer to something large?"
    if code < 0:
        with suppress(ValueError):
            return (
                f"your function crashed Python itself ({signal.Signals(-code).name}): look for "
                "endless recursion, for a tensor that is too large, or for code outside Python"
            )
    return (
        f"your function ended the whole Python process (exit code {code}): return from it, do not "
        "exit"
    )


def _replace() -> None:
    """End the process, and let a new one import what it needs while the learner reads."""
    global _worker
    stop()
    _worker = _Worker()


def stop() -> None:
    """End the process; the next check starts a new one."""
    global _worker
    child, _worker = _worker, None
    if child is not None and child.owner == os.getpid():
        child.kill()


atexit.register(stop)
