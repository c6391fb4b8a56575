"""Execute chapters, each in a kernel of its own, and store their outputs.

Several chapters run at once. A cell that fails stops its chapter and no other; the report names the
chapter, the cell's line in the `.md`, the cell and the error. Outputs that would differ elsewhere
(`outputs.problems`) or that come from random weights are refused: then nothing is stored.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from mi_course.book import ansi, chapters, code_used, kernels, outputs, store
from mi_course.book.chapters import Cell, Chapter
from mi_course.errors import CourseError
from mi_course.models import registry

SHOWN_LINES = 6
_TRACE_LINE = re.compile(r"Cell In\[\d+\], line (\d+)")
_PACKAGE_LINE = re.compile(r"(mi_course[/\\][\w/\\]+\.py):(\d+)")


class RunError(CourseError, RuntimeError):
    """A chapter that could not be run or stored; the message is the report."""


@dataclass(frozen=True)
class Outcome:
    """How the run of one chapter ended.

    Attributes:
        chapter: which was run.
        model: whose outputs were asked for.
        state: what `store.save` returned, `no model`, `fresh` (not run), `not run` (this machine
            lacks what the chapter needs) or `failed`.
        seconds: wall time, start of the kernel included.
        message: the report of a failure, or a remark.
        modules: the SHA-256 of each module of the package that the chapter used.
    """

    chapter: Chapter
    model: str
    state: str
    seconds: float = 0.0
    message: str = ""
    modules: tuple[tuple[str, str], ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the chapter's outputs could not be stored."""
        return self.state == "failed"


