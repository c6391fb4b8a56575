"""The mystery models: their names, how hard they are, and how each is made and loaded.

Read on and you know more than a learner is told: which task belongs to which name.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Int
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from mi_course import run_files
from mi_course.errors import CourseError
from mi_course.models import files, loading
from mi_course.mystery_nets import by_hand, tasks
from mi_course.mystery_nets.tasks import Symbol, Task
from mi_course.mystery_nets.training import Recipe, train

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

FOLDER = Path(__file__).parent / "nets"
CHECKED = ("config.json", "model.safetensors")


class UnknownMystery(CourseError, KeyError):
    """There is no mystery model of this name."""

    def __str__(self) -> str:
        return str(self.args[0])


class InputError(CourseError, ValueError):
    """What is no input of a model; the message says what one is."""


@dataclass(frozen=True)
class Mystery:
    """One mystery model.

    Attributes:
        name: says nothing about it.
        difficulty: 1, 2 or 3.
        task: what it answers.
        make: its weights, made anew.
    """

    name: str
    difficulty: int
    task: Task
    make: Callable[[], GPT2LMHeadModel]

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return FOLDER / self.name


def _trained(name: str, difficulty: int, task: Task, recipe: Recipe) -> Mystery:
    return Mystery(name, difficulty, task, functools.partial(train, task, recipe))


_ALL = (
    _trained("amber", 1, tasks.TWO_STEPS, Recipe()),
    Mystery("basil", 2, tasks.THREE_SUM, functools.partial(by_hand.three_sum, seed=3)),
    Mystery("cedar", 2, tasks.FURTHER_ON, functools.partial(by_hand.further_on, seed=3)),
    _trained("dune", 3, tasks.AT_THE_SUM, Recipe(n_head=2, d_model=48, steps=1000)),
    _trained("elm", 3, tasks.AT_ITS_COUNT, Recipe(n_head=2, d_model=48, steps=1000)),
    _trained("fjord", 3, tasks.BESIDE_THE_SECOND, Recipe(n_head=2, d_model=48, steps=1000)),
)
MYSTERIES = {mystery.name: mystery for mystery in _ALL}


def find(name: str) -> Mystery:
    """A mystery model by its name.

    Raises:
        UnknownMystery: names those that there are.
    """
    if name not in MYSTERIES:
        raise UnknownMystery(
            f"no mystery model is called {name!r}: there are {', '.join(MYSTERIES)}"
        )
    return MYSTERIES[name]


def load(name: str) -> TransformerBridge:
    """A mystery model, in compatibility mode and guarded as the course's other models are.

    It is loaded anew each time: what is changed in it changes no verdict.

    Raises:
        UnknownMystery: there is no such model.
        ModelFilesError: its files are damaged.
    """
    mystery = find(name)
    files.verify_checksums(mystery.folder)
    return _without_tokenizer(loading.boot(mystery.folder))


judged = functools.cache(load)
"""A model that no learner gets hold of: it answers, and explanations are tested on it."""


@functools.cache
def untrained(name: str) -> TransformerBridge:
    """A model of the same shape with random weights, as Hugging Face draws them."""
    from transformer_lens.tools.analysis.interchange import random_init_bridge

    with redirect_stdout(io.StringIO()):  # the library says where it puts the model
        bridge = random_init_bridge(str(find(name).folder), seed=1, device="cpu")
    bridge.enable_compatibility_mode()
    return _without_tokenizer(bridge)


def _without_tokenizer(bridge: TransformerBridge) -> TransformerBridge:
    """Take away the one that the library gives to a folder without: no symbol is padding here."""
    bridge.tokenizer = None
    return bridge


def drawn(name: str, n: int, seed: int) -> Int[Tensor, "n pos"]:
    """Fresh inputs of a model, as token ids."""
    return find(name).task.draw(n, torch.Generator().manual_seed(seed))


def inputs(name: str, n: int = 10, seed: int = 0) -> list[tuple[Symbol, ...]]:
    """Inputs of a model, as symbols: what a program's `tokens` are."""
    return find(name).task.spelled(drawn(name, n, seed))


def ids(name: str, rows: list[tuple[Symbol, ...]]) -> Int[Tensor, "batch pos"]:
    """Inputs that are written as symbols, as the token ids that the model reads.

    Raises:
        InputError: no list of inputs, one of another length, or a symbol that it does not know.
    """
    known, n_pos = find(name).task.symbols, shape(name).n_positions
    for row in rows:
        if not isinstance(row, Sequence):
            raise InputError(f"{name} reads a list of inputs, each a tuple, and not {row!r:.60}")
        if len(row) != n_pos:
            raise InputError(f"{row!r:.60} has {len(row)} symbols: an input of {name} has {n_pos}")
        for symbol in row:
            if symbol not in known:
                told = f"this model's symbols are {', '.join(map(repr, known))}"
                raise InputError(f"{name} does not know {symbol!r}: {told}")
    if not len(rows):
        raise InputError(f"there is no input in the list: {name} reads one or more")
    return torch.tensor([[known.index(symbol) for symbol in row] for row in rows])


def symbols(name: str, tokens: Int[Tensor, "batch"] | list[int]) -> list[Symbol]:
    """Token ids as the symbols that they stand for: what an argmax of logits answers."""
    known = find(name).task.symbols
    return [known[i] for i in torch.as_tensor(tokens).tolist()]


@torch.no_grad()
def says(name: str, rows: list[tuple[Symbol, ...]]) -> list[Symbol]:
    """What a model answers to inputs written as symbols."""
    return symbols(name, judged(name)(ids(name, rows))[:, -1].argmax(-1))


@torch.no_grad()
def accuracy(name: str, n: int = 2000, seed: int = 0) -> float:
    """The share of right answers on fresh inputs."""
    tokens = drawn(name, n, seed)
    right = judged(name)(tokens)[:, -1].argmax(-1) == find(name).task.answer(tokens)
    return right.float().mean().item()


def write(folder: Path, name: str) -> None:
    """Make a model anew and write its files: `mi-course train-mysteries` does, for all of them."""
    mystery = find(name)
    out = folder / name
    out.mkdir(parents=True, exist_ok=True)
    with files.without_progress_bars():
        mystery.make().save_pretrained(out)
    (out / "generation_config.json").unlink(missing_ok=True)
    run_files.write_checksums(out, CHECKED)


def shape(name: str) -> GPT2Config:
    """How many layers, heads and dimensions a model has."""
    return GPT2Config.from_pretrained(find(name).folder)
