"""The process in which `mi-course check` runs the cells of notebooks, one notebook after another.

It is kept from one notebook to the next, and so is the process that judges the answers: their
imports, which take longer than most exercises, are paid for once. Each notebook finds the names,
the settings and the modules of a new process, in its own folder. A process that ends or is late is
given up; the next notebook has another.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

from mi_course.check import accidents, core, magics, process
from mi_course.check.core import EXERCISES, Verdict
from mi_course.check.left_behind import Surroundings, pythons_own_names
from mi_course.processes import of_cells, wire
from mi_course.processes.child import GARBLED, Child

Message = dict[str, Any]


def run(work: Message, seconds: float) -> Iterator[Message]:
    """Run the cells of one notebook, and give a message for each exercise as it is judged.

    Args:
        work: `folder`, the `sources` of the code cells, and the `tasks`.
        seconds: that all of it may take.

    Yields:
        `exercise`, `passed` and `message`. Where the process ended or was late, a last one has
        `lost`, which says so.
    """
    child = of_cells.start()
    child.send(json.dumps(work | {"environment": of_cells.environment()}).encode())
    late = threading.Event()
    timer = threading.Timer(seconds, _give_up, (child, late))
    timer.daemon = True
    timer.start()
    try:
        while (answer := child.replies.get()) not in (None, GARBLED):
            if "done" in answer:
                return
            yield answer
    finally:
        timer.cancel()
    of_cells.stop()
    yield {"lost": "did not finish" if late.is_set() else "ended Python"}


def _give_up(child: Child, late: threading.Event) -> None:
    late.set()
    child.process.kill()


def serve(namespace: dict[str, object], *, models: bool) -> None:
    """In the process of its own: run one notebook after the other.

    Args:
        namespace: where the cells run.
        models: whether a model will be asked for, so that what it takes is imported at once.
    """
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nowhere, standard)
    process.warm(models=models)
    if models:  # here too, at the same time
        importlib.import_module("mi_course.guards.bridge")
    new = dict(namespace), Surroundings(), set(sys.modules), list(sys.path)
    while (data := wire.receive(jobs)) is not None:
        _notebook(json.loads(data), answers, namespace)
        _begin_anew(namespace, *new)
    os._exit(0)


def _begin_anew(
    namespace: dict[str, object],
    names: dict[str, object],
    surroundings: Surroundings,
    modules: set[str],
    path: list[str],
) -> None:
    """What a notebook has left behind is no other's: names, settings, modules of the learner's."""
    with pythons_own_names():
        namespace.clear()
        namespace.update(names)
    surroundings.put_back()
    core.PASSED.clear()
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        file = getattr(sys.modules[name], "__file__", None)
        if isinstance(file, str) and accidents.is_own(file):
            del sys.modules[name]
    for folder in list(sys.path_importer_cache):
        if not os.path.isabs(folder):  # "." is another one in the next notebook
            del sys.path_importer_cache[folder]


def _notebook(work: Message, answers: BinaryIO, namespace: dict[str, object]) -> None:
    """Run the cells of one notebook, and send a verdict for each exercise."""
    os.chdir(work["folder"])
    os.environ.clear()
    os.environ.update(work["environment"])
    failed: dict[object, str] = {}
    ran: set[int] = set()
    wanted = {i for task in work["tasks"] for i in task["cells"]}
    process.warm(models=any("models" in work["sources"][i] for i in wanted))
    for task in work["tasks"]:
        for i in task["cells"]:
            if i not in ran:
                ran.add(i)
                _run_cell(i, f"<cell {i + 1}>", work["sources"][i], namespace, failed)
        if task["above"]:
            _run_cell(task["name"], "<cell of the check>", task["above"], namespace, failed)
        verdict = _verdict(task, namespace, failed)
        _send(answers, exercise=task["name"], passed=verdict.passed, message=verdict.message)
    _send(answers, done=True)


def _send(answers: BinaryIO, **message: object) -> None:
    with pythons_own_names():  # a cell may have put its own len in the place of Python's
        wire.send(answers, json.dumps(message).encode())


def _run_cell(
    key: object, name: str, source: str, namespace: dict[str, object], failed: dict[object, str]
) -> None:
    # anew for each cell: one above may have imported IPython's own, which gives None here
    namespace["get_ipython"] = magics.get_ipython
    try:
        exec(compile(source, name, "exec"), namespace)
    except BaseException as error:
        failed[key] = accidents.brief(error)


def _verdict(task: Message, namespace: dict[str, object], failed: dict[object, str]) -> Verdict:
    name: str = task["name"]
    try:
        solution = eval(task["answer"], namespace)
    except BaseException as error:
        why = next((failed[key] for key in (name, *reversed(task["cells"])) if key in failed), None)
        why = why or accidents.brief(error)
        return Verdict(name, False, f"the cell of your answer stops with {why}")
    return EXERCISES[name](solution, hint=True)
