"""The process that a chapter runs in: this very Python, in an empty folder, and quiet.

No kernel specification is looked up: one that another environment installed under the name
`python3` would run the chapter with other packages. What a chapter can see of the machine is kept
small (working folder, width of the terminal, colours, start-up files): outputs must not hold it.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from mi_course.book import store

PACKAGE = Path(__file__).resolve().parents[1]

# Asks a kernel, after a chapter's last cell, what it was run with. It imports nothing: a chapter
# that loaded no model has no model.
PROBE = """
import hashlib, json, pathlib, sys
_models = sys.modules.get("mi_course.models")
_files = {
    name: module.__file__ for name, module in sorted(sys.modules.items())
    if name.partition(".")[0] == "mi_course" and getattr(module, "__file__", None)
}
print(json.dumps({
    "models": [
        {"name": m.name, "sha256": m.sha256, "revision": m.revision}
        for m in (_models.loaded() if _models else [])
    ],
    "modules": {
        name: hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest()
        for name, file in _files.items()
    },
}))
"""


def environment(model: str, scratch: Path, threads: int | None = None) -> dict[str, str]:
    """Environment variables for a kernel.

    Args:
        model: what `MI_COURSE_MODEL` says.
        scratch: an empty folder, for IPython's own files.
        threads: for torch and BLAS, where the caller's environment does not say.
    """
    env = dict(os.environ)
    paths = [str(PACKAGE.parent), *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    env |= {
        "MI_COURSE_MODEL": model,
        "MI_COURSE_PROGRESS": "off",  # the chapters' own solutions are no learner's progress
        "MI_COURSE_ANSWERS": "solutions",  # and `yours` does not call them a reader's
        # absolute, since the kernel works in another folder
        "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in paths),
        "IPYTHONDIR": str(scratch / ".ipython"),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TQDM_DISABLE": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        # tqdm warns where ipywidgets is not installed: that says something of the machine only
        "PYTHONWARNINGS": ",".join(
            filter(None, [env.get("PYTHONWARNINGS"), "ignore:IProgress not found"])
        ),
    }
    if threads is not None:
        for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            env.setdefault(variable, str(threads))
    return env


def manager(blocking: bool = False) -> Any:
    """A kernel manager whose kernel is the Python that runs now.

    Args:
        blocking: Jupyter's manager for code that does not `await`; nbclient needs the other.
    """
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager, KernelManager

    km = (KernelManager if blocking else AsyncKernelManager)(kernel_name="python3")
    km._kernel_spec = KernelSpec(resource_dir="", **get_kernel_dict())
    return km


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that outputs depend on, as far as they are installed.

    Without a build's suffix: `2.13.0+cpu` and `2.13.0` are one release.
    """
    found = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for package in store.VERSIONED:
        try:
            found[package] = metadata.version(package).partition("+")[0]
        except metadata.PackageNotFoundError:
            continue
    return found


def parse_probe(printed: str) -> dict[str, Any]:
    """What `PROBE` printed: the models loaded, and the checksum of each module of the package."""
    found = json.loads(printed.strip().splitlines()[-1])
    return {"models": found["models"], "modules": found["modules"]}
