"""Load a model, and say which weights it has.

GPT-2 is told from stand-ins by the SHA-256 of its weights, so that nothing computed from random
weights can pass for a result.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mi_course.errors import CourseError
from mi_course.models import files, gpt2, page, registry, smollm2
from mi_course.models.files import WEIGHTS, ModelFilesError
from mi_course.models.registry import Model, Part

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge


@dataclass(frozen=True)
class ModelInfo:
    """Which weights a loaded model has.

    Attributes:
        name: `pocket`, `gpt2`, or `gpt2-random` for GPT-2's shape without GPT-2's weights.
        sha256: of the weights file.
        revision: of the hub repository or of the package; empty for `pocket`.
        n_params: weights in the file, tied ones counted once.
        described: what it is, where the name does not say it.
    """

    name: str
    sha256: str
    revision: str
    n_params: int
    described: str = ""

    def __str__(self) -> str:
        name = f"{self.name} ({self.described})" if self.described else self.name
        return f"{name}: {self.n_params:,} parameters, weights {self.sha256[:12]}"


@dataclass(frozen=True)
class Choice:
    """What to load, and what was found out on the way, so that it is not found out again.

    Attributes:
        name: of the model.
        reason: in a few words; empty where the model was asked for by name.
        folder: of its files, where that is known.
        sha256: of its weights, where that is known.
        answered: whether the hub has just answered.
    """

    name: str
    reason: str = ""
    folder: Path | None = None
    sha256: str = ""
    answered: bool = False


class Files(NamedTuple):
    """A model's files, ready to be booted: their folder, or the one file that holds all of it."""

    folder: Path
    sha256: str


def _pocket_files(choice: Choice) -> Files:
    return Files(registry.POCKET_DIR, files.verify_checksums(registry.POCKET_DIR)[WEIGHTS])


def _gpt2_files(choice: Choice) -> Files:
    folder = choice.folder or gpt2.fetch(answered=choice.answered)
    return Files(folder, choice.sha256 or files.sha256(folder / WEIGHTS))


def _smollm2_files(choice: Choice) -> Files:
    return Files(smollm2.find(), registry.SMOLLM2.sha256)


LOADERS: dict[str, Callable[[Choice], Files]] = {
    "gpt2": _gpt2_files,
    "smollm2": _smollm2_files,
    "pocket": _pocket_files,
}
"""How the files of each model of the registry are had; each raises ModelFilesError."""

# What `smollm2.fold` has done before the library could.
_FOLDED_BEFORE = ("fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases")

_loaded: list[ModelInfo] = []


def load(
    name: str | None = None,
    *,
    device: str = "cpu",
    quiet: bool = False,
    needs: Iterable[Part] = (),
) -> TransformerBridge:
    """Load a model with compatibility mode on, and print one line that says which it is.

    One more says how to get the model of the notebook's page, where nobody named another one.

    Compatibility mode folds each LayerNorm into the weights that follow it and, where it subtracts
    a mean, centres the weights that write to the residual stream. The published numbers for GPT-2
    small are measured so.

    Args:
        name: `auto`, `gpt2`, `smollm2` or `pocket`; default: the variable `MI_COURSE_MODEL`, else
            `auto`. `auto` takes GPT-2 where it is cached or the hub answers within seconds and
            memory allows, else `pocket`.
        device: a PyTorch device.
        quiet: print nothing.
        needs: what the model must have, such as `learned positions`; the registry knows what a
            model lacks.

    Raises:
        ValueError: an unknown name.
        ModelFilesError: files that are damaged, or a model asked for that is not available.
        ModelLacksError: the model has not what is needed.
    """
    named = name is not None
    name = name or os.environ.get("MI_COURSE_MODEL") or "auto"
    choices = ("auto", *(model.name for model in registry.MODELS))
    if name not in choices:
        raise ValueError(f"unknown model {name!r}: choose one of {', '.join(choices)}")
    choice = choose() if name == "auto" else Choice(name)
    require(choice.name, needs)
    try:
        found = LOADERS[choice.name](choice)
    except ModelFilesError:
        if name != "auto" or choice.name == registry.DEFAULT.name:
            raise
        display = registry.named(choice.name).display
        choice = Choice(registry.DEFAULT.name, f"auto: the download of {display} failed")
        found = LOADERS[choice.name](choice)
    model = boot(found.folder, device=device)
    label = identify(registry.named(choice.name), found)
    model.mi_course_info, model.mi_course_folder = label, found.folder
    _loaded.append(label)
    if not quiet:
        print(f"Model {label}" + (f" ({choice.reason})" if choice.reason else ""))
        if registry.is_random(label.name):
            short = registry.named(choice.name).short
            print(f"These are NOT the weights of {short}: nothing computed from them is a result.")
        if not named and (line := page.difference(label.name)):
            print(line)
    return model


class ModelLacksError(CourseError, ValueError):
    """What is to be done needs a part that this model does otherwise."""


