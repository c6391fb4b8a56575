"""A learner's own research, in a form of which a program can check a part: `research.check`."""

from mi_course.research.report import Measured, Report, ResearchError
from mi_course.research.review import Review, check

__all__ = ["Measured", "Report", "ResearchError", "Review", "check"]
