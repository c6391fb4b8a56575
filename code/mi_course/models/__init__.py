"""The models of the course, one code path: GPT-2 small, `smollm2`, and `pocket`, which ships.

GPT-2 and `pocket` are folders in the Hugging Face format, `smollm2` is one file of another
package; all become a `TransformerBridge` in compatibility mode. A new one is an entry in
`registry` and a loader in `loading`. Importing this package imports nothing that computes or asks
the network.
"""

from mi_course.models.files import ModelFilesError, sha256, verify_checksums
from mi_course.models.gpt2 import cached as cached_gpt2
from mi_course.models.gpt2 import fetch as fetch_gpt2
from mi_course.models.gpt2 import hub_answers
from mi_course.models.loading import (
    Choice,
    ModelInfo,
    ModelLacksError,
    boot,
    choose,
    free_memory,
    info,
    load,
    load_bare,
    loaded,
    require,
)
from mi_course.models.page import page_shows
from mi_course.models.registry import GPT2, POCKET, POCKET_DIR, SMOLLM2

GPT2_REPO, GPT2_REVISION, GPT2_SHA256 = GPT2.source, GPT2.revision, GPT2.sha256

__all__ = [
    "GPT2",
    "GPT2_REPO",
    "GPT2_REVISION",
    "GPT2_SHA256",
    "POCKET",
    "POCKET_DIR",
    "SMOLLM2",
    "Choice",
    "ModelFilesError",
    "ModelInfo",
    "ModelLacksError",
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
    "page_shows",
    "require",
    "sha256",
    "verify_checksums",
]
