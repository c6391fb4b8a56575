"""A kernel that is forked from the warm process gives what one that is started cold gives."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from mi_course.book import kernels, run, warm_process, warm_start

linux = pytest.mark.skipif(sys.platform != "linux", reason="NOT RUN: kernels start cold here")

# What a chapter may find out about its process, after the imports that most chapters make. Three
# variables differ from run to run.
CELLS = """import os, random, signal, sys, warnings
import numpy, torch, transformer_lens.model_bridge
print(torch.Generator().initial_seed())
torch.manual_seed(3); random.seed(3); numpy.random.seed(3)
print(torch.rand(2), random.random(), numpy.random.rand())
---
print(torch.get_num_threads(), torch.get_num_interop_threads(), torch.is_grad_enabled())
print(torch.get_default_dtype(), numpy.get_printoptions()["precision"])
---
hidden = {"JPY_PARENT_PID", "IPYTHONDIR", "MI_COURSE_WARM_START"}
print(sorted((k, len(v)) for k, v in os.environ.items() if k not in hidden))
print(os.environ["OMP_NUM_THREADS"], os.getcwd() in sys.path, os.listdir())
print([p.split("/")[-1] for p in sys.path], sys.argv[0].split("/")[-1], len(sys.argv))
---
print([m for m in sys.modules if m.startswith("mi_course")])
import mi_course.glue
print(sorted(m for m in sys.modules if m.startswith("mi_course")))
---
print(sys.modules["__main__"].__dict__ is globals(), __name__)
print([signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE)])
print(sorted({(f[0], f[1].pattern) for f in warnings.filters if f[1]}))
print(sys.stdin.isatty(), sys.flags, os.getppid() == int(os.environ["JPY_PARENT_PID"]))
---
import multiprocessing, subprocess, threading
print(subprocess.run([sys.executable, "-c", "print(7)"], capture_output=True, text=True).stdout)
print(threading.main_thread() is threading.current_thread(), multiprocessing.parent_process())
"""


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """As `make test` has it: the warm process, which started before, has the same."""
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))


def printed(source=CELLS):
    """What the cells print in a kernel of their own."""
    cells = [nbformat.v4.new_code_cell(code) for code in source.split("\n---\n")]
    notebook = nbformat.v4.new_notebook(cells=cells)

    async def execute():
        async with run.running_kernel(notebook, "pocket", None) as client:
            for i, code_cell in enumerate(notebook.cells):
                await client.async_execute_cell(code_cell, i)

    asyncio.run(execute())
    return ["".join(out.text for out in code_cell.outputs) for code_cell in notebook.cells]


@pytest.fixture
def started(monkeypatch):
    """The processes that were asked of the warm one, None for those that it refused."""
    found = []
    start = warm_start.start

    def noted(*args, **options):
        found.append(start(*args, **options))
        return found[-1]

    monkeypatch.setattr(warm_start, "start", noted)
    return found


@pytest.mark.slow
@linux
def test_a_forked_kernel_prints_what_a_cold_one_prints(started, request):
    cold = printed()
    assert started == []
    request.getfixturevalue("warm")
    forked = printed()
    assert "\n".join(forked) == "\n".join(cold)
    assert [type(one) for one in started] == [warm_start.Forked]
    assert started[0].poll() is not None  # its end was noticed


@pytest.mark.slow
@linux
@pytest.mark.usefixtures("warm")
def test_what_is_drawn_by_chance_differs_between_kernels(started):
    source = """import random, numpy, torch
