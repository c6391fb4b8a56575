"""Train `pocket`, the small GPT-2-architecture model that ships with the course.

One seeded command writes the whole model folder: weights, tokenizer, log, card, checksums. The data
of a step depend on the seed and the step alone, so that a run that was interrupted and resumed from
its checkpoint sees the same text as one that was not.

The log has, every few steps, the loss on repeated random tokens, each head's prefix-matching score
and the IOI score on held-out prompts: it shows the phase change in which induction heads appear
(Olsson et al. 2022, arXiv:2209.11895).
"""

from __future__ import annotations

import contextlib
import csv
import ctypes
import hashlib
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor
from tqdm import tqdm
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from mi_course import models
from mi_course.english import corpus, grammar
from mi_course.errors import CourseError
from mi_course.pocket_training import model_card, quality
from mi_course.pocket_training.metrics import Metrics, Row
from mi_course.pocket_training.tokenizer import train_tokenizer, word_encoder

CHECKPOINT = "checkpoint.pt"
# Sums are taken in another order with another number of threads, and the weights drift apart. One
# thread takes little longer on a model this small, and leaves a core to the person who waits.
THREADS = 1
LOG = "training_log.csv"
CHECKED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", LOG)


class CheckpointError(CourseError, ValueError):
    """A checkpoint with which training cannot go on."""


@dataclass(frozen=True)
class Recipe:
    """Everything a run depends on, but for the corpus and the number of threads.

    Attributes:
        n_layer, n_head, d_model, d_mlp, n_ctx: the architecture, in GPT-2's terms.
        steps, batch: `batch` documents of `n_ctx` tokens a step.
        lr, warmup, decay_from: AdamW's rate rises to `lr` in the first `warmup` of the steps, and
            falls to 0 as half a cosine after `decay_from` of them.
        weight_decay: AdamW's, on all weights.
        attn_dropout: share of attention weights dropped in training.
        init_std: standard deviation of the first weights; GPT-2's 0.02 is for wider models.
        short_until: in this first share of the run, twice as many documents of half the length.
        repeat_share: of the documents, how many are repeated random tokens.
        mixtures: pairs of a share of the run and the mixture of sentences that holds until then.
        seed: of the first weights, of dropout and of the data.
    """

    n_layer: int = 2
    n_head: int = 4
    d_model: int = 128
    d_mlp: int = 64
    n_ctx: int = 128
    steps: int = 8000
    batch: int = 20
    lr: float = 3e-3
    warmup: float = 0.05
    decay_from: float = 0.35
    weight_decay: float = 0.1
    attn_dropout: float = 0.0
    init_std: float = 0.06
    short_until: float = 0.35
    repeat_share: float = 0.2
    mixtures: tuple[tuple[float, dict[str, float]], ...] = ((1.0, grammar.MIXTURE),)
    seed: int = 5
    log_every: int = 25
    save_every: int = 200


POCKET = Recipe()


def batch_tokens(
    recipe: Recipe, step: int, encode: Callable[[str], list[int]], vocab_size: int
) -> Int[Tensor, "batch pos"]:
    """The documents of one step; they depend on the recipe's seed and the step alone."""
    rng = random.Random(f"{recipe.seed} {step}")
    mixture = next(m for until, m in recipe.mixtures if step < until * recipe.steps)
    halves = 2 if step < recipe.short_until * recipe.steps else 1
    length = recipe.n_ctx // halves - 1
    rows = []
    for _ in range(recipe.batch * halves):
        if rng.random() < recipe.repeat_share:
            rows.append([0, *corpus.repeat_document(rng, length, range(1, vocab_size))])
        else:
            rows.append([0, *corpus.text_document(rng, length, encode, mixture)])
    return torch.tensor(rows)


def learning_rate(recipe: Recipe, step: int) -> float:
    """Linear warm-up, then level, then half a cosine down to 0."""
    share = step / recipe.steps
    if share < recipe.warmup:
        return recipe.lr * (step + 1) / (recipe.warmup * recipe.steps + 1)
    fallen = max(0.0, share - recipe.decay_from) / (1 - recipe.decay_from)
    return recipe.lr * 0.5 * (1 + math.cos(math.pi * fallen))


