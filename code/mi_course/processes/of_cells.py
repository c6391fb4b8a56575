"""The process that runs the cells of notebooks, for `mi_course.check.cells` there and here.

`mi-course check` starts it before it imports PyTorch itself: both import at the same time.
"""

from __future__ import annotations

import atexit
import os
import sys

from mi_course.processes.child import Child

_process: Child | None = None


def environment() -> dict[str, str]:
    """What the cells find; what they print goes nowhere, and must not fail on the way."""
    return {"MI_COURSE_MODEL": "pocket"} | os.environ | {"PYTHONIOENCODING": "utf-8"}


def start(*, models: bool = False) -> Child:
    """The process; it imports while other work is done.

    Args:
        models: whether it shall be ready for answers that take a model; a new one only.
    """
    global _process
    if _process is None or _process.process.poll() is not None:
        stop()
        path = [folder for folder in sys.path if folder]
        _process = Child(f"cells.serve(globals(), {models=})", path, env=environment())
    return _process


def stop() -> None:
    """End the process; the next notebook starts a new one."""
    global _process
    child, _process = _process, None
    if child is not None:
        child.kill()


atexit.register(stop)