print(random.random())
---
print(numpy.random.rand())
---
print(torch.rand(1).item())"""
    first, second = printed(source), printed(source)
    assert None not in started
    assert [a == b for a, b in zip(first, second, strict=True)] == [False] * 3


@linux
@pytest.mark.usefixtures("warm")
def test_each_kernel_has_the_package_of_its_own_path(started, tmp_path, monkeypatch):
    package = tmp_path / "other" / "mi_course"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("name = 'another'\n")
    monkeypatch.setattr(kernels, "PACKAGE", package)
    assert printed("import mi_course\nprint(mi_course.name)") == ["another\n"]
    assert None not in started


@linux
@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "HF_HUB_OFFLINE", "PYTHONHASHSEED"])
def test_with_another_environment_a_kernel_starts_cold(started, monkeypatch, name):
    monkeypatch.setenv(name, "2")
    assert printed(f"import os\nprint(os.environ[{name!r}])") == ["2\n"]
    assert started == [None]


@linux
@pytest.mark.usefixtures("warm")
def test_a_kernel_can_be_interrupted_and_killed(started, tmp_path):
    manager = kernels.manager(blocking=True)
    env = kernels.environment("pocket", tmp_path)
    manager.start_kernel(env=env, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    asked = client.execute("import time\ntime.sleep(60)")
    while client.get_iopub_msg(timeout=60)["msg_type"] != "execute_input":
        pass
    manager.interrupt_kernel()
    while (reply := client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != asked:
        pass
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    (process,) = started
    assert manager.is_alive()
    process.kill()
    assert process.wait(timeout=30) == -1
    assert not manager.is_alive()
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    assert not _runs(process.pid)


def _runs(pid):
    """Whether a process runs, given a moment to end."""
    end = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return psutil.pid_exists(pid)


@linux
def test_kernels_end_with_the_warm_process(monkeypatch, tmp_path):
    monkeypatch.setattr(warm_process, "__file__", _without_imports(tmp_path))
    env = {**os.environ}
    with warm_start.serving(env) as address:
        monkeypatch.setenv(warm_start.VARIABLE, address)
        command = [sys.executable, "-m", "timeit", "-n1", "import time; time.sleep(60)"]
        process = warm_start.start(command, env=env, cwd="/", stdout=subprocess.DEVNULL)
        assert process.poll() is None
    assert process.wait(timeout=30) == -1
    assert not _runs(process.pid)


def _without_imports(folder):
    """The warm process's script, with nothing to import but for one module."""
    source = Path(warm_process.__file__).read_text("utf8")
    script = folder / "warm_process.py"
    script.write_text(
        re.sub(r"^PRELOADED = \(.*?^\)", "PRELOADED = ('json',)", source, flags=re.M | re.S)
    )
    return str(script)


@pytest.mark.parametrize("broken", ["no such platform", "it ends at once"])
def test_where_nothing_can_be_forked_kernels_start_as_ever(started, monkeypatch, tmp_path, broken):
    if broken == "it ends at once":
        (tmp_path / "ends.py").write_text("raise SystemExit('an import started a thread')")
        monkeypatch.setattr(warm_process, "__file__", str(tmp_path / "ends.py"))
    else:
        monkeypatch.setattr(sys, "platform", "darwin")
    with warm_start.serving(dict(os.environ)) as address:
        monkeypatch.setenv(warm_start.VARIABLE, address)
        assert printed("print(1)") == ["1\n"]
    assert started in ([], [None])


def job(tmp_path, **env):
    return warm_process.Job([sys.executable, "-m", "ipykernel_launcher"], env, str(tmp_path))


@pytest.mark.parametrize(
    ("mine", "theirs", "why"),
    [
        ({}, {"MI_COURSE_MODEL": "gpt2", "JPY_PARENT_PID": "1"}, ""),
        ({}, {"OMP_NUM_THREADS": "1"}, "another MKL_NUM_THREADS, OMP_NUM_THREADS, OPENBLAS_"),
        ({"OMP_NUM_THREADS": "1"}, {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}, ""),
        ({"OMP_NUM_THREADS": "1"}, {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "2"}, "MKL_NUM"),
        ({"HF_HOME": "/a"}, {}, "another HF_HOME"),
    ],
)
def test_variables_that_an_import_may_have_read_must_agree(tmp_path, mine, theirs, why):
    found = warm_process.why_cold(job(tmp_path, **theirs), mine, ["torch"])
    assert why in found
    assert bool(why) == bool(found)


@pytest.mark.parametrize("name", ["torch", "numpy.py", "sitecustomize.py"])
def test_a_module_on_the_path_that_is_imported_already_means_a_cold_start(tmp_path, name):
    asked = job(tmp_path, PYTHONPATH=str(tmp_path))
    loaded = ["torch", "torch.nn", "numpy", "mi_course.glue"]
    (tmp_path / "mi_course").mkdir()
    assert warm_process.why_cold(asked, {}, loaded) == ""
    (tmp_path / name).mkdir()
    assert f"{name} in {tmp_path}" in warm_process.why_cold(asked, {}, loaded)


def test_only_this_python_s_modules_are_forked(tmp_path):
    other = warm_process.Job(["/usr/bin/python3", "-m", "ipykernel_launcher"], {}, "/")
    code = warm_process.Job([sys.executable, "-c", "1"], {}, "/")
    assert warm_process.why_cold(other, {}, []) == warm_process.why_cold(code, {}, []) != ""
