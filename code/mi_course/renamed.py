"""Names that moved: for one release they still resolve, and say what they are called now.

Notebooks that learners solved import modules by name. An old name gives the module that took its
place, with a warning, so that nothing a learner wrote stops working. To be removed with 0.3.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MODULES = {
    "batching": "digits.batching",
    "bench": "benchmark.bench",
    "corpus": "english.corpus",
    "download": "digits.download",
    "engine": "folded",
    "exercises": "book.exercises",
    "export": "learner.export",
    "flops": "benchmark.flops",
    "folded_gpt2": "folded",
    "grammar": "english.grammar",
    "lens": "logit_lens",
    "mlp": "digits.mlp",
    "mlp_log": "digits.run_log",
    "mnist": "digits.mnist",
    "model_card": "pocket_training.model_card",
    "new_post": "book.new_post",
    "pieces": "microbatches",
    "progress": "learner.progress",
    "quality": "pocket_training.quality",
    "stand_ins": "replacements",
    "streams": "prompt_streams",
    "symptoms": "digits.symptoms",
    "tokenizer": "pocket_training.tokenizer",
    "training": "pocket_training.training",
    "training_log": "pocket_training.training_log",
    "training_metrics": "pocket_training.metrics",
    "verify": "reference.verify",
    "weeklog": "learner.weeklog",
    "words": "english.words",
}
"""Modules of version 0.1 by their old name: where each is now, both below `mi_course`."""


class _OldNames(MetaPathFinder, Loader):
    """Finds a module of the package by its old name."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, old = name.partition(".")
        if package != "mi_course" or old not in MODULES:
            return None
        return ModuleSpec(name, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        old = spec.name.partition(".")[2]
        _warn(f"mi_course.{old}", f"mi_course.{MODULES[old]}")
        module = importlib.import_module(f"mi_course.{MODULES[old]}")
        self._true = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just written the old name into a module that has one of its own.
        module.__spec__ = self._true


def install() -> None:
    """Let old names of modules resolve; asked last, so that no module of today is hidden."""
    if not any(isinstance(finder, _OldNames) for finder in sys.meta_path):
        sys.meta_path.append(_OldNames())


def attributes(module: str, now: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` for functions that have other names now.

    Args:
        module: its `__name__`.
        now: today's name of each old one; `heads.head_name` for what moved to `mi_course.heads`.
    """

    def find(name: str) -> Any:
        if name not in now:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        folder, _, today = now[name].rpartition(".")
        home = f"mi_course.{folder}" if folder else module
        _warn(f"{module}.{name}", f"{home}.{today}")
        return getattr(importlib.import_module(home), today)

    return find


def _warn(old: str, new: str) -> None:
    warnings.warn(f"{old} is called {new} now", FutureWarning, stacklevel=3)
