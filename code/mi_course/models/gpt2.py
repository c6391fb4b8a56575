"""GPT-2 small, pinned to one revision: in the local Hugging Face cache, or from the hub."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from mi_course.models.files import WEIGHTS, ModelFilesError
from mi_course.models.registry import GPT2

FILES = ["config.json", WEIGHTS, "tokenizer*", "vocab.json", "merges.txt"]
HUB_PATIENCE_S = 4.0

_USE_POCKET = (
    "Check the connection and try again, or use the model that ships with the course: "
    "set MI_COURSE_MODEL=pocket, or call load('pocket')."
)


def cached() -> Path | None:
    """The pinned weights in the local Hugging Face cache, or None."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(GPT2.source, WEIGHTS, revision=GPT2.revision)
    return Path(found) if isinstance(found, str) else None


def offline() -> bool:
    """Whether the user forbade asking the hub."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "TRUE", "YES", "ON"}


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

    url = hf_hub_url(GPT2.source, "config.json", revision=GPT2.revision)
    return get_hf_file_metadata(url, timeout=HUB_PATIENCE_S)


def fetch(*, answered: bool = False) -> Path:
    """The folder of the pinned GPT-2 small, downloaded once (550 MB) into the Hugging Face cache.

    Args:
        answered: the hub has just answered, and is not asked again whether it does.

    Raises:
        ModelFilesError: it is not cached and cannot be downloaded.
    """
    from huggingface_hub import snapshot_download

    here = cached() is not None
    if not here and not answered and (offline() or not hub_answers()):
        raise ModelFilesError(
            f"{GPT2.display} is not in the local cache and the hub does not answer. {_USE_POCKET}"
        )
    try:
        return Path(
            snapshot_download(
                GPT2.source,
                revision=GPT2.revision,
                allow_patterns=FILES,
                local_files_only=here,
            )
        )
    except Exception as error:
        raise ModelFilesError(
            f"the download of {GPT2.display} failed ({type(error).__name__}). {_USE_POCKET}"
        ) from error
