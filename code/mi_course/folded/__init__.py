"""Fast forward passes of models in compatibility mode: only what a patch can change is computed.

`of(model)` gives the folded model of a bridge (`kept`). `engine` is the same for all of them;
`gpt2` and `llama` hold what differs. `patching`, `path_patching` and `ablation` rest on it.
"""

from mi_course import renamed
from mi_course.folded.engine import Block, Folded, Run, UnknownModelError, attend, propagate
from mi_course.folded.gpt2 import FoldedGPT2
from mi_course.folded.kept import of
from mi_course.folded.llama import FoldedLlama

__getattr__ = renamed.attributes(__name__, {"Plain": "FoldedGPT2", "plain": "of"})

__all__ = [
    "Block",
    "Folded",
    "FoldedGPT2",
    "FoldedLlama",
    "Run",
    "UnknownModelError",
    "attend",
    "of",
    "propagate",
]
