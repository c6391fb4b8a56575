"""The command `mi-course`: `main` takes the command line apart, the other modules do the work."""

from mi_course.cli.main import main

__all__ = ["main"]
