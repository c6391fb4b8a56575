"""Where each hook point stands in the picture of a block, for the two families of the course.

A row goes with the data, downwards; column 0 is the residual stream. A point that never runs, or
not until it is switched on, has its place too: the picture shows every name that a model has.
"""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """Where a hook point stands: a name of it (in a block without `blocks.N.`), row, column.

    `shape` names the axes of what passes; it is empty where nothing ever does.
    """

    name: str
    row: float
    column: int
    shape: str
    text: str


class Way(NamedTuple):
    """A line beside the stream: from a row, to a row, which ends meet the stream, and its name."""

    first: float
    last: float
    ends: str
    word: str


class Part(NamedTuple):
    """A box of the picture: its title, the points in it, and the ways beside the stream."""

    title: str
    places: tuple[Place, ...]
    ways: tuple[Way, ...]


BLOCK_TITLE = "block N"
_BEFORE = (
    Place("embed.hook_in", 0, 1, "batch pos", "The token ids."),
    Place("pos_embed.hook_in", 0, 3, "batch pos", "The positions, counted from 0."),
    Place("hook_embed", 1, 1, "batch pos d_model", "Each token's row of W_E."),
    Place("hook_pos_embed", 1, 3, "batch pos d_model", "Each position's row of W_pos."),
)
_BLOCK = (
    Place("hook_resid_pre", 0, 0, "batch pos d_model", "The stream as it enters the block."),
    Place("hook_attn_in", 1, 1, "batch pos head d_model", "A copy of the stream for each head."),
    Place("hook_q_input", 2, 1, "batch pos head d_model", "The copy that queries are made of."),
    Place("hook_k_input", 2, 2, "batch pos head d_model", "The copy that keys are made of."),
    Place("hook_v_input", 2, 3, "batch pos head d_model", "The copy that values are made of."),
    Place("ln1.hook_in", 3, 1, "batch pos d_model", "What the first LayerNorm reads."),
    Place("ln1.hook_scale", 3, 3, "batch pos 1", "The number it divides each position by."),
    Place("ln1.hook_normalized", 4, 1, "batch pos d_model", "Centred and divided."),
    Place("ln1.hook_out", 4, 3, "batch pos d_model", "The same: its weights are folded away."),
    Place("attn.hook_in", 5, 1, "batch pos d_model", "What the attention layer reads."),
    Place("attn.qkv.hook_in", 5, 2, "", "Never runs here: W_Q, W_K and W_V are split apart."),
    Place("attn.qkv.hook_out", 5, 3, "", "Never runs here: W_Q, W_K and W_V are split apart."),
    Place("attn.q.hook_in", 6, 1, "batch pos d_model", "What W_Q reads."),
    Place("attn.k.hook_in", 6, 2, "batch pos d_model", "What W_K reads."),
    Place("attn.v.hook_in", 6, 3, "batch pos d_model", "What W_V reads."),
    Place("attn.hook_q", 7, 1, "batch pos head d_head", "Queries: what each position asks."),
    Place("attn.hook_k", 7, 2, "batch pos head d_head", "Keys: what each position answers to."),
    Place("attn.hook_v", 7, 3, "batch pos head d_head", "Values: what is handed over."),
    Place("attn.hook_attn_scores", 8, 1, "batch head query key", "Query times key, over √d_head."),
    Place("attn.hook_pattern", 9, 1, "batch head query key", "Its softmax: where each head looks."),
    Place("attn.hook_z", 10, 1, "batch pos head d_head", "Each head's values, mixed by it."),
    Place(
        "attn.hook_result", 10, 3, "batch pos head d_model", "What each head writes: z times W_O."
    ),
    Place("attn.o.hook_out", 11, 1, "batch pos d_model", "All heads' outputs added, with b_O."),
    Place("attn.hook_hidden_states", 11, 3, "batch pos d_model", "The same tensor, as returned."),
    Place("hook_attn_out", 12, 1, "batch pos d_model", "What attention adds to the stream."),
    Place("hook_resid_mid", 13, 0, "batch pos d_model", "The stream between attention and MLP."),
    Place("hook_mlp_in", 14, 1, "batch pos d_model", "A copy of the stream for the MLP."),
    Place("ln2.hook_scale", 14, 3, "batch pos 1", "What the second LayerNorm divides by."),
    Place("ln2.hook_normalized", 15, 1, "batch pos d_model", "Centred and divided."),
    Place("ln2.hook_out", 15, 3, "batch pos d_model", "The same: its weights are folded away."),
    Place("mlp.hook_in", 16, 1, "batch pos d_model", "What the MLP reads."),
    Place("mlp.in.hook_in", 16, 3, "batch pos d_model", "The same, at its first matrix."),
    Place("mlp.hook_pre", 17, 1, "batch pos d_mlp", "Its neurons before the activation function."),
    Place("mlp.hook_post", 18, 1, "batch pos d_mlp", "Its neurons after it: MLP activations."),
    Place("mlp.out.hook_out", 19, 1, "batch pos d_model", "What the second matrix returns."),
    Place("hook_mlp_out", 20, 1, "batch pos d_model", "What the MLP adds to the stream."),
    Place("hook_resid_post", 21, 0, "batch pos d_model", "The stream as it leaves the block."),
)
_AFTER = (
    Place("ln_final.hook_in", 0, 1, "batch pos d_model", "The stream after the last block."),
    Place("ln_final.hook_scale", 0, 3, "batch pos 1", "What the final LayerNorm divides by."),
    Place("ln_final.hook_normalized", 1, 1, "batch pos d_model", "Centred and divided."),
    Place("ln_final.hook_out", 1, 3, "batch pos d_model", "The same: its weights are folded away."),
    Place("unembed.hook_in", 2, 1, "batch pos d_model", "What W_U reads."),
    Place("hook_unembed", 3, 1, "batch pos vocab", "The logits."),
)
GPT2 = (
    Part("embeddings", _BEFORE, (Way(-0.1, 1.5, "join", ""),)),
    Part(
        BLOCK_TITLE,
        _BLOCK,
        (Way(0.5, 12.5, "leave join", "attention"), Way(13.5, 20.5, "leave join", "MLP")),
    ),
    Part("to logits", _AFTER, (Way(-0.4, 3, "leave", ""),)),
)
"""Learned positions, LayerNorms, an MLP of two matrices."""