def require(name: str, needs: Iterable[Part]) -> None:
    """Refuse a model of the registry that lacks something.

    Raises:
        ModelLacksError: one sentence that says what, and names the models that have it.
    """
    model, needs = registry.named(name), tuple(needs)
    missing = [part for part in needs if part in model.lacks]
    if missing:
        have = [m.name for m in registry.MODELS if not set(needs) & set(m.lacks)]
        choices = " or ".join(f"MI_COURSE_MODEL={other}" for other in have)
        raise ModelLacksError(
            f"this needs {' and '.join(missing)}, which {model.short} does not have: "
            f"run it with {choices}"
        )


def boot(folder: Path, *, device: str = "cpu") -> TransformerBridge:
    """Boot any folder in Hugging Face's format as a `TransformerBridge` in compatibility mode.

    The bridge is in eval mode and guarded: see `mi_course.guards` for what it refuses.

    Args:
        folder: of GPT-2's architecture or of Llama's; or the one file of `smollm2`.
        device: a PyTorch device.
    """
    from mi_course.guards.bridge import guard

    if folder.is_file():
        model = _boot_file(folder, device, fold=True)
        by_library = dict.fromkeys(_FOLDED_BEFORE, False)
        model.enable_compatibility_mode(**by_library)
    else:
        model = _boot_bare(folder, device)
        model.enable_compatibility_mode()
    return guard(model)


def load_bare(model: TransformerBridge) -> TransformerBridge:
    """The library's own bridge on the weights of a loaded model: a second copy of them.

    Not in compatibility mode and not guarded. For showing what these two are good for; work on
    what `load` returns.

    Raises:
        ValueError: the model was not loaded by `load`.
    """
    info(model)
    return _boot_bare(model.mi_course_folder, "cpu")


def _boot_bare(folder: Path, device: str) -> TransformerBridge:
    from transformer_lens.model_bridge import TransformerBridge

    if folder.is_file():
        return _boot_file(folder, device, fold=False)
    with files.without_progress_bars():
        model = TransformerBridge.boot_transformers(str(folder), device=device)
    model.eval()
    return model


def _boot_file(path: Path, device: str, *, fold: bool) -> TransformerBridge:
    """Boot the file of `smollm2`, its RMSNorms folded on the way if asked for."""
    from transformer_lens.model_bridge import TransformerBridge

    model, tokenizer = smollm2.read(path)
    if fold:
        smollm2.fold(model)
    return TransformerBridge.boot_transformers(
        registry.SMOLLM2.name, hf_model=model.to(device), tokenizer=tokenizer, device=device
    ).eval()


def info(model: TransformerBridge) -> ModelInfo:
    """Which weights this model has.

    Raises:
        ValueError: the model was not loaded by `load`.
    """
    found = getattr(model, "mi_course_info", None)
    if not isinstance(found, ModelInfo):
        raise ValueError("this model was not loaded by mi_course.models.load, so it has no label")
    return found


def loaded() -> list[ModelInfo]:
    """Every model that `load` returned in this process, in order: what an output was made with."""
    return list(_loaded)


def choose() -> Choice:
    """What `auto` means here, with the reason in a few words. Takes at most 5 seconds."""
    model, default = registry.GPT2, registry.DEFAULT.name
    free = free_memory()
    if free < model.memory_bytes:
        needed = f"{model.display} needs {model.memory_bytes / 1e9:.0f}"
        return Choice(default, f"auto: {free / 1e9:.1f} GB of memory free, {needed}")
    weights = gpt2.cached()
    if weights is not None:
        digest = files.sha256(weights)
        if digest == model.sha256:
            return Choice(model.name, "auto: found in the local cache", weights.parent, digest)
        other = f"the {model.short} in the local cache has other weights than {model.display}"
        return Choice(default, f"auto: {other}")
    absent = f"auto: {model.short} is not in the local cache and"
    if gpt2.offline():
        return Choice(default, f"{absent} HF_HUB_OFFLINE is set")
    if gpt2.hub_answers():
        return Choice(model.name, "auto: the model hub answers", answered=True)
    return Choice(default, f"{absent} the model hub does not answer")


def free_memory() -> int:
    """Bytes that this process may still take: the machine's, or its container's if that is less."""
    import psutil

    free: int = psutil.virtual_memory().available
    try:  # control groups v2; Binder and most containers set their limit here
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except (OSError, ValueError):
        return free
    return min(free, int(limit) - used) if limit.isdigit() else free


def identify(model: Model, found: Files) -> ModelInfo:
    """The label of weights that were loaded as those of a model."""
    name = registry.label(model, found.sha256)
    revision = "" if registry.is_random(name) else model.revision
    one_file = found.folder.is_file()
    n_params = smollm2.N_PARAMS if one_file else _count_params(found.folder / WEIGHTS)
    described = model.in_full if model.went_through else ""
    return ModelInfo(name, found.sha256, revision, n_params, described)


def _count_params(weights: Path) -> int:
    """Numbers stored in a safetensors file, causal-mask buffers of old GPT-2 files left out."""
    from math import prod

    from safetensors import safe_open

    with safe_open(weights, framework="pt") as file:
        shapes = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
    skip = (".attn.bias", ".attn.masked_bias", "lm_head.weight")
    return sum(prod(shape) for key, shape in shapes.items() if not key.endswith(skip))