def run_all(
    chosen: Sequence[Chapter],
    model: str,
    jobs: int,
    on_cell: Callable[[str], object] = lambda doc: None,
    on_end: Callable[[Outcome], object] = lambda outcome: None,
) -> list[Outcome]:
    """Run chapters, at most `jobs` at a time, and store what they give.

    Args:
        chosen: which chapters.
        model: a name of the registry.
        jobs: chapters at a time; they share the processor's cores.
        on_cell: called with the chapter's name after each of its cells.
        on_end: called with each outcome as it comes.
    """
    threads = max(1, (os.cpu_count() or 1) // max(1, min(jobs, len(chosen))))

    async def limited(chapter: Chapter, turn: asyncio.Semaphore) -> Outcome:
        async with turn:
            outcome = await run_and_store(chapter, model, threads, on_cell)
        on_end(outcome)
        return outcome

    async def gather() -> list[Outcome]:
        turn = asyncio.Semaphore(jobs)
        return list(await asyncio.gather(*(limited(chapter, turn) for chapter in chosen)))

    return asyncio.run(gather())


async def run_and_store(
    chapter: Chapter, model: str, threads: int | None, on_cell: Callable[[str], object]
) -> Outcome:
    """Run one chapter and store its outputs; a failure is an outcome, not an exception."""
    start = time.perf_counter()
    try:
        chapters.named(chapter.root, chapter.doc)  # or the error that lists those there are
        if chapter.only not in (None, model):
            return Outcome(chapter, model, "no model", message=f"it is about {chapter.only} alone")
        if why := chapter.missing():
            return Outcome(chapter, model, "not run", message=why)
        result, modules = await execute(chapter, model, threads, lambda: on_cell(chapter.doc))
        state, message = _store(chapter, model, result)
    except (RunError, store.StoreError, chapters.ChapterError) as error:
        state, message, modules = "failed", str(error), {}
    seconds = time.perf_counter() - start
    return Outcome(chapter, model, state, seconds, message, tuple(sorted(modules.items())))


def _store(chapter: Chapter, model: str, result: store.Result) -> tuple[str, str]:
    """Store a run, unless it did not use the model that it was asked for."""
    used = result.model["name"]
    default = registry.DEFAULT.name
    if model != default and used in (store.NO_MODEL["name"], default):
        return "no model", f"it does not use {model}: its outputs are those stored for {default}"
    if used not in (model, store.NO_MODEL["name"]) and not registry.is_random(used):
        raise RunError(
            f"{chapter} was run for {model} and loaded {used}. A chapter calls models.load() "
            "without a name, so that it can be run with either. Nothing was stored."
        )
    return store.save(chapter.stored(model), result), ""


async def execute(
    chapter: Chapter,
    model: str,
    threads: int | None = None,
    on_cell: Callable[[], object] = lambda: None,
) -> tuple[store.Result, dict[str, str]]:
    """Execute a chapter's cells in order.

    Returns:
        The run, and the SHA-256 of each module of the package that it used.

    Raises:
        RunError: a cell failed, or gave what cannot be stored.
    """
    cells = chapter.cells
    # of the package as it is when the kernel starts
    code = "" if model == registry.DEFAULT.name else code_used.digest(cells, chapter.root)
    nodes = [nbformat.v4.new_code_cell(cell.source) for cell in cells]
    probe = nbformat.v4.new_code_cell(kernels.PROBE)
    notebook = nbformat.v4.new_notebook(cells=[*nodes, probe])
    async with running_kernel(notebook, model, threads) as client:
        for i, cell in enumerate(cells):
            await _execute_cell(client, notebook.cells[i], i, chapter, cell)
            on_cell()
        await client.async_execute_cell(probe, len(cells))
    outs = [outputs.normalise(node.outputs) for node in notebook.cells[:-1]]
    _refuse_noise(chapter, outs)
    used = kernels.parse_probe(probe.outputs[0].text)
    weights = _weights(used["models"], model)
    return store.Result(cells, outs, weights, kernels.versions(), code), used["modules"]


@asynccontextmanager
async def running_kernel(
    notebook: NotebookNode, model: str, threads: int | None
) -> AsyncIterator[NotebookClient]:
    """A client with a running kernel in an empty folder; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mi-course-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder)
        patience_s = registry.named(model).cell_timeout_s
        client = NotebookClient(notebook, km=kernels.manager(), timeout=patience_s)
        try:
            # not async_setup_kernel, which takes over Ctrl-C for one kernel of several
            await client.async_start_new_kernel(
                env=kernels.environment(model, scratch, threads),
                cwd=folder,
                stderr=subprocess.DEVNULL,
            )
            await client.async_start_new_kernel_client()
            yield client
        finally:
            if client.km is not None and client.km.has_kernel:
                client.shutdown_kernel = "immediate"
                await client._async_cleanup_kernel()


async def _execute_cell(
    client: NotebookClient, node: NotebookNode, i: int, chapter: Chapter, cell: Cell
) -> None:
    where = f"{chapter.file}: code cell {i + 1} (line {cell.line})"
    try:
        cell.tolerance  # noqa: B018  (a tag without a reason fails before the cell is run)
        await client.async_execute_cell(node, i)
    except CellExecutionError as error:
        raise RunError(_report(where, chapter.source, cell, node, error)) from error
    except CellTimeoutError as error:
        raise RunError(f"{where} ran for more than {client.timeout} s") from error
    except DeadKernelError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # nbclient takes any end of waiting for this one
            raise asyncio.CancelledError from None
        raise RunError(f"{where}: the kernel died{await _cause_of_death(client)}") from error
    except chapters.ChapterError as error:
        raise RunError(f"{where}: {error}") from error


async def _cause_of_death(client: NotebookClient) -> str:
    """How a kernel's process ended, as far as it tells: its signal or its exit status."""
    provisioner = getattr(client.km, "provisioner", None)
    code = None if provisioner is None else await provisioner.poll()
    if code is None:
        return ""
    if code >= 0:
        return f": its process ended itself, with exit status {code}"
    if -code == getattr(signal, "SIGKILL", None):
        return ": it was killed, as the system does when memory runs out"
    return f": {_signal_name(-code)} ended it"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _report(
    where: str, path: Path, cell: Cell, node: NotebookNode, error: CellExecutionError
) -> str:
    """What failed, for a person: the place, the lines around the error, and its last line."""
    tracebacks = (o.traceback for o in node.outputs if o.output_type == "error")
    trace = ansi.strip("\n".join(next(tracebacks, [error.traceback])))
    failing = [int(n) for n in _TRACE_LINE.findall(trace)]
    at = failing[-1] if failing else 0
    lines = cell.source.splitlines()
    first = max(1, at - SHOWN_LINES) if at else 1
    last = min(len(lines), at + 2 if at else 2 * SHOWN_LINES)
    offset = _source_line(path, cell)
    shown = [
        f"  {'>' if n == at else ' '} {offset + n - 1:4d} | {lines[n - 1]}"
        for n in range(first, last + 1)
    ]
    deepest = _PACKAGE_LINE.findall(trace)
    within = [f"  in {deepest[-1][0]}, line {deepest[-1][1]}"] if deepest else []
    return "\n".join([f"{where} failed", *shown, *within, f"  {error.ename}: {error.evalue}"])


def _source_line(path: Path, cell: Cell) -> int:
    """The line of the `.md` on which the cell's code begins, after its options."""
    lines = path.read_text(encoding="utf8").splitlines()
    first = cell.source.splitlines()[0] if cell.source else ""
    at = (n for n in range(cell.line, len(lines)) if lines[n].rstrip() == first.rstrip())
    return next(at, cell.line) + 1


def _refuse_noise(chapter: Chapter, outs: Iterable[Sequence[NotebookNode]]) -> None:
    places = outputs.places(chapter.root)
    found = [
        f"{chapter.file}: code cell {i} (line {cell.line}): {problem}"
        for i, (cell, cell_outs) in enumerate(zip(chapter.cells, outs, strict=True), 1)
        for problem in store.cell_problems(cell.source, cell_outs, places)
    ]
    if found:
        raise RunError("\n".join([*found, "Nothing was stored."]))


def _weights(models: Sequence[dict[str, str]], model: str) -> dict[str, str]:
    """Of the models that a chapter loaded, the one that its outputs are labelled with.

    Random weights go first, since their presence decides; then the model that was asked for.
    """
    by_weight = sorted(
        models, key=lambda found: (not registry.is_random(found["name"]), found["name"] != model)
    )
    return dict(by_weight[0]) if by_weight else dict(store.NO_MODEL)


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Counts by state, in a fixed order; states that did not occur are left out."""
    order = ("new", "changed", "kept", "unchanged", "fresh", "no model", "not run", "failed")
    counts = {state: sum(o.state == state for o in outcomes) for state in order}
    return {state: n for state, n in counts.items() if n}
