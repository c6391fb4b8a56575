"""How fast the interventions are, beside TransformerLens and beside what arithmetic allows.

Speed does not depend on what the weights are, so a random model of GPT-2 small's size will do, and
nothing here is a result about GPT-2. For another architecture there is `name`, such as `smollm2`.
Each line times two ways to the same numbers in one run, and compares the numbers. The ceiling is
the ratio of the floating-point operations that the two ways need: a ratio above it means that the
other way also wastes time on something else than arithmetic.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import torch
from torch import Tensor

from mi_course import ioi, ioi_data, models, patching, path_patching
from mi_course.benchmark import flops
from mi_course.hooks import run_with_cache, run_with_hooks
from mi_course.models.files import without_progress_bars

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

SMALL: dict[str, Any] = {"n_layer": 12, "n_head": 12, "n_embd": 768, "vocab_size": 50257}
QUICK: dict[str, Any] = {"n_layer": 3, "n_head": 2, "n_embd": 16, "vocab_size": 1800}
MEMORY_LIMIT_MB = 800
FROZEN_TIMED = 12  # of the frozen passes, which all cost the same


@dataclass(frozen=True)
class Line:
    """One comparison.

    Attributes:
        name: what is computed, and on which pairs.
        ours_s: seconds that this package takes.
        theirs_s: seconds that the other way takes.
        ceiling: ratio of the operations that the two ways need.
        target: the ratio that the course asks of itself.
        gflop: operations that ours needs, in units of 10⁹.
        off_by: largest difference between the two ways' numbers, in logits.
    """

    name: str
    ours_s: float
    theirs_s: float
    ceiling: float
    target: float
    gflop: float
    off_by: float

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.theirs_s / self.ours_s


@dataclass(frozen=True)
class Report:
    """What one run of the bench found.

    Attributes:
        model: whose speed it is.
        prompts: in each comparison, of 15 tokens.
        threads: of the process.
        gflops: measured speed of a large matrix product, 10⁹ operations a second.
        lines: the comparisons.
        memory_mb: most memory above the loaded model, by measurement, in 10⁶ bytes.
        memory_prompts: prompts in the measurements of memory.
    """

    model: str
    prompts: int
    threads: int
    gflops: float
    lines: list[Line]
    memory_mb: dict[str, float]
    memory_prompts: int

    def to_json(self) -> str:
        """All of it, with the ratios written out."""
        data = asdict(self)
        for line, written in zip(self.lines, data["lines"], strict=True):
            written |= {"ratio": line.ratio, "gflops": line.gflop / line.ours_s}
        return json.dumps(data, indent=1) + "\n"

    def __str__(self) -> str:
        head = (
            f"{self.model}, {self.prompts} prompts of 15 tokens, {self.threads} threads; "
            f"matrix product: {self.gflops:.0f} GFLOP/s\n"
            f"{'':44}{'ours':>8}{'other':>9}{'ratio':>8}{'target':>8}{'ceiling':>9}"
            f"{'reached':>9}{'GFLOP/s':>9}{'off by':>9}\n"
        )
        rows = [
            f"{x.name:44}{x.ours_s:7.2f}s{x.theirs_s:8.1f}s{x.ratio:8.1f}{x.target:8.1f}"
            f"{x.ceiling:9.1f}{x.ratio / x.ceiling:9.0%}{x.gflop / x.ours_s:9.0f}{x.off_by:9.0e}"
            for x in self.lines
        ]
        memory = [
            f"memory above the model, {name}, {self.memory_prompts} prompts: {mb:.0f} MB "
            f"(limit {MEMORY_LIMIT_MB})"
            for name, mb in self.memory_mb.items()
        ]
        return "\n".join([head + "\n".join(rows), *memory])


def run(
    prompts: int = 24,
    memory_prompts: int = 500,
    quick: bool = False,
    threads: int = 2,
    say: Callable[[str], None] = lambda text: None,
    name: str | None = None,
) -> Report:
    """Measure everything; minutes at GPT-2 small's size, seconds if `quick`.

    Args:
        prompts: in each comparison.
        memory_prompts: in the measurements of memory.
        quick: with a model so small that only the code is tested, not its speed.
        threads: that PyTorch may use meanwhile.
        say: told what is going on.
        name: of a model of the course; None: random weights of GPT-2 small's size.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.no_grad():
            if name is None:
                model = random_model(QUICK if quick else SMALL)
            else:
                model = models.load(name, quiet=True)
            say("memory")
            memory = _memory(model, memory_prompts)
            say("matrix product")
            gflops = matrix_speed()
            lines = []
            for measure in (_paths, _heads_flipped, _heads_abc, _residual_flipped, _residual_abc):
                say(measure.__name__.strip("_").replace("_", " "))
                lines.append(measure(model, prompts))
                say(f"{lines[-1].ratio:.1f} times as fast, target {lines[-1].target}")
    finally:
        torch.set_num_threads(before)
    shown = "Random weights" if name is None else str(models.info(model))
    return Report(shown, prompts, threads, gflops, lines, memory, memory_prompts)


