"""Path patching: change what one head says to one listener, and let nobody else hear it.

The method of Wang et al. 2022, arXiv:2211.00593, appendix B. Every attention head is frozen at its
value on x_orig, except the sender, which takes its value on x_new. MLPs and LayerNorms are
recomputed, so a path may pass through them, but through no other head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import folded_gpt2, ioi
from mi_course.folded_gpt2 import Plain, Run
from mi_course.hooks import check_head
from mi_course.microbatches import Piece, pieces
from mi_course.patching import ROWS

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Head: TypeAlias = tuple[int, int]
Into: TypeAlias = Literal["q", "k", "v"]


@torch.no_grad()
def to_logits(
    model: TransformerBridge,
    orig: Int[Tensor, "batch pos"],
    new: Int[Tensor, "batch pos"],
    answers: ioi.Answers,
    *,
    batch_size: int = 25,
    progress: bool = False,
) -> Float[Tensor, "batch layer head"]:
    """Patches the direct path from each head to the logits: figure 3(b) of the paper.

    Args:
        model: in compatibility mode.
        orig: the prompts of the run that is patched, x_orig.
        new: as many prompts, row by row with names at the same positions, x_new.
        answers: the two tokens whose logits are compared, and where.
        batch_size: prompts at a time; the memory needed grows with it, not with their number.
        progress: show a bar.

    Returns:
        Logit difference of the patched run, one head as the sender at a time.
    """
    plain = folded_gpt2.plain(model)
    out = torch.empty(len(orig), model.cfg.n_layers, model.cfg.n_heads)
    for piece in pieces(orig, new, answers, batch_size, progress):
        run, other = plain.run(piece.of(orig)), plain.run(piece.of(new))
        end = torch.full((len(piece.rows), 1), piece.length - 1)
        streams = _streams(plain, run, other, end, range(model.cfg.n_heads))
        values = plain.read(streams[-1][:, :, 0], answers[piece.rows])
        out[piece.rows] = values.unflatten(0, out.shape[1:]).permute(2, 0, 1)
    return out


@torch.no_grad()
def to_heads(
    model: TransformerBridge,
    orig: Int[Tensor, "batch pos"],
    new: Int[Tensor, "batch pos"],
    answers: ioi.Answers,
    receivers: Sequence[Head],
    into: Into,
    positions: Int[Tensor, "batch"] | None = None,
    *,
    batch_size: int = 25,
    progress: bool = False,
) -> Float[Tensor, "batch layer head"]:
    """Patches the paths from each head to the queries, keys or values of later heads.

    What the receivers would compute if they alone heard the sender's change is put into an
    otherwise unchanged run on x_orig, in which everything after the receivers is computed anew.

    Args:
        model: as for `to_logits`.
        orig: as for `to_logits`.
        new: as for `to_logits`.
        answers: as for `to_logits`.
        receivers: (layer, head) pairs; their inputs are replaced together.
        into: `q`, `k` or `v` of the receivers.
        positions: one for each prompt: replace the receivers' input only there; None: everywhere.
        batch_size: as for `to_logits`.
        progress: as for `to_logits`.

    Returns:
        Logit difference, one head as the sender at a time; unchanged for a head that no receiver
        follows.

    Raises:
        ValueError: no receivers, an unknown `into`, or a position after END.
        IndexError: a receiver that the model does not have.
    """
    if into not in ("q", "k", "v"):
        raise ValueError(f"into must be 'q', 'k' or 'v', not {into!r}")
    if not receivers:
        raise ValueError("no receivers: name at least one head, such as [(1, 2)]")
    for layer, head in receivers:
        check_head(model, layer, head)
    if positions is not None and not bool(((positions >= 0) & (positions <= answers.end)).all()):
        raise ValueError("positions must lie between 0 and END: nothing after END is read")
    plain = folded_gpt2.plain(model)
    out = torch.empty(len(orig), model.cfg.n_layers, model.cfg.n_heads)
    for piece in pieces(orig, new, answers, batch_size, progress):
        run, other = plain.run(piece.of(orig)), plain.run(piece.of(new))
        at = answers[piece.rows]
        heard = _positions(piece, None if positions is None else positions[piece.rows])
        size = max(1, ROWS // (model.cfg.n_layers * heard.numel()))
        out[piece.rows] = plain.read(run.pre[-1][:, -1], at)[:, None, None]
        if max(receivers)[0] == 0:  # no head comes before
            continue
        for some in ioi.slices(model.cfg.n_heads, size):
            senders = range(some.start, some.stop)
            streams = _streams(plain, run, other, heard, senders)
            values = _listen(plain, run, at, streams, heard, receivers, into)
            layers = len(values) // len(senders)
            out[piece.rows, :layers, some] = values.unflatten(0, (layers, -1)).permute(2, 0, 1)
    return out


def relative_change(
    patched: Float[Tensor, "batch layer head"], clean: Float[Tensor, "batch"]
) -> Float[Tensor, "layer head"]:
    """Change of the mean logit difference in percent of the clean one: what figure 3(b) colours."""
    return 100 * (patched.mean(0) - clean.mean()) / clean.mean()


def _positions(piece: Piece, positions: Int[Tensor, "batch"] | None) -> Int[Tensor, "batch heard"]:
    """Where the receivers hear the sender: all that can change, or one position of each prompt."""
    if positions is not None:
        return positions[:, None]
    return torch.arange(piece.first, piece.length).expand(len(piece.rows), -1)


def _streams(
    plain: Plain,
    run: Run,
    other: Run,
    heard: Int[Tensor, "batch heard"],
    senders: range,
) -> list[Float[Tensor, "sender batch heard d_model"]]:
    """Residual stream before each layer and after the last, one sender at a time, heads frozen.

    Frozen heads move nothing from position to position, so any positions can be taken by
    themselves. The stream before layer i is that of the senders of layers 0 to i − 1, in order.
    """
    rows = torch.arange(len(heard))[:, None]
    heads = slice(senders.start, senders.stop)
    active = run.pre[0].new_empty(0, *heard.shape, run.pre[0].shape[-1])
    found = [active]
    for layer in range(len(plain.blocks)):
        frozen = run.attention_output(layer)[rows, heard]
        change = (other.z[layer] - run.z[layer]).transpose(1, 2)[rows, heard].transpose(1, 2)
        sent = run.mid[layer][rows, heard] + plain.head_outputs(layer, change, heads)
        active = torch.cat([active + frozen, sent])
        active = active + plain.mlp(layer, active)
        found.append(active)
    return found


def _listen(
    plain: Plain,
    run: Run,
    answers: ioi.Answers,
    streams: list[Float[Tensor, "sender batch heard d_model"]],
    heard: Int[Tensor, "batch heard"],
    receivers: Sequence[Head],
    into: Into,
) -> Float[Tensor, "sender batch"]:
    """Logit differences when the receivers take their input from `streams`, and all else hears.

    Only for senders before the last receiver.
    """
    first = int(heard.min())
    lowest, highest = min(receivers)[0], max(receivers)[0]
    n = len(streams[highest])
    active = run.pre[lowest][:, first:].expand(n, -1, -1, -1)
    for layer in range(lowest, len(plain.blocks)):
        swap = None
        listening = [head for i, head in receivers if i == layer]
        if listening:
            swap = _Swap(plain, run, layer, streams[layer], heard, listening, into, n)
        active = plain.attention(layer, active, run, swap)
        active = active + plain.mlp(layer, active)
    return plain.read(active[:, :, -1], answers)


class _Swap:
    """Puts the queries, keys or values that the receivers of one layer heard in place."""

    def __init__(
        self,
        plain: Plain,
        run: Run,
        layer: int,
        stream: Float[Tensor, "sender batch heard d_model"],
        heard: Int[Tensor, "batch heard"],
        listening: list[int],
        into: Into,
        n: int,
    ) -> None:
        self.part = "qkv".index(into)
        self.listening = listening
        base = (run.q, run.k, run.v)[self.part][layer][:, listening]
        first = int(heard.min())
        rows = torch.arange(len(heard))[:, None]
        # batch head span d_head of every sender; of those not before this layer, as it was
        self.value = base[None, :, :, first:].repeat(n, 1, 1, 1, 1)
        new = plain.qkv(layer, stream.flatten(0, 1))[self.part][:, listening]
        new = new.unflatten(0, stream.shape[:2]).permute(0, 1, 3, 2, 4)
        self.value.transpose(2, 3)[: len(stream), rows, heard - first] = new
        self.mask = torch.zeros(len(heard), base.shape[2] - first, dtype=torch.bool)
        self.mask[rows, heard - first] = True

    def __call__(
        self, *qkv: Float[Tensor, "sender_batch head span d_head"]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The three, one of them with other values; queries may be those of END alone."""
        found = list(qkv)
        old = found[self.part]
        span = slice(-old.shape[2], None)
        value = self.value.flatten(0, 1)[:, :, span]
        mask = self.mask[:, span].repeat(len(self.value), 1)[:, None, :, None]
        changed = old.clone()
        changed[:, self.listening] = torch.where(mask, value, old[:, self.listening])
        found[self.part] = changed
        return found[0], found[1], found[2]
