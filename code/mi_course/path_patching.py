"""Path patching: change what one head, the sender, gives to some receivers and to nothing else.

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

from mi_course import folded as folded_pass
from mi_course import ioi
from mi_course.folded import Folded, Run
from mi_course.heads import Head, check_head
from mi_course.microbatches import Microbatch, microbatches
from mi_course.patching import ROWS, n_units, units

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

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
    folded = folded_pass.of(model)
    out = torch.empty(len(orig), model.cfg.n_layers, model.cfg.n_heads)
    for microbatch in microbatches(orig, new, answers, batch_size, progress):
        run, other = folded.run(microbatch.of(orig)), folded.run(microbatch.of(new))
        end = torch.full((len(microbatch.rows), 1), microbatch.length - 1)
        streams = _streams(folded, run, other, end, range(model.cfg.n_heads))
        values = folded.logit_diff(streams[-1][:, :, 0], answers[microbatch.rows])  # sender batch
        by_head = values.unflatten(0, out.shape[1:])  # layer head batch
        out[microbatch.rows] = by_head.permute(2, 0, 1).cpu()  # batch layer head
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

    The queries, keys or values that the receivers would compute from the sender's change alone are
    put into an otherwise unchanged run on x_orig; everything after the receivers is computed anew.

    Args:
        model: as for `to_logits`.
        orig: as for `to_logits`.
        new: as for `to_logits`.
        answers: as for `to_logits`.
        receivers: (layer, head) pairs; their inputs are replaced together. Where a group of heads
            shares keys and values, those have (layer, group) pairs: see `patching.units`.
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
        _check_receiver(model, layer, head, into)
    if positions is not None and not bool(((positions >= 0) & (positions <= answers.end)).all()):
        raise ValueError("positions must lie between 0 and END: nothing after END is read")
    folded = folded_pass.of(model)
    out = torch.empty(len(orig), model.cfg.n_layers, model.cfg.n_heads)
    for microbatch in microbatches(orig, new, answers, batch_size, progress):
        run, other = folded.run(microbatch.of(orig)), folded.run(microbatch.of(new))
        at = answers[microbatch.rows]
        changed = _changed_positions(microbatch, positions)
        size = max(1, ROWS // (model.cfg.n_layers * changed.numel()))
        unchanged = folded.logit_diff(run.pre[-1][:, -1], at).cpu()
        out[microbatch.rows] = unchanged[:, None, None]  # batch 1 1
        if max(receivers)[0] == 0:  # no head comes before
            continue
        for some in ioi.slices(model.cfg.n_heads, size):
            senders = range(some.start, some.stop)
            streams = _streams(folded, run, other, changed, senders)
            values = _through_receivers(folded, run, at, streams, changed, receivers, into)
            layers = len(values) // len(senders)
            by_head = values.unflatten(0, (layers, -1))  # layer some batch
            out[microbatch.rows, :layers, some] = by_head.permute(2, 0, 1).cpu()  # batch layer some
    return out


def _check_receiver(model: TransformerBridge, layer: int, head: int, into: Into) -> None:
    check_head(model, layer, head)
    if head >= (count := n_units(model, into)):
        raise IndexError(
            f"{units(model, into)} {head} out of range: this model's keys and values are shared, "
            f"and a layer has groups 0..{count - 1}"
        )


def relative_change(
    patched: Float[Tensor, "batch layer head"], clean: Float[Tensor, "batch"]
) -> Float[Tensor, "layer head"]:
    """Change of the mean logit difference in percent of the clean one: what figure 3(b) colours."""
    return 100 * (patched.mean(0) - clean.mean()) / clean.mean()


def _changed_positions(
    microbatch: Microbatch, positions: Int[Tensor, "all"] | None
) -> Int[Tensor, "batch changed"]:
    """Where the receivers' input is replaced: all that can differ, or one position of each."""
    if positions is not None:
        return positions.cpu()[microbatch.rows, None]
    return torch.arange(microbatch.first, microbatch.length).expand(len(microbatch.rows), -1)


