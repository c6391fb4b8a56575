"""What ships of the training runs: a log of every recipe with five seeds, two models, checksums.

`mi-course train-induction` writes them anew (`write`), everything else reads them. A file whose
SHA-256 is not the one written beside it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mi_course import run_files
from mi_course.heads import head_name
from mi_course.induction import token_losses
from mi_course.induction_training import paths, prompts, training
from mi_course.induction_training.model import SIDES, AttentionOnly
from mi_course.induction_training.training import HELD_OUT, TEST_SEED, Point, Recipe

FOLDER = Path(__file__).parent / "runs"
SEEDS = (0, 1, 2, 3, 4)
TRAINING, PATHS = "training.csv", "paths.csv"
COMMAND = "mi-course train-induction"
KEPT = {
    "one period": "one_period_seed0.safetensors",
    "many periods": "many_periods_seed0.safetensors",
}
"""The models that ship, by the name of their recipe."""
NO_SWAP = ("none", "none")
"""Head and side of the row of `paths.csv` that is measured without a change."""


@dataclass(frozen=True)
class Curves:
    """One run, tested on prompts of one period: an array over `steps` for each quantity.

    Attributes:
        steps: at which it was measured.
        first, known: losses in nats, as in `training.Point`.
        matching, looks_back: by the head's name.
    """

    steps: np.ndarray
    first: np.ndarray
    known: np.ndarray
    matching: dict[str, np.ndarray]
    looks_back: dict[str, np.ndarray]


def curves(points: Iterable[Point], period: int) -> Curves:
    """What `training.train` has measured on prompts of one period, as arrays."""
    return _curves([_row(point) for point in points if point.period == period])


def read(recipe: str, seed: int, period: int, folder: Path = FOLDER) -> Curves:
    """A run out of the shipped log.

    Raises:
        RunFilesError: the log is missing or changed.
        ValueError: it holds no such run.
    """
    wanted = {"recipe": recipe, "seed": str(seed), "period": str(period)}
    rows = [
        {name: float(text) for name, text in row.items() if name != "recipe" and text}
        for row in run_files.read_table(folder / TRAINING, COMMAND)
        if wanted.items() <= row.items()
    ]
    if not rows:
        raise ValueError(f"the log holds no run {recipe!r} with seed {seed} and period {period}")
    return _curves(rows)


def path_losses(seed: int, folder: Path = FOLDER) -> dict[tuple[str, str], float]:
    """A run's loss on the held-out period, by the swapped head and the side that reads it.

    `NO_SWAP` is the run as it is.

    Raises:
        RunFilesError: the table is missing or changed.
    """
    return {
        (row["head"], row["side"]): float(row["loss"])
        for row in run_files.read_table(folder / PATHS, COMMAND)
        if row["seed"] == str(seed)
    }


def trained(recipe: Recipe, folder: Path = FOLDER) -> AttentionOnly:
    """The shipped model of a recipe, trained with seed 0.

    Raises:
        RunFilesError: its file is missing or changed.
        KeyError: no model of this recipe ships.
    """
    from safetensors.torch import load

    model = AttentionOnly(recipe.sizes, seed=0)
    model.load_state_dict(load(run_files.read(folder / KEPT[recipe.name], COMMAND)))
    return model


def write(
    folder: Path,
    recipes: Iterable[Recipe] = training.RECIPES,
    seeds: Iterable[int] = SEEDS,
    tell: Callable[[str], object] = lambda what: None,
) -> None:
    """Train everything anew, a few minutes.

    Args:
        folder: where to put the files; made if it is missing.
        recipes: what to train.
        seeds: with which seeds; seed 0 gives the models that ship.
        tell: called with what begins.
    """
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    log, swaps, written = [], [], [TRAINING, PATHS]
    for recipe in recipes:
        for seed in seeds:
            tell(f"{recipe.name}, seed {seed}")
            model, points = training.train(recipe, seed, progress=False)
            log += [{"recipe": recipe.name, "seed": seed} | _row(point) for point in points]
            if recipe.name == training.MANY_PERIODS.name:
                swaps += [{"seed": seed} | row for row in _swaps(model)]
            if recipe.name in KEPT and seed == 0:
                written.append(KEPT[recipe.name])
                (folder / written[-1]).write_bytes(save(model.state_dict()))
    run_files.write_table(folder / TRAINING, log)
    run_files.write_table(folder / PATHS, swaps)
    run_files.write_checksums(folder, written)


def _row(point: Point) -> dict[str, float]:
    """A point as one line of the log: `matching 1.0` is a column."""
    row = {"step": point.step, "period": point.period, "first": point.first, "known": point.known}
    for name, scores in (("matching", point.matching), ("looks_back", point.looks_back)):
        for layer, of_layer in enumerate(scores.tolist()):
            row |= {f"{name} {head_name((layer, h))}": s for h, s in enumerate(of_layer)}
    return row


def _curves(rows: list[dict[str, float]]) -> Curves:
    column = {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def by_head(what: str) -> dict[str, np.ndarray]:
        begin = f"{what} "
        return {n.removeprefix(begin): c for n, c in column.items() if n.startswith(begin)}

    return Curves(
        column["step"],
        column["first"],
        column["known"],
        by_head("matching"),
        by_head("looks_back"),
    )


def _swaps(model: AttentionOnly) -> list[dict[str, str | float]]:
    """The loss on the held-out period, each head of layer 0 swapped for each side of layer 1."""
    tokens, others = (
        prompts.test_prompts(model.sizes, HELD_OUT, training.N_TEST, TEST_SEED + more)
        for more in (0, 1)
    )
    rows: list[dict[str, str | float]] = []
    pairs = [(h, side) for h in range(model.sizes.n_heads) for side in SIDES]
    for head, side in [(0, None), *pairs]:
        logits, _ = paths.swapped(model, tokens, others, head, (side,) if side else ())
        loss = prompts.known_losses(token_losses(logits, tokens), HELD_OUT).mean().item()
        names = (head_name((0, head)), side) if side else NO_SWAP
        rows.append(dict(zip(("head", "side"), names, strict=True)) | {"loss": loss})
    return rows
