"""The warm process: it has imported what chapters import, and becomes a kernel by forking.

Run as a script, `python warm_process.py DESCRIPTOR`, by `warm_start`, which says what for; the
descriptor is of a socket that listens. Nothing of `mi_course` is in it when it forks: each kernel
imports the package anew, from its own path. It computes nothing and has one thread, since a process
with several cannot be forked safely. Where it cannot give exactly what a cold start would give, it
says why, and the caller starts a kernel cold. It ends when its standard input does, which its owner
holds.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

PACKAGE = "mi_course"
# What chapters import, most of it by way of the package, and what makes a process a kernel. Not
# plotly.io, which asks while it is imported whether it is in a notebook.
PRELOADED = (
    "torch",
    "torchvision",
    "transformer_lens.model_bridge",
    "transformers.models.gpt2.modeling_gpt2",
    "transformers.models.gpt2.tokenization_gpt2",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "plotly.graph_objects",
    "jaxtyping",
    "nbformat",
    "IPython.terminal.interactiveshell",
    "ipykernel.kernelapp",
)
# Variables that nothing reads before a kernel's own code runs, or that `become` sees to. Any other
# that differs could have changed an import that is already done.
READ_LATE = ("IPYTHONDIR", "OLDPWD", "PWD", "PYTHONPATH", "SHLVL", "_")
READ_LATE_PREFIXES = ("MI_COURSE_", "JPY_", "PYTEST_")
# Their default is the first one's value.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
ALLOCATOR = "jemalloc_bg_thd\n"
START_FILES = ("sitecustomize", "usercustomize")


@dataclass(frozen=True)
class Job:
    """A Python process that is asked for.

    Attributes:
        cmd: `PYTHON -m MODULE ARGUMENT…`.
        env: all of its environment variables.
        cwd: its working folder.
        fds: its standard input, output and error; not part of what is compared.
    """

    cmd: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    fds: Sequence[int] = ()


def why_cold(job: Job, env: Mapping[str, str], loaded: Iterable[str]) -> str:
    """What a forked process would get otherwise than one that starts cold; empty if nothing.

    Args:
        job: what is asked for.
        env: the variables that this process was started with.
        loaded: names of the modules that it has imported.
    """
    if job.cmd[0] != sys.executable or job.cmd[1:2] != ["-m"]:
        return "another Python, or no module"
    mine, theirs = _read_early(env), _read_early(job.env)
    if differing := sorted(name for name in mine | theirs if mine.get(name) != theirs.get(name)):
        return f"another {', '.join(differing)}"
    tops = {name.partition(".")[0] for name in loaded} - {PACKAGE}
    for folder in _python_path(job.env):
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            if name.partition(".")[0] in tops | set(START_FILES):
                return f"{name} in {folder} would be imported instead"
    return ""


def _read_early(env: Mapping[str, str]) -> dict[str, str]:
    found = {
        name: value
        for name, value in env.items()
        if name not in READ_LATE and not name.startswith(READ_LATE_PREFIXES)
    }
    if THREADS[0] in found:
        found = dict.fromkeys(THREADS, found[THREADS[0]]) | found
    return found


def _python_path(env: Mapping[str, str]) -> list[str]:
    return [os.path.abspath(p) for p in env.get("PYTHONPATH", "").split(os.pathsep) if p]


class Warm:
    """This process, with everything imported.

    Attributes:
        env: the variables that it was started with.
        path: `sys.path` of a Python without PYTHONPATH.
        own_package: whether a file of site-packages imports the package into every Python.
        set_by_imports: the variables that importing set, as it would in a cold start.
    """

    def __init__(self) -> None:
        self.env = dict(os.environ)
        self.path = [p for p in sys.path if Path(p) != Path(__file__).parent]
        sys.path[:] = self.path  # a module beside this one would be taken for a library's
        self.own_package = PACKAGE in sys.modules
        os.environ["JPY_PARENT_PID"] = str(os.getpid())  # ipykernel reads it when it is imported
        if not self.own_package:
            _mend_torchvision()
        for name in PRELOADED:
            importlib.import_module(name)
        _forget_package()
        self.set_by_imports = {k: v for k, v in os.environ.items() if self.env.get(k) != v}

    def become(self, job: Job) -> None:
        """Turn this process, newly forked, into the one that is asked for; returns at its end."""
        os.setsid()
        for target, fd in enumerate(job.fds):
            os.dup2(fd, target)
        for fd in job.fds:
            os.close(fd)
        os.chdir(job.cwd)
        os.environ.clear()
        os.environ.update({**job.env, **self.set_by_imports})
        sys.path[:] = dict.fromkeys([*_python_path(job.env), *self.path])
        importlib.invalidate_caches()
        _new_chance()
        if self.own_package:
            importlib.import_module(PACKAGE)
        sys.path.insert(0, os.getcwd())  # as `-m` does
        sys.orig_argv[:] = job.cmd
        sys.argv = [job.cmd[1], *job.cmd[3:]]
        sys.modules["__main__"] = type(sys)("__main__")
        runpy._run_module_as_main(job.cmd[2])  # type: ignore[attr-defined]


def _mend_torchvision() -> None:
    """What the package does before torchvision is imported, without importing the package."""
    file = Path(__file__).parents[1] / "torchvision_hook.py"
    spec = spec_from_file_location(f"{PACKAGE}.torchvision_hook", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be loaded")
    hook = module_from_spec(spec)
    spec.loader.exec_module(hook)
    hook.install()


def _forget_package() -> None:
    """Leave nothing of the package: a kernel's own may be another."""
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if type(finder).__module__.partition(".")[0] != PACKAGE
    ]