def new_model(recipe: Recipe, vocab_size: int) -> GPT2LMHeadModel:
    """Untrained model; the global seed is set by the caller."""
    config = GPT2Config(
        n_layer=recipe.n_layer,
        n_head=recipe.n_head,
        n_embd=recipe.d_model,
        n_inner=recipe.d_mlp,
        n_positions=recipe.n_ctx,
        vocab_size=vocab_size,
        attn_pdrop=recipe.attn_dropout,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        initializer_range=recipe.init_std,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = GPT2LMHeadModel(config)
    model.set_attn_implementation("eager")  # the one that hands out its attention patterns
    return model


class Run:
    """One training run: model, optimizer and log, at some step."""

    def __init__(self, recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.encode = word_encoder(tokenizer)
        self.vocab_size = len(tokenizer)
        self.model = new_model(recipe, self.vocab_size)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), betas=(0.9, 0.98), weight_decay=recipe.weight_decay
        )
        self.metrics = Metrics(tokenizer)
        self.step = 0
        self.seconds = 0.0
        self.log: list[Row] = []

    def advance(self) -> None:
        """One optimizer step, logged where its turn has come."""
        recipe, started = self.recipe, time.perf_counter()
        torch.manual_seed(hash((recipe.seed, self.step)))  # dropout, the same after a resumption
        tokens = batch_tokens(recipe, self.step, self.encode, self.vocab_size)
        rate = learning_rate(recipe, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        predicted = self.model(tokens).logits[:, :-1].flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(predicted, tokens[:, 1:].flatten())
        if self.step % recipe.log_every == 0 or self.step == recipe.steps - 1:
            row = {"step": self.step, "loss": loss.item(), "lr": rate}
            self.log.append(row | self.metrics.measure(self.model))
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        self.seconds += time.perf_counter() - started

    def save(self, path: Path) -> None:
        """Writes a checkpoint in one move: an interruption leaves the old one or the new one."""
        state = {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "seconds": self.seconds,
            "log": self.log,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, path)

    def restore(self, path: Path) -> None:
        """Continues from a checkpoint of the same recipe.

        Raises:
            CheckpointError: the checkpoint is damaged, or of another recipe.
        """
        try:
            state = torch.load(path, weights_only=False)
            recipe = state["recipe"]
        except OSError:
            raise
        except Exception as error:  # a file that was cut off fails in many ways
            raise CheckpointError(
                f"{path} is damaged ({type(error).__name__}): delete it, or train without resuming "
                "(--restart)"
            ) from error
        if recipe != asdict(self.recipe):
            raise CheckpointError(
                f"{path} is of another recipe: delete it, or train without resuming (--restart)"
            )
        self.step, self.seconds, self.log = state["step"], state["seconds"], state["log"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])


def train_pocket(
    out: Path, *, seed: int = POCKET.seed, resume: bool = True, progress: bool = True
) -> None:
    """Trains the model that ships with the course and writes its folder: `mi-course train-pocket`.

    Args:
        out: the folder to write.
        seed: another one than `pocket`'s trains a second model by the same recipe.
        resume: continue an interrupted run from its checkpoint in `out`.
        progress: show a progress bar on stderr.

    Raises:
        CheckpointError: `out` holds a checkpoint that is damaged or of another recipe.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    _keep_freed_memory()
    try:
        run = train(replace(POCKET, seed=seed), out, resume=resume, progress=progress)
        write_card(run, out)
    finally:
        torch.set_num_threads(threads)


def _keep_freed_memory() -> None:
    """Ask glibc to reuse large blocks; to get them from the system anew took a tenth of a run."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            libc, trim_threshold, mmap_threshold = ctypes.CDLL("libc.so.6"), -1, -3
            libc.mallopt(trim_threshold, 1 << 30)
            libc.mallopt(mmap_threshold, 1 << 30)


def write_card(run: Run, out: Path) -> None:
    """Measures the model from the files in `out`, and writes its card beside them."""
    facts = {
        "n_params": f"{sum(p.numel() for p in run.model.parameters()):,}",
        "n_tokens": f"{run.vocab_size:,}",
        "n_trained_tokens": f"{run.recipe.steps * run.recipe.batch * run.recipe.n_ctx:,}",
        "minutes": f"{run.seconds / 60:.1f}",
    }
    card = model_card.render(quality.measure(models.boot(out)), asdict(run.recipe), facts)
    (out / "MODEL_CARD.md").write_text(card, encoding="utf8")


def train(recipe: Recipe, out: Path, *, resume: bool = True, progress: bool = True) -> Run:
    """Trains a model in `out`, from its checkpoint there if it has one, and writes its files.

    Args:
        recipe: what to train.
        out: the model folder; made where it is missing.
        resume: continue from `out`'s checkpoint; if false, a checkpoint there is thrown away.
        progress: show a progress bar on stderr.

    Raises:
        CheckpointError: the checkpoint is damaged, or of another recipe.
    """
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / CHECKPOINT
    if not resume:
        checkpoint.unlink(missing_ok=True)
    tokenizer = train_tokenizer()
    with torch.random.fork_rng():  # dropout and first weights have no generator of their own
        run = Run(recipe, tokenizer)
        if checkpoint.exists():
            run.restore(checkpoint)
        _advance_to_the_end(run, checkpoint, progress)
    write_files(run, tokenizer, out)
    checkpoint.unlink(missing_ok=True)
    return run


def _advance_to_the_end(run: Run, checkpoint: Path, progress: bool) -> None:
    total = run.recipe.steps
    with tqdm(total=total, initial=run.step, disable=not progress, unit="step") as bar:
        while run.step < total:
            run.advance()
            bar.update()
            bar.set_postfix_str(_summary(run.log[-1]), refresh=False)
            if run.step % run.recipe.save_every == 0:
                run.save(checkpoint)


def write_files(run: Run, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Weights, configuration, tokenizer, log, and the checksums of all of them."""
    run.model.save_pretrained(out)
    (out / "generation_config.json").unlink(missing_ok=True)
    tokenizer.save_pretrained(out)
    with (out / LOG).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(run.log[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: _rounded(v) for k, v in row.items()} for row in run.log)
    sums = {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in CHECKED}
    (out / "checksums.json").write_text(json.dumps(sums, indent=2) + "\n")


def _rounded(value: float) -> float:
    """Five significant digits: more would only make the log longer."""
    return value if isinstance(value, int) else float(f"{value:.5g}")


def _summary(row: Row) -> str:
    return (
        f"loss {row['loss']:.2f}, repeats {row['loss_second_half']:.2f}, "
        f"IOI {row['ioi_accuracy']:.0%}"
    )