def _streams(
    folded: Folded,
    run: Run,
    other: Run,
    positions: Int[Tensor, "batch changed"],
    senders: range,
) -> list[Float[Tensor, "sender batch changed d_model"]]:
    """Residual stream before each layer and after the last, one sender at a time, heads frozen.

    Frozen heads move nothing from position to position, so any positions can be taken by
    themselves. The stream before layer i is that of the senders of layers 0 to i − 1, in order.
    """
    rows = torch.arange(len(positions))[:, None]  # batch 1
    heads = slice(senders.start, senders.stop)
    active = run.pre[0].new_empty(0, *positions.shape, run.pre[0].shape[-1])
    found = [active]
    for layer in range(len(folded.blocks)):
        frozen = run.attention_output(layer)[rows, positions]
        change = (other.z[layer] - run.z[layer]).transpose(1, 2)  # batch pos head d_head
        change = change[rows, positions].transpose(1, 2)  # batch head changed d_head
        sent = run.mid[layer][rows, positions] + folded.head_outputs(layer, change, heads)
        active = torch.cat([active + frozen, sent])
        active = active + folded.mlp(layer, active)
        found.append(active)
    return found


def _through_receivers(
    folded: Folded,
    run: Run,
    answers: ioi.Answers,
    streams: list[Float[Tensor, "sender batch changed d_model"]],
    positions: Int[Tensor, "batch changed"],
    receivers: Sequence[Head],
    into: Into,
) -> Float[Tensor, "sender batch"]:
    """Logit differences when the receivers take their input from `streams`, all later parts anew.

    Only for senders before the last receiver.
    """
    first = int(positions.min())
    lowest, highest = min(receivers)[0], max(receivers)[0]
    n = len(streams[highest])
    active = run.pre[lowest][:, first:].expand(n, -1, -1, -1)  # sender batch span d_model
    for layer in range(lowest, len(folded.blocks)):
        swap = None
        heads = [head for i, head in receivers if i == layer]
        if heads:
            swap = _ReceiverInputs(folded, run, layer, streams[layer], positions, heads, into, n)
        active = folded.attention(layer, active, run, swap)
        active = active + folded.mlp(layer, active)
    return folded.logit_diff(active[:, :, -1], answers)


class _ReceiverInputs:
    """Queries, keys or values of one layer's receivers, computed from the senders' streams.

    Called with those of a forward pass, it puts the receivers' in their place.

    Args:
        folded: the model.
        run: of the prompts without a patch.
        layer: of the receivers.
        stream: before that layer, of the senders that come before it.
        positions: where `stream` is, and where the receivers' input is replaced.
        heads: the receivers of this layer; groups of heads for shared keys and values.
        into: which of the three is replaced.
        n: how many senders there are in all; those not before this layer change nothing here.
    """

    def __init__(
        self,
        folded: Folded,
        run: Run,
        layer: int,
        stream: Float[Tensor, "sender batch changed d_model"],
        positions: Int[Tensor, "batch changed"],
        heads: list[int],
        into: Into,
        n: int,
    ) -> None:
        self.part = "qkv".index(into)
        self.heads = heads
        first = int(positions.min())
        rows = torch.arange(len(positions))[:, None]  # batch 1
        span = (run.q, run.k, run.v)[self.part][layer][:, heads, first:]  # batch head span d_head
        at = positions.repeat(len(stream), 1)  # sender_batch changed
        new = folded.qkv(layer, stream.flatten(0, 1), at)[self.part][:, heads]
        new = new.unflatten(0, stream.shape[:2])  # sender batch head changed d_head
        self.value = span.repeat(n, 1, 1, 1, 1)  # n batch head span d_head
        by_position = self.value.transpose(2, 3)  # n batch span head d_head
        by_position[: len(stream), rows, positions - first] = new.transpose(2, 3)
        mask = torch.zeros(len(positions), span.shape[2], dtype=torch.bool)  # batch span
        mask[rows, positions - first] = True
        self.mask = mask.to(span.device)

    def __call__(
        self, *qkv: Float[Tensor, "sender_batch head span d_head"]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The three, one of them with other values; queries may be those of END alone."""
        found = list(qkv)
        old = found[self.part]
        span = slice(-old.shape[2], None)
        value = self.value.flatten(0, 1)[:, :, span]  # sender_batch head span d_head
        mask = self.mask[:, span].repeat(len(self.value), 1)  # sender_batch span
        changed = old.clone()
        changed[:, self.heads] = torch.where(
            mask[:, None, :, None],  # sender_batch 1 span 1
            value,
            old[:, self.heads],
        )
        found[self.part] = changed
        return found[0], found[1], found[2]