def _new_chance() -> None:
    """New states for the generators that every Python seeds by chance; `random` does so itself."""
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    if torch := sys.modules.get("torch"):
        torch.default_generator.seed()


def serve(warm: Warm, listener: socket.socket) -> Job | None:
    """Fork for each job that comes.

    Returns:
        In each forked process its job; None when the owner has gone.
    """
    running: dict[socket.socket, int] = {}
    while True:
        watched: list[Any] = [0, listener, *running]
        ready = select.select(watched, [], [])[0]
        for connection in [c for c in ready if c in running]:
            _end(running.pop(connection))
            connection.close()
        if 0 in ready:
            for pid in running.values():
                _end(pid)
            return None
        if listener in ready:
            connection = listener.accept()[0]
            job = receive(connection)
            if why := why_cold(job, warm.env, sys.modules):
                connection.sendall(json.dumps({"cold": why}).encode())
                connection.close()
            elif (pid := os.fork()) == 0:
                for one in (listener, connection, *running):
                    one.close()
                return job
            else:
                fd = os.pidfd_open(pid)
                socket.send_fds(connection, [json.dumps({"pid": pid}).encode()], [fd])
                os.close(fd)
                running[connection] = pid
            for fd in job.fds:
                os.close(fd)


def receive(connection: socket.socket) -> Job:
    """Read a job, as `warm_start` sends it."""
    size, fds, _, _ = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as stream:
        sent: dict[str, Any] = json.loads(stream.read(int.from_bytes(size, "big")))
    return Job(sent["cmd"], sent["env"], sent["cwd"], fds)


def _end(pid: int) -> None:
    """End a process and those of its group, and take note of its end."""
    with suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(OSError):  # one that was forked just now may not have made its group yet
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def unfit() -> str:
    """Why no kernel may be forked from this process, with everything imported; empty if it may."""
    if find_spec("ipywidgets") is not None:
        return "tqdm is another class where it is imported in a notebook"
    for task in Path("/proc/self/task").iterdir():
        # pyarrow's memory allocator has a thread, and sees to forks
        if task.name != str(os.getpid()) and task.joinpath("comm").read_text() != ALLOCATOR:
            return "an import started a thread"
    return ""


def main() -> None:
    """Import, listen, fork; in a forked process, be what was asked for."""
    warm = Warm()
    if why := unfit():
        sys.exit(why)
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        job = serve(warm, listener)
    if job is not None:
        warm.become(job)


if __name__ == "__main__":
    main()
