"""A second training run of `pocket`: its recipe, words and tokenizer, with another seed.

`mi-course train-pocket --seed 6 --into FOLDER` made the weights beside this, in about as long as
`pocket` takes. The seed decides on the first weights and on the text of each step. What the command
writes is here, without the model card and the log of the training.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mi_course import models

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

FOLDER = Path(__file__).parent
SEED = 6


def load() -> TransformerBridge:
    """The second run in compatibility mode.

    Raises:
        ModelFilesError: its files are missing or damaged.
    """
    models.verify_checksums(FOLDER)
    return models.boot(FOLDER)
