"""Two models, one code path: GPT-2 small from the hub, and `pocket`, which ships with the course.

Both are folders in the Hugging Face format, loaded by the same call of
`TransformerBridge.boot_transformers`. GPT-2 is pinned to one revision and told from stand-ins by
the SHA-256 of its weights, so that nothing computed from random weights can pass for a result.

Source of the revision and of the checksum: `openai-community/gpt2` on the Hugging Face hub.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import psutil

from mi_course.errors import CourseError

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

POCKET_DIR = Path(__file__).parent / "pocket"
GPT2_REPO = "openai-community/gpt2"
GPT2_REVISION = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
GPT2_SHA256 = "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707"
GPT2_FILES = ["config.json", "model.safetensors", "tokenizer*", "vocab.json", "merges.txt"]
# GPT-2 in compatibility mode holds its weights twice while they are folded.
GPT2_MEMORY_BYTES = 3_000_000_000
HUB_PATIENCE_S = 4.0
CHOICES = ("auto", "gpt2", "pocket")


class ModelFilesError(CourseError, RuntimeError):
    """A model's files are missing or damaged; the message says how to mend it."""


@dataclass(frozen=True)
class ModelInfo:
    """Which weights a loaded model has.

    Attributes:
        name: `pocket`, `gpt2`, or `gpt2-random` for GPT-2's shape without GPT-2's weights.
        sha256: of the weights file.
        revision: of the hub repository; empty for `pocket`.
        n_params: weights in the file, tied ones counted once.
    """

    name: str
    sha256: str
    revision: str
    n_params: int

    def __str__(self) -> str:
        return f"{self.name}: {self.n_params:,} parameters, weights {self.sha256[:12]}"


_loaded: list[ModelInfo] = []


def load(name: str | None = None, *, device: str = "cpu", quiet: bool = False) -> TransformerBridge:
    """Load a model with compatibility mode on, and print one line that says which it is.

    Compatibility mode folds each LayerNorm into the weights that follow it and centres the weights
    that write to the residual stream. The published numbers for GPT-2 small are measured so.

    Args:
        name: `auto`, `gpt2` or `pocket`; default: the variable `MI_COURSE_MODEL`, else `auto`.
            `auto` takes GPT-2 where it is cached or the hub answers within seconds and memory
            allows, else `pocket`.
        device: a PyTorch device.
        quiet: print nothing.

    Raises:
        ValueError: an unknown name.
        ModelFilesError: files that are damaged, or GPT-2 asked for and not to be had.
    """
    name = name or os.environ.get("MI_COURSE_MODEL") or "auto"
    if name not in CHOICES:
        raise ValueError(f"unknown model {name!r}: choose one of {', '.join(CHOICES)}")
    reason = ""
    if name == "auto":
        name, reason = choose()
    try:
        folder = POCKET_DIR if name == "pocket" else fetch_gpt2()
    except ModelFilesError:
        if not reason:  # GPT-2 was asked for by name
            raise
        name, folder, reason = "pocket", POCKET_DIR, "auto: the download of GPT-2 small failed"
    if name == "pocket":
        verify_checksums(folder)
    model = boot(folder, device=device)
    found = _identify(name, folder)
    model.mi_course_info = found
    _loaded.append(found)
    if not quiet:
        print(f"Model {found}" + (f" ({reason})" if reason else ""))
        if found.name == "gpt2-random":
            print("These are NOT the weights of GPT-2: nothing computed from them is a result.")
    return model


def boot(folder: Path, *, device: str = "cpu") -> TransformerBridge:
    """Boot any GPT-2-style folder as a `TransformerBridge` in eval and compatibility mode.

    The bridge is guarded: see `mi_course.guards` for what it refuses.
    """
    from mi_course.guards import guard

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
    return _boot_bare(POCKET_DIR if info(model).name == "pocket" else fetch_gpt2(), "cpu")


def _boot_bare(folder: Path, device: str) -> TransformerBridge:
    from transformer_lens.model_bridge import TransformerBridge
    from transformers.utils import logging as hf_logging

    bars_on = hf_logging.is_progress_bar_enabled()
    hf_logging.disable_progress_bar()  # its bar flickers for a tenth of a second and says nothing
    try:
        model = TransformerBridge.boot_transformers(str(folder), device=device)
    finally:
        if bars_on:
            hf_logging.enable_progress_bar()
    model.eval()
    return model


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


