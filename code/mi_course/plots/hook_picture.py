"""A picture of the residual stream with every hook point, which tells its name, shape and meaning.

Each point is a button: hover it, tap it, or reach it with the Tab key. No script: HTML and CSS, in
the colours of the page. The names come from the model, so that the picture cannot show one that
the installed library does not have; a point that the picture does not know is an error.
"""

from __future__ import annotations

from collections import defaultdict
from html import escape
from typing import TYPE_CHECKING

from mi_course.models import ModelLacksError
from mi_course.plots.hook_places import BLOCK_TITLE, GPT2, LLAMA, Part, Place, Way

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
        ModelLacksError: the model is built neither as GPT-2 nor as Llama, whose hook points the
            picture shows.
        ValueError: the model has a hook point without a place here, or lacks one that has a place.
    """
    family = _family(model)
    groups = _names_by_place(model, family)
    sizes = {"d_model": model.cfg.d_model, "d_head": model.cfg.d_head, "d_mlp": model.cfg.d_mlp}
    sizes |= {"head": model.cfg.n_heads, "vocab": model.cfg.d_vocab}
    sizes |= {"group": getattr(model.cfg, "n_key_value_heads", None)}
    parts, names = [], []
    for title, places, ways in family:
        height = (max(place.row for place in places) + 1) * _ROW_PX + _TOP_PX + 4
        lines = [_way(way) for way in ways]
        buttons = [_button(place, groups[place.name], sizes) for place in places]
        names += [name for place in places for name in groups[place.name]]
        count = f", for N from 0 to {model.cfg.n_layers - 1}" if title == BLOCK_TITLE else ""
        parts.append(
            f'<div class="hd-part" style="height:{height:g}px"><b>{title}{count}</b>'
            f"{''.join(lines + buttons)}</div>"
        )
    return HookDiagram(f'<div class="hook-diagram">{_STYLE}{"".join(parts)}</div>', names)


def _family(model: TransformerBridge) -> tuple[Part, ...]:
    """The parts of the picture for a model built as this one."""
    if model.cfg.positional_embedding_type == "standard":
        return GPT2
    if model.cfg.positional_embedding_type == "rotary" and model.cfg.gated_mlp:
        return LLAMA
    raise ModelLacksError(
        "the picture shows the hook points of GPT-2, with learned positions, and of Llama, with "
        "rotary ones and a gated MLP; this model is built otherwise: see model.hook_dict for its "
        "own"
    )


def _names_by_place(model: TransformerBridge, family: tuple[Part, ...]) -> dict[str, list[str]]:
    """All names of each place's hook point, in block `{layer}`; several names can mean one."""
    by_point: dict[int, list[str]] = defaultdict(list)
    for name, point in model.hook_dict.items():
        if not name.startswith("blocks.") or name.startswith("blocks.0."):
            by_point[id(point)].append(name.replace("blocks.0.", "blocks.{layer}."))
    groups: dict[str, list[str]] = {}
    for title, places, _ in family:
        prefix = "blocks.{layer}." if title == BLOCK_TITLE else ""
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


def _way(way: Way) -> str:
    """A line beside the stream, from one row to another, that leaves it, joins it, or both."""
    first, last, ends, word = way
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
