"""Extract activations, store them with what they are, and read them back.

A file of numbers without its prompts, its model and its hook point is worth little a week later. So
the file holds all of it: safetensors files carry text beside their tensors, and loading one runs no
code, unlike a pickle. See the safetensors documentation, https://huggingface.co/docs/safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm.auto import tqdm

from mi_course import hooks, models

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

_TOKENS, _LENGTHS = "tokens", "lengths"
_MANY_PROMPTS = 100  # a bar for fewer is gone before it is read


@dataclass(frozen=True)
class Extract:
    """Activations of several prompts, and where they come from.

    Attributes:
        values: by hook point; each has shape (prompt, pos, …), zero after a prompt's end. On the
            CPU, as all tensors here, wherever the model is.
        tokens: the prompts' tokens, BOS first, padded on the right.
        lengths: tokens of each prompt, BOS counted.
        prompts: their texts.
        model: name and weights of the model, as `models.info` prints them.
    """

    values: dict[str, Float[Tensor, "prompt pos *rest"]]
    tokens: Int[Tensor, "prompt pos"]
    lengths: Int[Tensor, "prompt"]
    prompts: tuple[str, ...]
    model: str

    def at_end(self, name: str) -> Float[Tensor, "prompt *rest"]:
        """The activations at each prompt's last token."""
        return self.values[name][torch.arange(len(self.lengths)), self.lengths - 1]


def extract(
    model: TransformerBridge, prompts: Sequence[str], names: Iterable[str], batch_size: int = 8
) -> Extract:
    """Run the prompts in batches and keep the named activations only.

    Prompts are padded on the right, where padding changes nothing before it; what stands at the
    padding itself is set to zero.

    Args:
        model: loaded by `models.load`, which knows its name.
        prompts: texts; BOS is prepended to each.
        names: hook points whose values have the shape (batch, pos, …).
        batch_size: prompts in one forward pass; memory grows with it.

    Raises:
        KeyError, ValueError: as `hooks.run_with_cache`; also for no prompts, or a hook point whose
            second axis is no position, such as attention patterns.
    """
    if not prompts:
        raise ValueError("no prompts: give at least one text")
    tokens, lengths = _padded(model, prompts)
    starts = range(0, len(prompts), batch_size)
    names = list(names)
    parts: dict[str, list[Tensor]] = {name: [] for name in names}
    for start in tqdm(starts, unit="batch", disable=len(prompts) < _MANY_PROMPTS):
        rows = slice(start, start + batch_size)
        _, cache = hooks.run_with_cache(model, tokens[rows], names)
        for name in names:
            parts[name].append(_without_padding(name, cache[name].cpu(), lengths[rows]))
    values = {name: torch.cat(part) for name, part in parts.items()}
    return Extract(values, tokens, lengths, tuple(prompts), str(models.info(model)))


def save(extracted: Extract, path: Path | str) -> None:
    """Write an extract as one safetensors file; its texts go into the file's header.

    Raises:
        ValueError: the file's name does not end in `.safetensors`.
    """
    from safetensors.torch import save_file

    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"name the file with the ending .safetensors, not {path.name!r}")
    tensors = {_TOKENS: extracted.tokens, _LENGTHS: extracted.lengths} | extracted.values
    metadata = {"prompts": json.dumps(extracted.prompts), "model": extracted.model}
    save_file({key: value.contiguous() for key, value in tensors.items()}, path, metadata)


def load(path: Path | str) -> Extract:
    """Read what `save` wrote.

    Raises:
        ValueError: a safetensors file that holds something else.
        FileNotFoundError: there is none.
    """
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    if not {"prompts", "model"} <= metadata.keys() or not {_TOKENS, _LENGTHS} <= tensors.keys():
        raise ValueError(
            f"{Path(path).name} was not written by mi_course.activations.save: it names neither "
            "its prompts nor its model"
        )
    tokens, lengths = tensors.pop(_TOKENS), tensors.pop(_LENGTHS)
    prompts = tuple(json.loads(metadata["prompts"]))
    return Extract(tensors, tokens, lengths, prompts, metadata["model"])


def _padded(
    model: TransformerBridge, prompts: Sequence[str]
) -> tuple[Int[Tensor, "prompt pos"], Int[Tensor, "prompt"]]:
    """Tokens padded on the right with BOS, and the lengths."""
    rows = [model.to_tokens(text)[0].cpu() for text in prompts]
    lengths = torch.tensor([len(row) for row in rows])
    padding = model.tokenizer.bos_token_id
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=padding)
    return padded, lengths


def _without_padding(
    name: str, value: Tensor, lengths: Int[Tensor, "prompt"]
) -> Float[Tensor, "prompt pos *rest"]:
    batch, length = len(lengths), value.shape[1] if value.ndim > 2 else -1
    is_pattern = name.endswith(("hook_pattern", "hook_attn_scores"))
    if is_pattern or length < int(lengths.max()):
        raise ValueError(
            f"{name} has shape {tuple(value.shape)}, which is not (batch, pos, …): padding cannot "
            "be told from text there; for attention use hooks.attention_patterns"
        )
    real = torch.arange(length) < lengths[:, None]
    return value * real.view(batch, length, *[1] * (value.ndim - 2))
