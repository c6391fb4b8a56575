"""What a chapter needs that a machine may lack, named in its front matter: `needs: mnist`.

Without it the chapter still runs, on something that stands in for it. But its outputs are then none
to store, nor to compare with those that are stored: it counts as not run, with the reason.
"""

from __future__ import annotations

from pathlib import Path

from mi_course.book import chapters


def missing(chapter: Path) -> str | None:
    """Why a run of this chapter here would not give its stored outputs; None where it would.

    Args:
        chapter: the `.md` file.

    Raises:
        ChapterError: it names something that is not known.
    """
    need = chapters.read(chapter).metadata.get("needs")
    if need is None:
        return None
    if need != "mnist":
        raise chapters.ChapterError(f"{chapter}: needs: {need!r}, expected mnist")
    from mi_course.digits import mnist

    return mnist.why_absent()
