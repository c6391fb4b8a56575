"""A second training run of `pocket`: its recipe, words and tokenizer, with another seed.

`mi-course train-pocket --seed 6 --into FOLDER` made the weights beside this, in about as long as
`pocket` takes. The seed decides on the first weights and on the text of each step. Of what the
command writes, the configuration, the weights and their checksums are here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mi_course import models

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

FOLDER = Path(__file__).parent
SEED = 6


def load(first: TransformerBridge) -> TransformerBridge:
    """The second run in compatibility mode, with the tokenizer of the first, `pocket`.

    Raises:
        ModelFilesError: its files are missing or damaged.
    """
    models.verify_checksums(FOLDER)
    return models.boot(FOLDER, tokenizer=first.tokenizer)