_LLAMA_BEFORE = (
    Place("embed.hook_in", 0, 1, "batch pos", "The token ids."),
    Place("rotary_emb.hook_in", 0, 3, "batch pos d_model", "Read for its kind of number only."),
    Place("hook_embed", 1, 1, "batch pos d_model", "Each token's row of W_E."),
    Place("rotary_emb.hook_cos", 1, 3, "batch pos d_head", "The cosine of each position's angles."),
    Place("rotary_emb.hook_sin", 2, 3, "batch pos d_head", "Their sine."),
    Place("hook_pos_embed", 3, 3, "", "Never runs: no position is added to the stream."),
)
_LLAMA_BLOCK = (
    Place("hook_resid_pre", 0, 0, "batch pos d_model", "The stream as it enters the block."),
    Place("hook_attn_in", 1, 1, "batch pos head d_model", "A copy of the stream for each head."),
    Place("hook_q_input", 2, 1, "batch pos head d_model", "The copy that queries are made of."),
    Place("hook_k_input", 2, 2, "batch pos group d_model", "The copy that keys are made of."),
    Place("hook_v_input", 2, 3, "batch pos group d_model", "The copy that values are made of."),
    Place("ln1.hook_in", 3, 1, "batch pos d_model", "What the first RMSNorm reads."),
    Place("ln1.hook_scale", 3, 3, "batch pos 1", "The number it divides each position by."),
    Place("ln1.hook_normalized", 4, 1, "batch pos d_model", "Divided; no mean is subtracted."),
    Place("ln1.hook_out", 4, 3, "batch pos d_model", "The same: its weights are folded away."),
    Place("attn.hook_in", 5, 1, "batch pos d_model", "What the attention layer reads."),
    Place("attn.q.hook_in", 6, 1, "batch pos d_model", "What W_Q reads."),
    Place("attn.k.hook_in", 6, 2, "batch pos d_model", "What W_K reads."),
    Place("attn.v.hook_in", 6, 3, "batch pos d_model", "What W_V reads."),
    Place("attn.hook_q", 7, 1, "batch pos head d_head", "Queries, before they are turned."),
    Place("attn.hook_k", 7, 2, "batch pos group d_head", "Keys, before they are turned."),
    Place("attn.hook_v", 7, 3, "batch pos group d_head", "Values: what is handed over."),
    Place("attn.hook_cos", 8, 1, "batch pos d_head", "The cosine of each position's angles."),
    Place("attn.hook_sin", 8, 2, "batch pos d_head", "Their sine."),
    Place("attn.hook_rot_q", 9, 1, "batch pos head d_head", "Queries, turned by their position."),
    Place("attn.hook_rot_k", 9, 2, "batch pos group d_head", "Keys, turned by their position."),
    Place("attn.hook_attn_scores", 10, 1, "batch head query key", "Query times key, over √d_head."),
    Place("attn.hook_pattern", 11, 1, "batch head query key", "Its softmax: where a head looks."),
    Place("attn.hook_z", 12, 1, "batch pos head d_head", "Each head's values, mixed by it."),
    Place(
        "attn.hook_result", 12, 3, "batch pos head d_model", "What each head writes: z times W_O."
    ),
    Place("attn.o.hook_out", 13, 1, "batch pos d_model", "All heads' outputs added."),
    Place("attn.hook_hidden_states", 13, 3, "", "Never runs here: see hook_attn_out."),
    Place("hook_attn_out", 14, 1, "batch pos d_model", "What attention adds to the stream."),
    Place("hook_resid_mid", 15, 0, "batch pos d_model", "The stream between attention and MLP."),
    Place("hook_mlp_in", 16, 1, "batch pos d_model", "A copy of the stream for the MLP."),
    Place("ln2.hook_scale", 16, 3, "batch pos 1", "What the second RMSNorm divides by."),
    Place("ln2.hook_normalized", 17, 1, "batch pos d_model", "Divided; no mean is subtracted."),
    Place("ln2.hook_out", 17, 3, "batch pos d_model", "The same: its weights are folded away."),
    Place("mlp.hook_in", 18, 1, "batch pos d_model", "What the MLP reads."),
    Place("mlp.gate.hook_in", 19, 1, "", "Never runs here: see mlp.hook_in."),
    Place("mlp.in.hook_in", 19, 3, "", "Never runs here: see mlp.hook_in."),
    Place("mlp.hook_pre", 20, 1, "batch pos d_mlp", "What W_gate gives, before the activation."),
    Place("mlp.hook_pre_linear", 20, 3, "batch pos d_mlp", "What W_in gives: the other factor."),
    Place(
        "mlp.hook_post", 21, 1, "batch pos d_mlp", "The gate, activated, times that: activations."
    ),
    Place("mlp.out.hook_out", 22, 1, "batch pos d_model", "What the last matrix returns."),
    Place("hook_mlp_out", 23, 1, "batch pos d_model", "What the MLP adds to the stream."),
    Place("hook_resid_post", 24, 0, "batch pos d_model", "The stream as it leaves the block."),
)
_LLAMA_AFTER = (
    Place("ln_final.hook_in", 0, 1, "batch pos d_model", "The stream after the last block."),
    Place("ln_final.hook_scale", 0, 3, "batch pos 1", "What the final RMSNorm divides by."),
    Place("ln_final.hook_normalized", 1, 1, "batch pos d_model", "Divided; no mean is subtracted."),
    Place("ln_final.hook_out", 1, 3, "batch pos d_model", "The same: its weights are folded away."),
    Place("unembed.hook_in", 2, 1, "batch pos d_model", "What W_U reads."),
    Place("hook_unembed", 3, 1, "batch pos vocab", "The logits."),
)
LLAMA = (
    Part("embeddings", _LLAMA_BEFORE, (Way(-0.1, 1.5, "join", ""),)),
    Part(
        BLOCK_TITLE,
        _LLAMA_BLOCK,
        (Way(0.5, 14.5, "leave join", "attention"), Way(15.5, 23.5, "leave join", "MLP")),
    ),
    Part("to logits", _LLAMA_AFTER, (Way(-0.4, 3, "leave", ""),)),
)
"""Rotary positions, RMSNorms, keys and values of groups of heads, an MLP of three matrices."""
