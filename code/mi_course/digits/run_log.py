"""What ships of week 1's training runs: logs as CSV, the weights of one network, and checksums.

`mi-course train-mlp` writes them anew (`write`), everything else reads them. A file whose SHA-256
is not the one written beside it is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mi_course import run_files
from mi_course.digits import batching, mlp, mnist, symptoms
from mi_course.digits.mnist import Digits

FOLDER = Path(__file__).parent / "runs"
SEEDS = (0, 1, 2)
TRAINING, SYMPTOMS, TIMES, WEIGHTS = (
    "training.csv",
    "symptoms.csv",
    "batching.csv",
    "mnist_seed0.safetensors",
)
COMMAND = "mi-course train-mlp"


def rows(name: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """A shipped table, one dictionary for each row, with numbers as floats.

    Raises:
        RunFilesError: the file is missing or changed.
    """
    table = run_files.read_table(folder / name, COMMAND)
    return [{k: _number(v) for k, v in row.items()} for row in table]


def curves(column: str, data: str, folder: Path = FOLDER) -> dict[int, np.ndarray]:
    """One column of the training log over the epochs, by seed.

    Args:
        column: a field of `mlp.Epoch`.
        data: the name of the data set, as in `Digits.name`.
        folder: of the log.
    """
    table = [row for row in rows(TRAINING, folder) if row["data"] == data]
    return {seed: np.array([row[column] for row in table if row["seed"] == seed]) for seed in SEEDS}


def trained(digits: Digits, folder: Path = FOLDER) -> nn.Sequential:
    """A trained network: for MNIST the shipped one; for the small digits one trained now.

    Raises:
        RunFilesError: the shipped weights are missing or changed.
    """
    if not digits.is_mnist:
        *_, (_, model) = mlp.train(digits, SEEDS[0])
        return model
    from safetensors.torch import load

    model = mlp.build(seed=0)
    model.load_state_dict(load(run_files.read(folder / WEIGHTS, COMMAND)))
    return model


def write(folder: Path, progress: Callable[[str], object] = lambda what: None) -> None:
    """Train, break and time everything anew; needs the real MNIST, and takes some minutes.

    Args:
        folder: where to put the files; made if it is missing.
        progress: called with what begins.

    Raises:
        mnist.DataError: MNIST is not available.
    """
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    real = mnist.load("mnist", quiet=True)
    table = []
    for digits in (real, mnist.load("digits", quiet=True)):
        for seed in SEEDS:
            progress(f"{digits.name}, seed {seed}")
            epochs, models = zip(*mlp.train(digits, seed), strict=True)
            table += [{"data": digits.name, "seed": seed} | asdict(epoch) for epoch in epochs]
            if digits.is_mnist and seed == SEEDS[0]:
                (folder / WEIGHTS).write_bytes(save(models[-1].state_dict()))
    threads = {"threads": torch.get_num_threads()}
    run_files.write_table(folder / TRAINING, [row | threads for row in table])
    progress("symptoms of broken loops")
    run_files.write_table(folder / SYMPTOMS, symptoms.run_all(real, symptoms.STEPS))
    progress("times of batching")
    run_files.write_table(folder / TIMES, [row | threads for row in batching.measure(real)])
    run_files.write_checksums(folder, (TRAINING, SYMPTOMS, TIMES, WEIGHTS))


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
