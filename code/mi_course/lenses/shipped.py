"""The lens that ships: five late layers of `smollm2`, fitted on texts that it wrote itself.

`mi-course fit-lens` writes the texts and the lens, in about 110 seconds of one processor. Two runs
on one machine gave the same bytes. The texts are kept, since another version of a library may draw
others from the same seed. Matrices are kept with half precision.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from mi_course import models, run_files
from mi_course.models.registry import SMOLLM2

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge
    from transformer_lens.tools.analysis import JacobianLens

FOLDER = Path(__file__).parent / "runs"
COMMAND = "mi-course fit-lens"
LENS, TEXTS = "lens.pt", "texts.json"
LAYERS = (20, 22, 24, 26, 28)
"""Of `smollm2`'s layers 0 to 29; the library carries what stands after a layer to the last one."""
N_WRITTEN, N_FITTED = 24, 3
"""Texts that the model wrote, and those on which the lens was fitted: the first ones."""
N_TOKENS, SKIPPED = 48, 8
NAME = "texts of SmolLM2's own, seed 0"
TOP_K = 50  # tokens that a text may go on with
_BATCH = 16  # rows of a matrix for each backward pass


@cache
def load() -> JacobianLens:
    """The lens that ships, with matrices of single precision; `readout` refuses another model.

    Raises:
        RunFilesError: its file is missing or was changed.
    """
    from transformer_lens.tools.analysis import JacobianLens

    # the library takes a path, and gives it to `torch.load`, which takes an open file as well
    content: Any = io.BytesIO(run_files.read(FOLDER / LENS, COMMAND))
    return JacobianLens.load(content)


def texts() -> list[str]:
    """What the model wrote, without BOS; the lens was fitted on the first `N_FITTED` of them.

    Raises:
        RunFilesError: their file is missing or was changed.
    """
    found: list[str] = json.loads(run_files.read(FOLDER / TEXTS, COMMAND))
    return found


def fit(
    bare: TransformerBridge, texts: Sequence[str], layers: Sequence[int], name: str
) -> JacobianLens:
    """TransformerLens' fit with the settings of the lens that ships.

    Args:
        bare: the library's own bridge, without compatibility mode.
        texts: of more than `SKIPPED + 1` tokens each, or the library leaves one out with a warning.
        layers: below the last one; the lowest decides how long it takes.
        name: of the texts, which the lens keeps. `merge` refuses lenses with different ones.
    """
    from transformer_lens.tools.analysis import JacobianLens

    return JacobianLens.fit(
        bare,
        list(texts),
        corpus=name,
        source_layers=list(layers),
        dim_batch=_BATCH,
        max_seq_len=N_TOKENS,
        skip_first_positions=SKIPPED,
        show_progress=False,
    )


def written_by(bare: TransformerBridge, n: int, seed: int) -> list[str]:
    """Texts that a model writes after BOS, with as many tokens each as a fit takes."""
    hf: Any = bare.original_model
    tokenizer = bare.tokenizer
    first = torch.full((n, 1), tokenizer.bos_token_id)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        rows = hf.generate(
            first,
            attention_mask=torch.ones_like(first),
            do_sample=True,
            top_k=TOP_K,
            min_new_tokens=N_TOKENS - 1,
            max_new_tokens=N_TOKENS - 1,
            pad_token_id=tokenizer.pad_token_id,
        )
    return [tokenizer.decode(row[1:]) for row in rows]


def write(folder: Path, tell: Callable[[str], None] = lambda text: None) -> None:
    """Let the model write the texts, fit the lens on them, and write both with their checksums."""
    from transformer_lens.tools.analysis import JacobianLens

    from mi_course.induction_training.training import one_thread

    folder.mkdir(exist_ok=True)
    bare = models.load_bare(models.load(SMOLLM2.name, quiet=True))
    with one_thread():
        written = written_by(bare, N_WRITTEN, seed=0)
        content = json.dumps(written, indent=1, ensure_ascii=False) + "\n"
        (folder / TEXTS).write_text(content, encoding="utf8")
        parts = []
        for i, text in enumerate(written[:N_FITTED], 1):
            tell(f"text {i} of {N_FITTED}")
            parts.append(fit(bare, [text], LAYERS, NAME))
    JacobianLens.merge(parts).save(str(folder / LENS))
    run_files.write_checksums(folder, [LENS, TEXTS])
