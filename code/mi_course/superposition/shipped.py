"""The dictionaries that ship: two of 1,024 latents that differ in their seed, and a table of more.

`mi-course train-dictionaries` writes all of it: about five minutes on one thread. Weights are kept
with half precision, and are rounded so before anything is measured.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course import run_files
from mi_course.english import corpus
from mi_course.superposition import autoencoder, effects, scores, variables
from mi_course.superposition.autoencoder import Dictionary

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

FOLDER = Path(__file__).parent / "runs"
COMMAND = "mi-course train-dictionaries"
TABLE = "sweep.csv"
WIDTH, K, SEEDS, STEPS, BATCH = 1024, 12, (0, 1), 2000, 512
SWEEP = ((64, K), (256, K), (WIDTH, 4), (WIDTH, 32))
"""Width and k of the dictionaries that are measured and not kept, beside those that are."""
DOCUMENTS, LENGTH = 1200, 127
JUDGED_ON, JUDGE_SEED = 1500, 77  # texts
LEAST = 8  # of a word in each half of them


def training_rows(model: TransformerBridge) -> Float[Tensor, "row d_model"]:
    """Activations of the text that `pocket` was trained on: sentences, and no repeats."""
    rng = random.Random("dictionaries")

    def encode(text: str) -> list[int]:
        return list(model.tokenizer.encode(text, add_special_tokens=False))

    rows = [[0, *corpus.text_document(rng, LENGTH, encode)] for _ in range(DOCUMENTS)]
    return variables.activations(model, torch.tensor(rows))[:, 1:].flatten(0, 1)


def load(seed: int) -> Dictionary:
    """The dictionary of 1,024 latents that was trained with this seed.

    Raises:
        RunFilesError: its file is missing or was changed.
        ValueError: no dictionary with this seed ships.
    """
    from safetensors.torch import load as parse

    if seed not in SEEDS:
        raise ValueError(f"dictionaries ship with the seeds {SEEDS}, not {seed}")
    kept = parse(run_files.read(FOLDER / _name(seed), COMMAND))
    return Dictionary(**{name: part.float() for name, part in kept.items()}, k=K)


def table() -> list[dict[str, str]]:
    """Width, k, seed, and what each dictionary does on texts that it was not trained on."""
    return run_files.read_table(FOLDER / TABLE, COMMAND)


def write(folder: Path, tell: Callable[[str], None] = lambda text: None) -> None:
    """Train all dictionaries, keep two, and write the table and the checksums."""
    from mi_course import models
    from mi_course.induction_training.training import one_thread

    folder.mkdir(exist_ok=True)
    model = models.load("pocket", quiet=True)
    with torch.no_grad(), one_thread():
        rows = training_rows(model)
        judge = Judge(model)
        table: list[dict[str, float]] = []
        for dictionary, seed in _trained(rows, folder, tell):
            row = {"width": len(dictionary), "k": dictionary.k, "seed": seed}
            table.append(row | judge(dictionary))
            run_files.write_table(folder / TABLE, table)
    run_files.write_checksums(folder, [*map(_name, SEEDS), TABLE])


def _trained(
    rows: Float[Tensor, "row d_model"], folder: Path, tell: Callable[[str], None]
) -> Iterator[tuple[Dictionary, int]]:
    for seed in SEEDS:
        tell(f"seed {seed}")
        dictionary = autoencoder.train(rows, WIDTH, K, seed, STEPS, batch=BATCH)
        yield _keep(dictionary, folder / _name(seed)), seed
    for width, k in SWEEP:
        tell(f"{width} latents, k = {k}")
        yield autoencoder.train(rows, width, k, SEEDS[0], STEPS, batch=BATCH), SEEDS[0]


def _name(seed: int) -> str:
    return f"latents{WIDTH}_k{K}_seed{seed}.safetensors"


def _keep(dictionary: Dictionary, path: Path) -> Dictionary:
    """Write a dictionary with half precision; what is returned is rounded in the same way."""
    from safetensors.torch import save_file

    parts = {name: part for name, part in vars(dictionary).items() if name != "k"}
    save_file({name: part.half().contiguous() for name, part in parts.items()}, path)
    return Dictionary(**{name: part.half().float() for name, part in parts.items()}, k=dictionary.k)


class Judge:
    """What a dictionary does on texts that it was not trained on."""

    def __init__(self, model: TransformerBridge, n: int = JUDGED_ON, seed: int = JUDGE_SEED):
        """Args: model: `pocket`. n: texts. seed: of the texts."""
        self.model = model
        self.texts = variables.texts(model.tokenizer, n, seed)
        self.rows = variables.rows(self.texts)
        x = variables.activations(model, self.texts.tokens)
        self.x = x[self.texts.real]
        self.words = scores.frequent(self.rows.tokens, self.rows.first, LEAST)
        self.is_name = variables.is_in_class(model.tokenizer, self.words, "name")
        self.clean = effects.run(model, self.texts[:200])

    def __call__(self, dictionary: Dictionary) -> dict[str, float]:
        """A row of the table."""
        z = dictionary.latents(self.x)
        active, labels = z > 0, self.rows.tokens[:, None] == self.words
        score = scores.found(active, labels, self.rows.first).score
        some = self.texts[:200]
        kept = effects.run(self.model, some, effects.by_dictionary(dictionary))
        nothing = effects.run(self.model, some, effects.by_mean(dictionary))
        clean = self.clean
        return {
            "explained": autoencoder.explained(self.x, dictionary.rebuilt(z)),
            "loss": effects.recovered(kept.loss, nothing.loss, clean.loss),
            "difference": effects.recovered(kept.difference, nothing.difference, clean.difference),
            "dead": float((~active.any(0)).float().mean()),
            "names": float(score[self.is_name].mean()),
            "words": float(score[~self.is_name].mean()),
        }
