"""nbval over the stored notebooks, with the course's comparer and without nbval's holes.

    pytest -p mi_course.book.nbval_plugin --nbval book/outputs/pocket [--only-changed]

Each stored notebook is executed again in one kernel, in an empty folder, with the model that its
folder is named after, and every cell is compared by `compare`. nbval alone would let through a
cell whose `execution_count` is null, a notebook whose outputs were cleared, every PNG, the place of
a printed line among figures, the name of a glued value, and what a cell excuses from comparison
with a tag or a comment. Here each of these fails. A stored notebook with fewer cells than its
chapter is caught by `store.stale_reason`, which needs no kernel. A chapter that needs what this
machine lacks (`Chapter.missing`) is reported as not run.

`--only-changed`, or `MI_COURSE_ONLY_CHANGED=1`, leaves out each notebook of which nothing changed
since it passed on this machine (`verified`), and says so. Where `CI` is set it leaves out nothing.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import nbval.plugin
import pytest
from nbformat import NotebookNode
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile

from mi_course.book import chapters, compare, kernels, last_runs, outputs, store
from mi_course.book.chapters import Chapter
from mi_course.errors import CourseError

SHOWN_DIFFERENCES = 8
ONLY_CHANGED = "MI_COURSE_ONLY_CHANGED"
LEFT_OUT = pytest.StashKey[list[str]]()


class WrongModelError(AssertionError):
    """Outputs labelled with weights that they were not computed with."""


class CourseKernel(RunningKernel):
    """nbval's kernel, started as `mi-course run` starts its own."""

    def __init__(self, env: dict[str, str], cwd: str, startup_timeout: float) -> None:
        self.km = kernels.manager(blocking=True)
        self.km.start_kernel(stderr=subprocess.DEVNULL, cwd=cwd, env=env)
        self.kc = self.km.client()
        self.kc.start_channels()
        try:
            self.kc.wait_for_ready(timeout=startup_timeout)
        except RuntimeError:
            self.stop()
            raise
        self._ensure_iopub_up()

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        """Execute a cell as a notebook does: without history, a `;` at its end is not heeded."""
        return self.kc.execute(
            cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
        )


