"""The models of the course, one code path: GPT-2 small from the hub, and `pocket`, which ships.

All are folders in the Hugging Face format, loaded by the same call of
`TransformerBridge.boot_transformers`. A new one is an entry in `registry` and a
loader in `loading`. Importing this package imports nothing that computes or asks the network.
"""

from mi_course.models.files import ModelFilesError, sha256, verify_checksums
from mi_course.models.gpt2 import cached as cached_gpt2
from mi_course.models.gpt2 import fetch as fetch_gpt2
from mi_course.models.gpt2 import hub_answers
from mi_course.models.loading import (
    Choice,
    ModelInfo,
    boot,
    choose,
    free_memory,
    info,
    load,
    load_bare,
    loaded,
)
from mi_course.models.registry import GPT2, POCKET, POCKET_DIR

GPT2_REPO, GPT2_REVISION, GPT2_SHA256 = GPT2.source, GPT2.revision, GPT2.sha256

__all__ = [
    "GPT2",
    "GPT2_REPO",
    "GPT2_REVISION",
    "GPT2_SHA256",
    "POCKET",
    "POCKET_DIR",
    "Choice",
    "ModelFilesError",
    "ModelInfo",
    "boot",
    "cached_gpt2",
    "choose",
    "fetch_gpt2",
    "free_memory",
    "hub_answers",
    "info",
    "load",
    "load_bare",
    "loaded",
    "sha256",
    "verify_checksums",
]