def choose() -> tuple[str, str]:
    """What `auto` means here: the name, and the reason in a few words. Takes at most 5 seconds."""
    free = free_memory()
    if free < GPT2_MEMORY_BYTES:
        return "pocket", f"auto: {free / 1e9:.1f} GB of memory free, GPT-2 small needs 3"
    cached = cached_gpt2()
    if cached is not None:
        if sha256(cached) == GPT2_SHA256:
            return "gpt2", "auto: found in the local cache"
        return "pocket", "auto: the GPT-2 in the local cache has other weights than GPT-2 small"
    if _offline():
        return "pocket", "auto: GPT-2 is not in the local cache and HF_HUB_OFFLINE is set"
    if hub_answers():
        return "gpt2", "auto: the model hub answers"
    return "pocket", "auto: GPT-2 is not in the local cache and the model hub does not answer"


def cached_gpt2() -> Path | None:
    """The pinned GPT-2's weights in the local Hugging Face cache, or None."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(GPT2_REPO, "model.safetensors", revision=GPT2_REVISION)
    return Path(found) if isinstance(found, str) else None


def hub_answers(
    ask: Callable[[], object] | None = None, patience_s: float = HUB_PATIENCE_S
) -> bool:
    """Whether the model hub answers in time.

    The question runs in a daemon thread, because a name server that does not answer holds a
    request far longer than the request's own time limit, and must not hold up Python's exit either.
    """
    answered: list[bool] = []

    def question() -> None:
        try:
            (ask or _ask_hub)()
            answered.append(True)
        except Exception:  # any refusal means the same: no hub from here
            answered.append(False)

    thread = Thread(target=question, daemon=True)
    thread.start()
    thread.join(patience_s)
    return answered == [True]


def _ask_hub() -> object:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(GPT2_REPO, "config.json", revision=GPT2_REVISION)
    return get_hf_file_metadata(url, timeout=HUB_PATIENCE_S)


def fetch_gpt2() -> Path:
    """The folder of the pinned GPT-2 small, downloaded once (550 MB) into the Hugging Face cache.

    Raises:
        ModelFilesError: it is not cached and cannot be downloaded.
    """
    from huggingface_hub import snapshot_download

    cached = cached_gpt2()
    if cached is None and (_offline() or not hub_answers()):
        raise ModelFilesError(
            f"GPT-2 small is not in the local cache and the hub does not answer. {_USE_POCKET}"
        )
    try:
        return Path(
            snapshot_download(
                GPT2_REPO,
                revision=GPT2_REVISION,
                allow_patterns=GPT2_FILES,
                local_files_only=cached is not None,
            )
        )
    except Exception as error:
        raise ModelFilesError(
            f"the download of GPT-2 small failed ({type(error).__name__}). {_USE_POCKET}"
        ) from error


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "TRUE", "YES", "ON"}


_USE_POCKET = (
    "Check the connection and try again, or use the model that ships with the course: "
    "set MI_COURSE_MODEL=pocket, or call load('pocket')."
)


def verify_checksums(folder: Path) -> None:
    """Compare each file that `checksums.json` names with its SHA-256.

    Raises:
        ModelFilesError: names the first missing or damaged file.
    """
    try:
        expected = json.loads((folder / "checksums.json").read_text("utf8"))
    except (OSError, ValueError) as error:
        raise ModelFilesError(
            f"the model folder {folder.name} has no readable checksums.json: {_REINSTALL}"
        ) from error
    for file, digest in expected.items():
        path = folder / file
        if not path.is_file():
            raise ModelFilesError(f"{folder.name}/{file} is missing: {_REINSTALL}")
        if sha256(path) != digest:
            raise ModelFilesError(
                f"{folder.name}/{file} is damaged (its SHA-256 is not the one in checksums.json): "
                f"{_REINSTALL}"
            )


_REINSTALL = "install the course again, or run `mi-course train-pocket` to train the model anew"


def sha256(path: Path) -> str:
    """SHA-256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def free_memory() -> int:
    """Bytes that this process may still take: the machine's, or its container's if that is less."""
    free = psutil.virtual_memory().available
    try:  # control groups v2; Binder and most containers set their limit here
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except (OSError, ValueError):
        return free
    return min(free, int(limit) - used) if limit.isdigit() else free


def _identify(name: str, folder: Path) -> ModelInfo:
    weights = folder / "model.safetensors"
    digest = sha256(weights)
    if name == "gpt2" and digest != GPT2_SHA256:
        name = "gpt2-random"
    revision = GPT2_REVISION if name == "gpt2" else ""
    return ModelInfo(name, digest, revision, _count_params(weights))


def _count_params(weights: Path) -> int:
    """Numbers stored in a safetensors file, causal-mask buffers of old GPT-2 files left out."""
    from math import prod

    from safetensors import safe_open

    with safe_open(weights, framework="pt") as file:
        shapes = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
    skip = (".attn.bias", ".attn.masked_bias", "lm_head.weight")
    return sum(prod(shape) for key, shape in shapes.items() if not key.endswith(skip))
