"""The base of every error that is meant for the person who reads it, and the system's in words.

It imports nothing of the package, so that any module can derive from it and the command starts at
once.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike


class CourseError(Exception):
    """Something that the reader can put right.

    The message is a sentence, or a few, that say what was wrong, what was expected and what to do:
    `mi-course` prints it without a traceback. A class of errors derives from this one and, where
    a built-in class fits as well, from that: `class ChapterError(CourseError, ValueError)`. An
    error of the program itself is no `CourseError` and keeps its traceback.
    """


_SYSTEM = {
    errno.ENOSPC: "no space left on the disk for {}: make room there, then try again",
    getattr(
        errno, "EDQUOT", -1
    ): "no space left for you on the disk of {}: make room there, then try again",
    errno.EFBIG: "{} would be larger than your system lets it be: write to another place",
    errno.EROFS: "{} is on a disk that can only be read: choose another folder, with --into or, "
    "for your progress and logs, with the variable MI_COURSE_HOME",
    errno.EACCES: "no permission to use {}: choose another folder, with --into or, for your "
    "progress and logs, with the variable MI_COURSE_HOME",
    errno.EISDIR: "{} is a folder, and a file is needed: name a file in it",
    errno.ENOTDIR: "{} is or lies below a file, and a folder is needed: name another one",
    errno.EEXIST: "{} is there already, and it is no folder: name another one",
    errno.ENOENT: "{} does not exist: look at the name",
    errno.ENAMETOOLONG: "{} is too long a name for your system: choose a shorter one",
    errno.ELOOP: "{} is a link that leads back to itself: name another file",
    errno.EIO: "the disk failed at {}: copy what is on it to another one, then try again",
    errno.EBUSY: "another program uses {}: close it, then try again",
    errno.EMFILE: "too many files are open for {}: close other programs, then try again",
    errno.ENFILE: "too many files are open for {}: close other programs, then try again",
}
_SYSTEM[errno.EPERM] = _SYSTEM[errno.EACCES]
_SYSTEM[getattr(errno, "EDQUOT", errno.ENOSPC)] = _SYSTEM[errno.ENOSPC]
_GONE = "the folder that you are in does not exist any more: go to another one with cd"


def system_error(error: OSError) -> str | None:
    """What the system refused, in words, or None where it is nothing that a reader can put right.

    Errors of the network are `OSError`s too, without a number that is known here.
    """
    if error.errno == errno.ENOENT and error.filename is None:
        return _GONE
    sentence = _SYSTEM.get(error.errno or 0)
    path = error.filename2 or error.filename
    return sentence and sentence.format(path if path is not None else "what was to be written")


@contextmanager
def naming(path: PathLike[str]) -> Iterator[None]:
    """Let an error of the system name the file that was meant, not one on the way to it."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
