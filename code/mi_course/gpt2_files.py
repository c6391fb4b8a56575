"""Read GPT-2's files, in the Hugging Face format, into the model of `mi_course.transformer`.

Works for every folder with a `config.json` and a `model.safetensors` of GPT-2's architecture: that
of `pocket`, and that of GPT-2 small.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import models
from mi_course.models import registry
from mi_course.models.files import without_progress_bars
from mi_course.transformer import Config, Transformer, attention_weights

# ours on the left; {layer} and the file's names on the right
RENAMED = {
    "ln1.w": "ln_1.weight",
    "ln1.b": "ln_1.bias",
    "attn.b_O": "attn.c_proj.bias",
    "ln2.w": "ln_2.weight",
    "ln2.b": "ln_2.bias",
    "mlp.W_in": "mlp.c_fc.weight",
    "mlp.b_in": "mlp.c_fc.bias",
    "mlp.W_out": "mlp.c_proj.weight",
    "mlp.b_out": "mlp.c_proj.bias",
}
# What `Config` cannot say, and the only value that `Transformer` computes.
ASSUMED = {
    "activation_function": "gelu_new",
    "tie_word_embeddings": True,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
}


def folder(name: str) -> Path:
    """Where the files of `pocket`, or of GPT-2 under its labels, lie; GPT-2's are fetched.

    Raises:
        ModelLacksError: a model of another architecture.
    """
    if model := registry.of_label(name):
        models.require(model.name, ("learned positions", "LayerNorm"))
    return models.POCKET_DIR if name == "pocket" else models.fetch_gpt2()


def read_config(folder: Path) -> Config:
    """The sizes of the model in a folder.

    Raises:
        ValueError: a variant of GPT-2 that `Transformer` does not compute.
    """
    raw = json.loads((folder / "config.json").read_text("utf8"))
    for key, value in ASSUMED.items():
        if raw.get(key, value) != value:
            raise ValueError(f"{key} is {raw[key]!r} in this model; only {value!r} is supported")
    width, n_heads = raw["n_embd"], raw["n_head"]
    return Config(
        n_layers=raw["n_layer"],
        n_heads=n_heads,
        d_model=width,
        d_head=width // n_heads,
        d_mlp=raw.get("n_inner") or 4 * width,
        d_vocab=raw["vocab_size"],
        n_ctx=raw["n_positions"],
        eps=raw["layer_norm_epsilon"],
    )


def read_raw(folder: Path) -> dict[str, Tensor]:
    """The tensors of `model.safetensors`, without the prefix that some files have."""
    from safetensors.torch import load_file

    tensors = load_file(folder / "model.safetensors")
    return {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}


def convert(
    raw: dict[str, Tensor],
    cfg: Config,
    split: Callable[..., dict[str, Tensor]] = attention_weights,
) -> dict[str, Tensor]:
    """The weights of a file under the names of `Transformer`.

    Args:
        raw: by their names in the file, without the prefix `transformer.`.
        cfg: sizes.
        split: gives the heads an axis; a learner hands over theirs.
    """
    found = {
        "W_E": raw["wte.weight"],
        "W_pos": raw["wpe.weight"],
        "ln_final.w": raw["ln_f.weight"],
        "ln_final.b": raw["ln_f.bias"],
    }
    for layer in range(cfg.n_layers):
        for ours, theirs in RENAMED.items():
            found[f"blocks.{layer}.{ours}"] = raw[f"h.{layer}.{theirs}"]
        attn = f"h.{layer}.attn."
        names = ("c_attn.weight", "c_attn.bias", "c_proj.weight")
        parts = split(*(raw[attn + name] for name in names), cfg.n_heads)
        for name, part in parts.items():
            found[f"blocks.{layer}.attn.{name}"] = part
    return found


def load(folder: Path) -> Transformer:
    """The model in a folder, built from scratch, in eval mode."""
    cfg = read_config(folder)
    model = Transformer(cfg)
    model.load_state_dict(convert(read_raw(folder), cfg))
    return model.eval()


def reference_logits(
    folder: Path, tokens: Int[Tensor, "batch pos"], dtype: torch.dtype = torch.float32
) -> Float[Tensor, "batch pos vocab"]:
    """What Hugging Face's own `GPT2LMHeadModel` computes from the files of a folder."""
    from transformers import GPT2LMHeadModel

    with without_progress_bars():
        reference: Any = GPT2LMHeadModel.from_pretrained(folder, dtype=dtype)
    with torch.no_grad():
        return reference.eval()(tokens).logits
