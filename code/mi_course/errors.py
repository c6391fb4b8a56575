"""The base of every error that is meant for the person who reads it.

It imports nothing, so that any module can derive from it and the command starts at once.
"""


class CourseError(Exception):
    """Something that the reader can put right.

    The message is a sentence, or a few, that say what was wrong, what was expected and what to do:
    `mi-course` prints it without a traceback. A class of errors derives from this one and, where
    a built-in class fits as well, from that: `class ChapterError(CourseError, ValueError)`. An
    error of the program itself is no `CourseError` and keeps its traceback.
    """