class StoredNotebook(IPyNbFile):
    """A notebook under `book/outputs/MODEL/`.

    Attributes:
        chapter: whose outputs are stored.
        model: that they were computed with.
        all_right: whether every cell so far gave what is stored for it.
    """

    all_right = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.chapter, self.model = chapters.of_stored(self.path)

    def setup(self) -> None:
        """Start the kernel with the model of the notebook's folder."""
        self.scratch = tempfile.TemporaryDirectory(prefix="mi-course-", ignore_cleanup_errors=True)
        self.kernel = CourseKernel(
            kernels.environment(self.model, Path(self.scratch.name)),
            self.scratch.name,
            self.config.option.nbval_kernel_startup_timeout,
        )
        self.setup_sanitize_files()

    def teardown(self) -> None:
        """Stop the kernel and remove its folder."""
        super().teardown()
        self.scratch.cleanup()

    def collect(self) -> Iterator[pytest.Item]:
        """The cells as nbval finds them, but none is excused from comparison."""
        self.places = outputs.places(self.config.rootpath)
        if why := self.missing():
            yield NotRun.from_parent(self, name="not run", reason=why)
            return
        store.load(self.path)  # or the sentence that says why it is no stored notebook
        for item in super().collect():
            cell = StoredCell.from_parent(
                self, name=item.name, cell_num=item.cell_num, cell=item.cell, options=item.options
            )
            cell.options |= {"check": True, "skip": False, "check_exception": False}
            yield cell
        yield StoredModel.from_parent(self, name="model")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
        """The sentence alone, where it is ours."""
        if isinstance(excinfo.value, CourseError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def missing(self) -> str | None:
        """Why this notebook cannot be executed here."""
        return self.chapter.missing() if self.chapter.source.is_file() else None

    @property
    def mend(self) -> str:
        """The command that stores it anew."""
        return store.mend_command(self.chapter, self.model)


class LeftOut(pytest.File):
    """A notebook of which nothing changed. Collected, since pytest calls a file that is named and
    has no collector an error of usage.
    """

    def collect(self) -> Iterator[pytest.Item]:
        """Nothing."""
        return iter(())


class NotRun(pytest.Item):
    """Stands for all cells of a notebook that needs what this machine lacks."""

    def __init__(self, *, reason: str, **options: Any) -> None:
        super().__init__(**options)
        self.add_marker(pytest.mark.skip(reason=f"NOT RUN: {reason}"))

    def runtest(self) -> None:
        """Nothing: the mark leaves it out before its notebook's kernel is started."""

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands, which pytest wants to know of what it leaves out."""
        return self.path, 0, self.name


class StoredCell(IPyNbCell):
    """One cell: executed by nbval, compared by `compare`."""

    def runtest(self) -> None:
        """Execute the cell and compare its outputs in their order."""
        if self.cell.execution_count is None:  # nbval would not compare it
            self.raise_cell_error(judge(self.cell, [], ())[0], f"run `{self.parent.mend}`")
        # nbval moves all printed text of a cell to where the first of it stood
        with mock.patch.object(nbval.plugin, "coalesce_streams", list):
            try:
                super().runtest()
            except Exception:
                self.parent.all_right = False
                raise

    def compare_outputs(
        self, test: list[NotebookNode], ref: list[NotebookNode], skip_compare: Any = None
    ) -> bool:
        """Whether fresh and stored outputs agree and hold nothing that must not be stored."""
        found = judge(self.cell, test, self.parent.places)
        if len(found) > SHOWN_DIFFERENCES:
            found[SHOWN_DIFFERENCES:] = [f"… and {len(found) - SHOWN_DIFFERENCES} more"]
        what_to_do = f"If the new outputs are right, run `{self.parent.mend}`"
        self.comparison_traceback = [*found, what_to_do]
        return not found


def judge(cell: NotebookNode, fresh: list[NotebookNode], places: Sequence[str]) -> list[str]:
    """Why a stored cell does not stand, given what its code gives now; empty when it does.

    Args:
        cell: stored, with its outputs.
        fresh: the outputs of the same code, as the kernel sent them.
        places: paths of this machine (`outputs.places`).
    """
    if cell.execution_count is None:
        return ["it has no execution count: its outputs were cleared or edited"]
    stored, fresh = outputs.normalise(cell.outputs), outputs.normalise(fresh)
    found = store.cell_problems(cell.source, fresh, places)
    found += [p for p in store.cell_problems(cell.source, stored, places) if p not in found]
    rtol = chapters.tolerance(cell.metadata.get("tags", ()), cell.source)
    return found + compare.differences(stored, fresh, rtol)


class StoredModel(pytest.Item):
    """After a notebook's cells: they were computed with the weights that it names."""

    parent: StoredNotebook

    def runtest(self) -> None:
        """Ask the kernel which models were loaded, and compare name and checksum.

        Raises:
            WrongModelError: the stored label names other weights, or cannot be true.
        """
        if why := store.wrong_label(self.parent.chapter, self.parent.model):
            self.parent.all_right = False
            raise WrongModelError(f"{self.parent.path.name}: {why}; run `{self.parent.mend}`")
        printed: list[str] = []
        self.parent.kernel.kc.execute_interactive(
            kernels.PROBE,
            timeout=60,
            output_hook=lambda message: printed.append(message["content"].get("text", "")),
        )
        used = kernels.parse_probe("".join(printed))
        loaded = used["models"]
        claimed = dict(self.parent.nb.metadata.get("mi_course", {}).get("model", {}))
        if claimed not in (loaded or [store.NO_MODEL]):
            raise WrongModelError(
                f"The outputs are labelled with {claimed}, and this run loaded {loaded}; "
                f"run `{self.parent.mend}`"
            )
        if self.parent.all_right:
            last_runs.note(self.parent.chapter, self.parent.model, used["modules"])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The sentence alone, where it is ours."""
        if isinstance(excinfo.value, WrongModelError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that leaves out what did not change since it last passed on this machine."""
    parser.getgroup("nbval").addoption(
        "--only-changed",
        action="store_true",
        default=bool(os.environ.get(ONLY_CHANGED)),
        help="only stored notebooks whose chapter, package code, model or versions changed",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep count of what is left out."""
    config.stash[LEFT_OUT] = []


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Nothing to execute is no failure where that is because nothing changed."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and session.config.stash[LEFT_OUT]:
        session.exitstatus = pytest.ExitCode.OK


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say which notebooks were not run, and why: none is left out silently."""
    for name in config.stash[LEFT_OUT]:
        terminalreporter.line(f"{name}: left out, nothing changed since it passed here")
    for report in terminalreporter.stats.get("skipped", []):
        if str(report.longrepr[2]).startswith("Skipped: NOT RUN: "):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            terminalreporter.line(f"{report.nodeid}: {reason}")


def _unchanged(chapter: Chapter, model: str) -> bool:
    return chapter.source.is_file() and last_runs.why_run(chapter, model) is None


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect stored notebooks as `StoredNotebook`; other notebooks are left to nbval."""
    collected = yield
    if chapters.OUTPUTS.name not in file_path.parts or file_path.suffix != ".ipynb":
        return collected
    if parent.config.option.nbval_lax:
        raise pytest.UsageError("--nbval-lax compares next to nothing: use --nbval")
    chapter, model = chapters.of_stored(file_path)
    may_leave_out = parent.config.option.only_changed and not os.environ.get("CI")
    if may_leave_out and _unchanged(chapter, model):
        parent.config.stash[LEFT_OUT].append(f"{model}/{chapter}")
        return [LeftOut.from_parent(parent, path=file_path)]
    return [
        StoredNotebook.from_parent(parent, path=file_path) if isinstance(c, IPyNbFile) else c
        for c in collected
    ]
