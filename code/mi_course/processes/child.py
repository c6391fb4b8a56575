"""A process of the checks' own: it serves a function of this package, and its replies are read."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

import psutil

from mi_course.processes import wire

Reply = dict[str, Any]

GARBLED: Reply = {"state": "garbled"}
"""Stands for a reply that is none: something in Python was replaced there."""


class Child:
    """One child process, and the thread that reads its replies.

    Attributes:
        owner: id of the process that started it; one that was forked from that has no child.
        process: the child.
        replies: what it sent, in order; None when it has ended.
    """

    def __init__(self, serves: str, path: Sequence[str], **options: Any) -> None:
        """Start it.

        Args:
            serves: the call of a module of `mi_course.check`, such as `worker.main()`.
            path: where it looks for modules, after this package.
            options: for `subprocess.Popen`.
        """
        module = serves.partition(".")[0]
        code = f"import sys; sys.path[:] = sys.argv[1:]; from mi_course.check import {module}; "
        home = str(Path(__file__).resolve().parents[2])
        self.owner = os.getpid()
        self.process = subprocess.Popen(
            [sys.executable, "-c", code + serves, home, *path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            **options,
        )
        self._jobs = cast(BinaryIO, self.process.stdin)
        self._answers = cast(BinaryIO, self.process.stdout)
        self.replies: queue.Queue[Reply | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while (data := wire.receive(self._answers)) is not None:
            try:
                self.replies.put(json.loads(data))
            except ValueError:
                self.replies.put(GARBLED)
                break
        self.replies.put(None)

    def send(self, job: bytes) -> None:
        """Hand it work; one that has ended takes none, which its replies tell."""
        with suppress(BrokenPipeError):
            wire.send(self._jobs, job)

    def kill(self) -> None:
        """End it, with the processes that the learner's code started."""
        with suppress(psutil.Error):
            for started in psutil.Process(self.process.pid).children(recursive=True):
                started.kill()
        with suppress(OSError):
            self.process.kill()
        self.process.wait()
