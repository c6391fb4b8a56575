"""The command `mi-course`: one subcommand for each thing that one does with the course.

What a subcommand needs is imported when it is called, so that `mi-course --help` answers at once
and works where torch is not installed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from mi_course.cli import author, claims, learner, mystery, notebooks, proof, train
from mi_course.errors import CourseError, system_error
from mi_course.learner import console


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; errors that the user can mend are one sentence, without a traceback.

    Returns:
        The exit code: 0, 1 for a failure, 2 for a wrong command line, 130 for an interruption.
    """
    console.prepare()
    args = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = args.command
    try:
        code = command(args)
        if sys.stdout is not None:
            sys.stdout.flush()  # a disk that is full is noticed here, not when Python ends
        return code
    except KeyboardInterrupt:
        print("mi-course: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has gone: `mi-course status | head`
        _leave_the_output()
        return 1
    except CourseError as error:
        return _failed(str(error))
    except OSError as error:
        sentence = system_error(error)
        if sentence is None:
            raise
        if error.filename is None:  # it may be the output itself: `mi-course progress > /dev/full`
            _leave_the_output()
        return _failed(sentence)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.startswith("mi_course"):
            raise
        return _failed(
            f"{missing} is not installed. Install the course with everything it needs: "
            "`make test` in its folder does, or see its README."
        )


def _leave_the_output() -> None:
    """Let what was not written yet go nowhere, or Python would try it again at its end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failed(message: str) -> int:
    print(f"mi-course: {message}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mi-course",
        description="A hands-on course in mechanistic interpretability.",
        epilog="mi-course COMMAND --help explains a command.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in (notebooks, learner, mystery, author, claims, proof, train):
        group.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