def random_model(sizes: dict[str, Any], seed: int = 0) -> TransformerBridge:
    """A GPT-2 with random weights and pocket's tokenizer."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(**sizes, n_positions=1024, bos_token_id=0, eos_token_id=0)
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng():
        torch.manual_seed(seed)
        with without_progress_bars():
            GPT2LMHeadModel(config).save_pretrained(folder)
        for file in models.POCKET_DIR.glob("tokenizer*"):
            shutil.copy(file, folder)
        return models.boot(Path(folder))


def matrix_speed() -> float:
    """Speed of the matrix product of a large MLP, in 10⁹ operations a second; the best of three."""
    x, w = torch.randn(1500, 768), torch.randn(768, 3072)
    _, seconds = min((_timed(lambda: [x @ w for _ in range(10)]) for _ in range(3)), key=_seconds)
    return 10 * 2 * 1500 * 768 * 3072 / seconds / 1e9


def _paths(model: TransformerBridge, prompts: int) -> Line:
    data = _data(model, prompts)
    orig, new, answers = data.clean.tokens, data.abc.tokens, data.clean.answers
    found, ours = _timed(
        lambda: path_patching.to_logits(model, orig, new, answers, batch_size=prompts)
    )
    names = [f"blocks.{layer}.attn.hook_z" for layer in range(model.cfg.n_layers)]
    _, z_orig = run_with_cache(model, orig, names)
    _, z_new = run_with_cache(model, new, names)
    count = model.cfg.n_layers * model.cfg.n_heads
    timed = min(FROZEN_TIMED, count)
    senders = [divmod(i * count // timed, model.cfg.n_heads) for i in range(timed)]
    off, theirs = 0.0, 0.0
    for layer, head in senders:
        z = {name: value.clone() for name, value in z_orig.items()}
        z[names[layer]][:, :, head] = z_new[names[layer]][:, :, head]
        hooks = [(name, partial(_put, value=value)) for name, value in z.items()]
        logits, seconds = _timed(partial(run_with_hooks, model, orig, hooks))
        theirs += seconds * count / timed
        expected = ioi.logit_diff(logits, answers)
        off = max(off, float((found[:, layer, head] - expected).abs().max()))
    shape = flops.Shape.of(model, orig.shape[1])
    need = prompts * flops.paths_to_logits(shape)
    ceiling = prompts * count * flops.forward(shape) / need
    return Line(f"{count} paths to the logits, pABC", ours, theirs, ceiling, 20, need / 1e9, off)


def _heads_flipped(model: TransformerBridge, prompts: int) -> Line:
    data = _data(model, prompts)
    return _against_library(model, data, data.flipped, "heads", "names swapped", 5)


def _heads_abc(model: TransformerBridge, prompts: int) -> Line:
    data = _data(model, prompts)
    return _against_library(model, data, data.abc, "heads", "pABC", 2.5)


def _residual_flipped(model: TransformerBridge, prompts: int) -> Line:
    data = _data(model, prompts)
    return _against_library(model, data, data.flipped, "residual", "names swapped", 4)


def _residual_abc(model: TransformerBridge, prompts: int) -> Line:
    data = _data(model, prompts)
    return _against_library(model, data, data.abc, "residual", "pABC", 4)


def _against_library(
    model: TransformerBridge,
    data: ioi_data.Dataset,
    base: ioi.Batch,
    what: str,
    pairs: str,
    target: float,
) -> Line:
    """Denoising: clean activations into the runs of `base`, by us and by transformer_lens."""
    from transformer_lens import patching as library

    theirs_by = {
        "heads": library.get_act_patch_attn_head_out_all_pos,
        "residual": library.get_act_patch_resid_pre,
    }
    ours_by = {"heads": patching.heads, "residual": patching.residual}
    answers, size = data.clean.answers, len(data)
    found, ours = _timed(
        lambda: ours_by[what](model, base.tokens, data.clean.tokens, answers, batch_size=size)
    )

    def by_library() -> Tensor:
        _, cache = model.run_with_cache(data.clean.tokens)
        with contextlib.redirect_stderr(io.StringIO()):  # its bars have no off switch
            return theirs_by[what](
                model, base.tokens, cache, lambda logits: ioi.logit_diff(logits, answers).mean()
            )

    expected, theirs = _timed(by_library)
    off = float((found.mean(0) - expected).abs().max())
    length = base.tokens.shape[1]
    shape = flops.Shape.of(model, length)
    first = int((base.tokens != data.clean.tokens).int().argmax(1).min())
    need = size * getattr(flops, what)(shape, first)
    slots = model.cfg.n_heads if what == "heads" else length
    full = size * (1 + model.cfg.n_layers * slots) * flops.forward(shape)
    name = "head outputs" if what == "heads" else "residual stream by position"
    return Line(f"{name}, {pairs}", ours, theirs, full / need, target, need / 1e9, off)


def _memory(model: TransformerBridge, prompts: int) -> dict[str, float]:
    data = _data(model, prompts)
    base, source, answers = data.flipped.tokens, data.clean.tokens, data.clean.answers
    return {
        "paths to the logits": _peak_mb(
            lambda: path_patching.to_logits(model, source, data.abc.tokens, answers)
        ),
        "head outputs": _peak_mb(lambda: patching.heads(model, base, source, answers)),
    }


def _peak_mb(work: Callable[[], Any]) -> float:
    """Most memory of this process during some work, above that before it, in 10⁶ bytes."""
    process, done = psutil.Process(), threading.Event()
    before = process.memory_info().rss
    seen = [before]

    def watch() -> None:
        while not done.wait(0.005):
            seen.append(process.memory_info().rss)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        work()
    finally:
        done.set()
        thread.join()
    return (max(seen) - before) / 1e6


def _put(activation: Tensor, hook: Any, value: Tensor) -> Tensor:
    return value


def _data(model: TransformerBridge, count: int) -> ioi_data.Dataset:
    return ioi_data.dataset(model.tokenizer, count, seed=0, templates=[ioi.P8_FORM])


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    found = work()
    return found, time.perf_counter() - start


def _seconds(timed: tuple[Any, float]) -> float:
    return timed[1]
