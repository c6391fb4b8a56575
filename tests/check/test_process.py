"""Whatever an answer does, its check ends in a sentence and the next check works."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import textwrap
import threading
import time

import psutil
import pytest
import torch
from IPython.core.autocall import ExitAutocall

from mi_course import check
from mi_course.check import process
from support.outside import ROOT

pytestmark = pytest.mark.usefixtures("short_limits")


def right(tokens):
    return dict(itertools.pairwise(tokens)).get(tokens[-1]) if tokens else None


def verdict(answer):
    return check.continue_pattern(answer)


def endless(tokens):
    while True:
        pass


def crashes(tokens):
    os._exit(3)


def is_killed(tokens):
    import ctypes

    ctypes.string_at(0)


def exits(tokens):
    sys.exit()


def eats_memory(tokens):
    eaten = []
    while True:
        eaten.append(torch.ones(2**22))


leave = ExitAutocall()  # what `exit` is in a notebook: it ends the kernel


def exits_as_in_a_notebook(tokens):
    leave()


def asks(tokens):
    return input("which? ")


def debugs(tokens):
    breakpoint()


def generator(tokens):
    yield right(tokens)


def returns_a_class(tokens):
    return torch.nn.Linear


class Odd:
    def __eq__(self, other):
        raise RuntimeError("never compare me")


def returns_something_odd(tokens):
    return Odd()


def interrupts_itself_in_c(tokens):
    return sum(itertools.repeat(0))  # endless, and within C


ACCIDENTS = [
    (endless, "did not finish within 1 seconds: does a loop never stop?"),
    (interrupts_itself_in_c, "did not finish within 1 seconds"),
    (crashes, "ended the whole Python process (exit code 3)"),
    (is_killed, "crashed Python itself"),
    (exits, "SystemExit, which ends Python: return instead"),
    (exits_as_in_a_notebook, "SystemExit, which ends Python: return instead"),
    (eats_memory, "used more than 300 MiB of memory"),
    (asks, "input() does not work within a check"),
    (debugs, "call your function in a cell of its own"),
    (generator, "generator"),
    (returns_a_class, "your function returns <class"),
    (returns_something_odd, "never compare me"),
    (lambda: 0, "TypeError"),
]


@pytest.mark.parametrize(("answer", "words"), ACCIDENTS, ids=lambda a: getattr(a, "__name__", ""))
def test_an_accident_ends_in_a_sentence_and_the_next_check_works(answer, words):
    found = verdict(answer)
    assert not found.passed
    assert words in found.message
    assert len(found.message) < 400
    assert verdict(right).passed


def test_a_passing_check_adds_less_than_50_ms_after_the_first():
    verdict(right)

    def once():
        start = time.perf_counter()
        verdict(right)
        return time.perf_counter() - start

    assert min(once() for _ in range(10)) < 0.050  # the least: other processes run beside this


def test_two_checks_share_one_process():
    verdict(right)
    before = process._worker.process.pid
    verdict(lambda tokens: None)
    assert process._worker.process.pid == before


def doubled(given):
    return [2 * number() for number in given]


def test_the_other_process_computes_with_a_learners_functions():
    reply = process.compute(doubled, [lambda: 1, lambda: 21])
    assert (reply["state"], reply["value"]) == ("done", [2, 42])


@pytest.mark.parametrize(
    ("function", "words"),
    [(endless, "did not finish"), (lambda tokens: os._exit(3), "ended the whole Python process")],
)
def test_what_computes_for_too_long_or_ends_is_told(function, words):
    reply = process.compute(doubled, [lambda: function(())])
    assert reply["state"] != "done"
    assert words in reply["message"]


def test_an_error_in_what_computes_is_raised_here():
    with pytest.raises(process.NotSendable, match="ZeroDivisionError"):
        process.compute(doubled, [lambda: 1 / 0])


def test_threads_and_processes_left_behind_are_ended():
    def leaves_a_thread(tokens):
        threading.Thread(target=endless, args=(tokens,)).start()
        return right(tokens)

    verdict(right)
    before = process._worker.process
    assert verdict(leaves_a_thread).passed
    assert before.poll() is not None

    def starts_a_process(tokens):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(77.7)"])
        endless(tokens)

    assert not verdict(starts_a_process).passed
    commands = [p.info["cmdline"] or [] for p in psutil.process_iter(["cmdline"])]
    assert not any("time.sleep(77.7)" in " ".join(command) for command in commands)


def test_an_interrupt_ends_the_check_and_the_next_one_works():
    def interrupted(tokens):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verdict(interrupted)
    assert verdict(right).passed


SCRIPT = """
import os, sys
from mi_course import check

def answer(tokens):
    return dict(zip(tokens, tokens[1:])).get(tokens[-1]) if tokens else None

verdict = check.continue_pattern(answer)
from mi_course.check import process
print(process._worker.process.pid)
"""


def test_a_plain_script_needs_no_main_guard_and_leaves_no_process(tmp_path):
    script = tmp_path / "answer.py"
    script.write_text(SCRIPT)
    env = os.environ | {"PYTHONPATH": str(ROOT / "code"), "MI_COURSE_HOME": str(tmp_path / "home")}
    env.pop("MI_COURSE_PROGRESS")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=env, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert not psutil.pid_exists(int(done.stdout.split()[-1]))
    record = json.loads((tmp_path / "home/passed/continue_pattern.json").read_text())
    assert record["exercise"] == "continue_pattern"


GONE = """
import os, tempfile
from mi_course import check
from mi_course.check import process

def answer(tokens):
    return dict(zip(tokens, tokens[1:])).get(tokens[-1]) if tokens else None

def leave():
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.rmdir(folder)

if {warm} and not check.continue_pattern(answer):
    sys.exit("the first check did not pass")
leave()
if not check.continue_pattern(answer) or process._worker is None:
    sys.exit("the check did not pass, or not in its process")
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the folder that one is in")
@pytest.mark.parametrize("warm", [pytest.param(False, marks=pytest.mark.slow), True])
def test_an_answer_is_checked_where_its_folder_is_gone(tmp_path, warm):
    env = os.environ | {"PYTHONPATH": str(ROOT / "code")}
    script = tmp_path / "answer.py"
    script.write_text(GONE.format(warm=warm))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=env, timeout=120
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_what_a_model_takes_is_imported_before_an_answer_asks_for_it():
    imported = "'mi_course.guards.bridge' in __import__('sys').modules"
    process.stop()
    assert process.compute(eval, imported)["value"] is False
    process.warm(models=True)
    assert process.compute(eval, imported)["value"] is True
    assert verdict(right).passed


def test_a_killed_notebook_leaves_no_process_behind(tmp_path):
    code = textwrap.dedent(SCRIPT) + "\nimport time\nsys.stdout.flush()\ntime.sleep(100)\n"
    env = os.environ | {"PYTHONPATH": str(ROOT / "code")}
    notebook = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env)
    assert notebook.stdout is not None
    notebook.stdout.readline()
    child = psutil.Process(int(notebook.stdout.readline()))
    notebook.kill()
    notebook.wait()
    notebook.stdout.close()
    child.wait(timeout=10)
