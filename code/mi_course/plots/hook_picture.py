"""A picture of the residual stream with every hook point, which tells its name, shape and meaning.

Each point is a button: hover it, tap it, or reach it with the Tab key. No script: HTML and CSS, in
the colours of the page. The names come from the model, so that the picture cannot show one that
the installed library does not have; a point that the picture does not know is an error.
"""

from __future__ import annotations

from collections import defaultdict
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from mi_course.models import ModelLacksError

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

_ROW_PX = 28
_COLUMNS_PX = (4, 92, 168, 240)
_TOP_PX = 30
_SWITCHES = {
    "hook_attn_in": "set_use_attn_in",
    "hook_q_input": "set_use_split_qkv_input",
    "hook_k_input": "set_use_split_qkv_input",
    "hook_v_input": "set_use_split_qkv_input",
    "hook_mlp_in": "set_use_hook_mlp_in",
    "attn.hook_result": "set_use_attn_result",
}


class Place(NamedTuple):
    """Where a hook point stands: a name of it (in a block without `blocks.N.`), row, column."""

    name: str
    row: float
    column: int
    shape: str
    text: str


# Column 0 is the residual stream; rows go with the data, downwards.
BEFORE = (
    Place("embed.hook_in", 0, 1, "batch pos", "The token ids."),
    Place("pos_embed.hook_in", 0, 3, "batch pos", "The positions, counted from 0."),
    Place("hook_embed", 1, 1, "batch pos d_model", "Each token's row of W_E."),
    Place("hook_pos_embed", 1, 3, "batch pos d_model", "Each position's row of W_pos."),
)
BLOCK = (
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
AFTER = (
    Place("ln_final.hook_in", 0, 1, "batch pos d_model", "The stream after the last block."),
    Place("ln_final.hook_scale", 0, 3, "batch pos 1", "What the final LayerNorm divides by."),
    Place("ln_final.hook_normalized", 1, 1, "batch pos d_model", "Centred and divided."),
    Place("ln_final.hook_out", 1, 3, "batch pos d_model", "The same: its weights are folded away."),
    Place("unembed.hook_in", 2, 1, "batch pos d_model", "What W_U reads."),
    Place("hook_unembed", 3, 1, "batch pos vocab", "The logits."),
)
# Title, places, and the ways that leave the stream or join it: from a row, to a row, which ends.
_PARTS = (
    ("embeddings", BEFORE, ((-0.1, 1.5, "join", ""),)),
    ("block N", BLOCK, ((0.5, 12.5, "leave join", "attention"), (13.5, 20.5, "leave join", "MLP"))),
    ("to logits", AFTER, ((-0.4, 3, "leave", ""),)),
)


class HookDiagram:
    """The picture; a notebook and the site show its HTML.

    Attributes:
        names: every hook point's name that the picture shows, with `{layer}` for the block.
    """

    def __init__(self, html: str, names: list[str]) -> None:
        self.names = names
        self._html = html

    def _repr_html_(self) -> str:
        return self._html


def hook_diagram(model: TransformerBridge) -> HookDiagram:
    """The residual stream of a model with all its hook points, one block standing for all.

    Raises:
        ModelLacksError: the model is not built as GPT-2, whose hook points the picture shows.
        ValueError: the model has a hook point without a place here, or lacks one that has a place.
    """
    if model.cfg.positional_embedding_type != "standard":
        raise ModelLacksError(
            "the picture shows the hook points of GPT-2, with learned positions and LayerNorms, "
            "which this model does not have: see model.hook_dict for its own"
        )
    groups = _names_by_place(model)
    sizes = {"d_model": model.cfg.d_model, "d_head": model.cfg.d_head, "d_mlp": model.cfg.d_mlp}
    sizes |= {"head": model.cfg.n_heads, "vocab": model.cfg.d_vocab}
    parts, names = [], []
    for title, places, ways in _PARTS:
        height = (max(place.row for place in places) + 1) * _ROW_PX + _TOP_PX + 4
        lines = [_way(*way) for way in ways]
        buttons = [_button(place, groups[place.name], sizes) for place in places]
        names += [name for place in places for name in groups[place.name]]
        count = f", for N from 0 to {model.cfg.n_layers - 1}" if places is BLOCK else ""
        parts.append(
            f'<div class="hd-part" style="height:{height:g}px"><b>{title}{count}</b>'
            f"{''.join(lines + buttons)}</div>"
        )
    return HookDiagram(f'<div class="hook-diagram">{_STYLE}{"".join(parts)}</div>', names)


def _names_by_place(model: TransformerBridge) -> dict[str, list[str]]:
    """All names of each place's hook point, in block `{layer}`; several names can mean one."""
    by_point: dict[int, list[str]] = defaultdict(list)
    for name, point in model.hook_dict.items():
        if not name.startswith("blocks.") or name.startswith("blocks.0."):
            by_point[id(point)].append(name.replace("blocks.0.", "blocks.{layer}."))
    groups: dict[str, list[str]] = {}
    for _, places, _ in _PARTS:
        prefix = "blocks.{layer}." if places is BLOCK else ""
        for place in places:
            wanted = prefix + place.name
            found = next((names for names in by_point.values() if wanted in names), None)
            if found is None:
                raise ValueError(f"this model has no hook point {wanted}")
            groups[place.name] = [wanted, *(name for name in found if name != wanted)]
    shown = {name for names in groups.values() for name in names}
    missing = sorted({name for names in by_point.values() for name in names} - shown)
    if missing:
        raise ValueError(f"no place in the picture for {', '.join(missing)}")
    return groups


def _way(first: float, last: float, ends: str, word: str) -> str:
    """A line beside the stream, from one row to another, that leaves it, joins it, or both."""
    top = _TOP_PX + 11 + first * _ROW_PX
    height = (last - first) * _ROW_PX
    style = f"top:{top:g}px;height:{height:g}px"
    return f'<div class="hd-way {ends}" style="{style}"><em>{word}</em></div>'


def _button(place: Place, names: list[str], sizes: dict[str, int | None]) -> str:
    switch = _SWITCHES.get(place.name)
    axes = ", ".join(
        f"{axis} {sizes[axis]}" if axis in sizes else axis for axis in place.shape.split()
    )
    lines = [f"<code>{escape(name.replace('{layer}', 'N'))}</code>" for name in names]
    lines += [f"({axes})"] if axes else []
    lines += [escape(place.text)]
    lines += [f"Off until model.{switch}(True)."] if switch else []
    kind = "hd-off" if switch or not axes else "hd-stream" if place.column == 0 else ""
    # a box at the right edge opens to the left
    side = "hd-left" if place.column > 1 else ""
    left, top = _COLUMNS_PX[place.column], _TOP_PX + place.row * _ROW_PX
    label = place.name.replace("hook_", "").removeprefix("attn.")
    return (
        f'<button type="button" class="hd {kind} {side}" style="left:{left}px;top:{top:g}px">'
        f'<i></i>{escape(label)}<span class="hd-tip">{"<br>".join(lines)}</span></button>'
    )


_STYLE = """<style>
.hook-diagram{position:relative;width:350px;max-width:100%;font:12px/1.35 system-ui,sans-serif}
.hd-part{position:relative;margin:0 0 8px;border:1px solid rgba(128,128,128,.5);border-radius:8px}
.hd-part>b{position:absolute;left:8px;top:6px;font-weight:600}
.hd-part::before{content:"";position:absolute;left:15px;top:26px;bottom:-9px;width:4px;
background:#0072B2;opacity:.55}
.hd-way{position:absolute;left:17px;width:81px;border:0 solid rgba(128,128,128,.6);
border-right-width:2px}
.hd-way em{position:absolute;left:12px;top:42%}
.hd-part:last-child::before{bottom:auto;height:6px}
.hd-way.leave{border-top-width:2px;border-top-right-radius:10px}
.hd-way.join{border-bottom-width:2px;border-bottom-right-radius:10px}
.hook-diagram .hd{position:absolute;display:flex;gap:4px;align-items:center;margin:0;
padding:3px 2px;border:0;background:none;color:inherit;font:inherit;white-space:nowrap;cursor:help}
.hd i{width:11px;height:11px;border-radius:50%;background:#D55E00;flex:none}
.hd-stream i{background:#0072B2;width:17px;height:17px;margin:0 2px}
.hd-off i{background:none;border:2px dashed #888;width:8px;height:8px}
.hd:hover,.hd:focus{z-index:9;outline:2px solid #0072B2;border-radius:4px}
.hd-tip{display:none;position:absolute;left:0;top:100%;width:230px;padding:8px;text-align:left;
white-space:normal;border:1px solid #0072B2;border-radius:6px;
background:var(--pst-color-background,var(--jp-layout-color0,Canvas));
color:var(--pst-color-text-base,var(--jp-content-font-color1,CanvasText))}
.hd-left .hd-tip{left:auto;right:0}
.hd:hover .hd-tip,.hd:focus .hd-tip{display:block}
div.text_html:has(.hook-diagram){background:none!important;
color:var(--pst-color-text-base)!important}
.hd-tip code{font-size:11px;overflow-wrap:anywhere}
</style>"""
