"""Sessions with the debugger, run in a kernel as a reader would, and kept as text for a page.

`book/sessions/NAME.ipy` holds cells, separated by lines `# %%`. A line `#> command` after `%debug`
is what the reader types at the debugger's prompt. `python -m mi_course.book.debugger_sessions` runs
them and writes `NAME.txt` beside each; a test runs them again and compares.
"""

from __future__ import annotations

import queue
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from mi_course.book import ansi, chapters, kernels

FOLDER = chapters.BOOK / "sessions"
PATIENCE_S = 120.0


def cells(text: str) -> list[tuple[str, list[str]]]:
    """The cells of a session: code, and what is typed while it runs."""
    found = []
    for part in re.split(r"^# %%.*\n", text, flags=re.MULTILINE):
        typed = re.findall(r"^#> (.*)$", part, re.MULTILINE)
        code = re.sub(r"^#> .*\n?", "", part, flags=re.MULTILINE).strip("\n")
        if code:
            found.append((code, typed))
    return found


def record(text: str) -> str:
    """Run a session in a fresh kernel and write down what the reader sees."""
    manager = kernels.manager(blocking=True)
    seen: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        env = kernels.environment("pocket", Path(scratch), 1)
        manager.start_kernel(env=env, cwd=scratch)
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=PATIENCE_S)
            for number, (code, typed) in enumerate(cells(text), 1):
                seen.append(_shown(number, code))
                seen.append(_run(client, code, list(typed)))
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    return "\n\n".join(part for part in seen if part) + "\n"


def _shown(number: int, code: str) -> str:
    """A cell with its prompt, as IPython shows it."""
    first = f"In [{number}]: "
    lines = code.replace("\n", "\n" + "...: ".rjust(len(first))).splitlines()
    return first + "\n".join(line.rstrip() for line in lines)


def _run(client: Any, code: str, typed: list[str]) -> str:
    """Execute a cell, type the answers, and collect what is printed, in order."""
    message = client.execute(code, allow_stdin=True)
    out = ""
    while True:
        try:
            reply = client.get_iopub_msg(timeout=0.2)
        except queue.Empty:
            out += _answer(client, typed)
            continue
        if reply["parent_header"].get("msg_id") != message:
            continue
        content, kind = reply["content"], reply["msg_type"]
        if kind == "stream":
            out += content["text"]
        elif kind == "execute_result":
            out += content["data"]["text/plain"] + "\n"
        elif kind == "error":
            out += "\n".join(content["traceback"]) + "\n"
        elif kind == "status" and content["execution_state"] == "idle":
            client.get_shell_msg(timeout=PATIENCE_S)
            return _clean(out)


def _answer(client: Any, typed: list[str]) -> str:
    """Type the next line if the kernel asks for one."""
    try:
        question = client.get_stdin_msg(timeout=0.05)
    except queue.Empty:
        return ""
    line = typed.pop(0) if typed else "q"
    client.input(line)
    return f"{question['content']['prompt']}{line}\n"


def _clean(text: str) -> str:
    """Without colours, white space at the ends of lines, and what belongs to this machine."""
    text = ansi.strip(text)
    text = re.sub(r"(?:\S*/)?(?:site|dist)-packages/", "…/", text)
    text = re.sub(r"/tmp/ipykernel_\d+/\d+\.py", "<cell>", text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def names(root: Path) -> list[str]:
    """The sessions of the book."""
    return sorted(path.stem for path in (root / FOLDER).glob("*.ipy"))


def main() -> None:
    """Run every session, or those named, and write its text."""
    root = chapters.project_root()
    for name in sys.argv[1:] or names(root):
        path = root / FOLDER / f"{name}.ipy"
        path.with_suffix(".txt").write_text(record(path.read_text("utf8")), encoding="utf8")
        print(path.with_suffix(".txt").relative_to(root))


if __name__ == "__main__":
    main()
