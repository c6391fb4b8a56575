"""Start kernels from one process that has already imported PyTorch and the rest.

A cold start of a kernel takes some five seconds of computing before a chapter's first line runs,
nearly all for imports; the tests start one for each chapter, twice. Where `MI_COURSE_WARM_START`
names a warm process (`serving`), a kernel is forked from it instead, if that changes no result:

- Nothing of the package is imported beforehand, and each kernel has its own environment, path,
  working folder and standard streams.
- Where a variable that an import may have read, the Python, or a module on the path differs from
  the warm process's, the kernel is started cold. So it is on any system but Linux.
- What `mi-course run` stores always comes from a cold start. So a test that executes a stored
  chapter again from the warm process compares the two ways.

Kernels of one warm process have in common what Python draws once in a process: the order of sets of
strings, unless PYTHONHASHSEED fixes it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mi_course.book import warm_process

VARIABLE = "MI_COURSE_WARM_START"
"""Names the socket of a warm process, for kernels that this process and its children start."""
PATIENCE_S = 300.0
"""Seconds that the imports may take on a busy machine."""


@contextmanager
def serving(env: Mapping[str, str]) -> Iterator[str]:
    """Have a warm process, for as long as the context lasts.

    Args:
        env: the variables of the kernels to come (`kernels.environment`).

    Yields:
        What `VARIABLE` has to be where kernels are to be started from it; empty where that cannot
        be.
    """
    if sys.platform != "linux":
        yield ""
        return
    with tempfile.TemporaryDirectory(prefix="mi-course-warm-") as folder:
        address = str(Path(folder, "socket"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen(64)
            process = subprocess.Popen(
                [sys.executable, warm_process.__file__, str(listener.fileno())],
                env={name: value for name, value in env.items() if name != "PYTHONPATH"},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
                start_new_session=True,  # an interrupt from the keyboard is not meant for it
            )
        try:
            yield address
        finally:
            process.communicate()  # closes its input, which ends it


class Forked:
    """A process of the warm one: what a provisioner asks of a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, pidfd: int, connection: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._pidfd = pidfd
        self._connection = connection  # when it closes, the warm process ends and buries this one

    def poll(self) -> int | None:
        """None while it runs, then -1: its exit status is known to the warm process alone."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def send_signal(self, signum: int) -> None:
        """Send a signal to it, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._pidfd], [], [], timeout)[0]:
            os.close(self._pidfd)
            self._connection.close()
            self.returncode = -1
        return self.returncode


def start(
    cmd: list[str],
    *,
    env: Mapping[str, str],
    cwd: str,
    stdout: Any = None,
    stderr: Any = None,
) -> Forked | None:
    """Have a process forked, or None where it has to start cold.

    Args:
        cmd: `PYTHON -m MODULE ARGUMENT…`.
        env: its variables, all of them.
        cwd: its folder.
        stdout: as for `subprocess.Popen`, but no pipe.
        stderr: likewise.
    """
    if not os.environ.get(VARIABLE):
        return None
    connection = socket.socket(socket.AF_UNIX)
    with open(os.devnull, "r+b") as nowhere:

        def number(stream: Any, default: int) -> int:
            if stream is None:
                return default
            if stream == subprocess.DEVNULL:
                return nowhere.fileno()
            return stream if isinstance(stream, int) else int(stream.fileno())

        fds = [nowhere.fileno(), number(stdout, 1), number(stderr, 2)]
        job = {"cmd": cmd, "env": dict(env), "cwd": str(cwd)}
        forked = _asked(connection, job, fds)
    if forked is None:
        connection.close()
    return forked


def _asked(connection: socket.socket, job: Mapping[str, Any], fds: list[int]) -> Forked | None:
    """Hand a job over; None if it is refused, or if the warm process has ended."""
    sent = json.dumps(job).encode()
    try:
        connection.settimeout(PATIENCE_S)
        connection.connect(os.environ[VARIABLE])
        socket.send_fds(connection, [len(sent).to_bytes(8, "big")], fds)
        connection.sendall(sent)
        reply, pidfds, _, _ = socket.recv_fds(connection, 65536, 1)
    except OSError:
        return None
    return Forked(json.loads(reply)["pid"], pidfds[0], connection) if pidfds else None


def provisioner(manager: Any) -> Any:
    """What starts a kernel for a manager: from the warm process if that can be, else cold."""
    from jupyter_client.provisioning import LocalProvisioner

    class WarmProvisioner(LocalProvisioner):
        async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
            known = {name: options.get(name) for name in ("env", "cwd", "stdout", "stderr")}
            others = options.keys() - known.keys() - {"kernel_id", "extra_arguments"}
            if others or known["env"] is None or known["cwd"] is None:
                return await super().launch_kernel(cmd, **options)
            self.process = start(cmd, **known)  # type: ignore[arg-type, assignment]
            if self.process is None:
                return await super().launch_kernel(cmd, **options)
            self.pid = self.pgid = self.process.pid
            self.cwd = options["cwd"]
            return self.connection_info

    return WarmProvisioner(
        kernel_id=manager.kernel_id, kernel_spec=manager.kernel_spec, parent=manager
    )
