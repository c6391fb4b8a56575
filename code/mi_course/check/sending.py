"""How a learner's function travels to the process that checks it.

cloudpickle sends functions and classes of a notebook by value, with the names they use. Modules of
the learner's own are sent by value too, so that an edit of `my_code.py` counts at once. A model of
the course is sent by its name and loaded on the other side: GPT-2 small weighs 500 MB. `smollm2` is
not sent: an answer that uses it is judged where it is loaded already.
"""

from __future__ import annotations

import io
import pickle
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import cloudpickle
import torch

from mi_course.check import accidents
from mi_course.models import registry

IMPORT_MODELS = b""
"""Sent in the place of a job: import what a model takes, and answer nothing."""


class Pickler(cloudpickle.Pickler):
    """cloudpickle's, with the exceptions that the module's opening tells."""

    def reducer_override(self, obj: Any) -> Any:
        """How a thing is sent that is not sent as cloudpickle would."""
        if any(kind.__name__ == "ExitAutocall" for kind in type(obj).__mro__):
            return _exit_of_python, ()
        label = getattr(type(obj), "_modules", None) is None and getattr(obj, "__dict__", {}).get(
            "mi_course_info"
        )
        model = registry.of_label(label.name) if label else None
        if model == registry.SMOLLM2:
            raise pickle.PicklingError("checks do not load smollm2 a second time")
        if model:
            return _model, (model.name,)
        return super().reducer_override(obj)


def dumps(thing: Any, pickler: type[Pickler] = Pickler) -> bytes:
    """Pickle what a check needs.

    Raises:
        Exception: whatever says that it cannot be pickled.
    """
    buffer = io.BytesIO()
    with _own_modules_by_value():
        pickler(buffer).dump(thing)
    return buffer.getvalue()


def _exit_of_python() -> Callable[..., Any]:
    """What a notebook's own `exit` and `quit` become: those would end the notebook's kernel."""
    return sys.exit


_loaded: dict[str, tuple[Any, Any]] = {}
"""Models that were loaded in this process, by name, each with its state when it was new."""
_used: set[str] = set()
"""Those that the present answer uses."""


def _model(name: str) -> Any:
    """The model on the other side; it is kept, since a later answer may use it too."""
    if name not in _loaded:
        from mi_course import models  # here: seconds of imports that most answers do without

        model = models.load(name, quiet=True)
        _loaded[name] = model, _state(model)
    _used.add(name)
    return _loaded[name][0]


def tidy_models() -> None:
    """After an answer: no hooks are left in a model, and one that was changed is forgotten."""
    for name in _used:
        model, before = _loaded[name]
        model.reset_hooks()
        if _state(model) != before:
            del _loaded[name]
    _used.clear()


def _state(model: Any) -> tuple[Any, ...]:
    """What an answer may change in a model: its weights, its mode, the flags that it runs with."""
    weights = [
        zlib.crc32(weight.detach().contiguous().view(-1).view(torch.uint8).numpy())
        for weight in model.state_dict().values()
    ]
    trained = [weight.requires_grad for weight in model.parameters()]
    modes = [module.training for module in model.modules()]
    return weights, trained, modes, {name: str(value) for name, value in vars(model.cfg).items()}


@contextmanager
def _own_modules_by_value() -> Iterator[None]:
    registered = []
    for module in list(sys.modules.values()):
        if _is_own(module):
            cloudpickle.register_pickle_by_value(module)
            registered.append(module)
    try:
        yield
    finally:
        for module in registered:
            cloudpickle.unregister_pickle_by_value(module)


def _is_own(module: ModuleType) -> bool:
    """Whether the learner wrote this module: it lies outside of every installation."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or module.__name__ == "__main__":
        return False
    return sys.modules.get(module.__name__) is module and accidents.is_own(file)
