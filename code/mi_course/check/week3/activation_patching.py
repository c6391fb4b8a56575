"""Checks on activation patching: the metric, the positions, the corrupted prompt, the patch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mi_course.check.axes import lost
from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.differences import related
from mi_course.check.hook_points import HookPoint
from mi_course.check.mistakes import Cases, named
from mi_course.check.numerals import first_apart


@exercise
def normalised(attempt: Attempt) -> None:
    """`(patched, corrupted, clean) -> share of the way from corrupted (0) to clean (1)`."""
    table = torch.tensor([[1.0, -3.0, 4.0], [6.0, 0.5, -2.0]])
    # the corrupted run may lie above the clean one
    cases = Cases()
    for patched, corrupted, clean in (
        (table, -3.0, 4.0),
        (table, 2.0, 6.0),
        (table[0], 3.5, -1.5),
        (table[1, :1], -0.5, 2.0),
    ):
        with cases.case():
            _compare_shares(attempt, patched, corrupted, clean, cases)


def _compare_shares(
    attempt: Attempt, patched: Tensor, corrupted: float, clean: float, cases: Cases
) -> None:
    shape = tuple(patched.shape)
    found = attempt.tensor(patched, corrupted, clean, shape=shape, axes="that of `patched`")
    right = (patched - corrupted) / (clean - corrupted)
    mistakes = {
        "0 and 1 are exchanged: a patched run that equals the corrupted run should give 0": (
            (clean - patched) / (clean - corrupted)
        ),
        "the sign is wrong: is the difference below the line clean minus corrupted?": -right,
        "the corrupted run is not subtracted: a patch that changes nothing should give 0": (
            patched / (clean - corrupted)
        ),
        "this is the change in logits: divide by clean minus corrupted": patched - corrupted,
        "this is the patched run over the clean run: it forgets the corrupted run, where the "
        "scale begins": patched / clean,
        "this divides by the clean run: divide by the whole distance, clean minus corrupted": (
            (patched - corrupted) / clean
        ),
        "this divides by the corrupted run: divide by the whole distance, clean minus corrupted": (
            (patched - corrupted) / corrupted
        ),
        "the scale begins at the clean run: begin at the corrupted one": (
            (patched - clean) / (clean - corrupted)
        ),
        "the distance from corrupted to clean is taken without its sign: the scale runs from "
        "corrupted to clean, in whichever direction": (patched - corrupted)
        / abs(clean - corrupted),
        "the sign of the result is lost: values may lie below 0": right.abs(),
        "the corrupted run is added below the line: clean minus corrupted": (
            (patched - corrupted) / (clean + corrupted)
        ),
        "the scale ends at the mean of the patched values: it ends at the clean run": (
            (patched - corrupted) / (patched.mean() - corrupted)
        ),
        "this is in percent: give a share, where the clean run is 1": 100 * right,
        "the result is cut to 0..1: keep values outside, they are findings": right.clamp(0, 1),
        "the scale runs from the smallest to the largest of the patched values: it is that of "
        "the two runs, corrupted to clean": (
            (patched - patched.min()) / (patched.max() - patched.min())
        ),
    }
    differs = first_apart(found, right)
    hint = (
        f"with corrupted {corrupted} and clean {clean}, {patched[differs.at].item():.1f} should "
        f"become {differs.right}, and yours is {differs.found}"
    )
    cases.judge(found, right, mistakes, hint)


@exercise
def logit_difference(attempt: Attempt) -> None:
    """`(logits [batch, pos, vocab], io, s, end [batch]) -> [batch]`."""
    generator = torch.Generator().manual_seed(0)
    io, s = torch.tensor([1, 5, 8, 2]), torch.tensor([3, 0, 7, 4])
    logits = torch.randn(4, 6, 9, generator=generator)
    cases = Cases("prompt")
    for given in (
        (logits, io, s, torch.tensor([4, 3, 5, 5])),
        (logits[:1, :3], io[:1], s[:1], torch.tensor([1])),
        (logits[:3], s[1:], io[1:], torch.tensor([2, 2, 1])),
    ):
        with cases.case():
            _compare_differences(attempt, *given, cases)


def _compare_differences(
    attempt: Attempt, logits: Tensor, io: Tensor, s: Tensor, end: Tensor, cases: Cases
) -> None:
    batch, n = logits.shape[:2]
    rows = torch.arange(batch)
    last = torch.full((batch,), n - 1)

    def at(ends: Tensor, right: Tensor = io, wrong: Tensor = s, x: Tensor = logits) -> Tensor:
        return x[rows, ends, right] - x[rows, ends, wrong]

    attempt.expect(at(end), logits, io, s, end)
    if batch == 4:
        _explain_difference(attempt(logits, io, s, end))
    found = attempt.tensor(logits, io, s, end, shape=(batch,), axes="(batch)")
    right = at(end)
    mistakes = {
        "io and s are exchanged: it is the logit of IO minus that of S": at(end, s, io),
        "this reads the last position of every prompt: prompts end at different positions, at "
        "`end`": at(last),
        "every prompt is read at the first prompt's END: prompts end at different positions, and "
        "`end` has one for each": at(end[:1].expand(batch)),
        "this reads one position too early: END itself predicts the name": at(end - 1),
        "this reads one position too late: END itself predicts the name": at((end + 1) % n),
        "this reads one position too late, up to the last: END itself predicts the name": at(
            (end + 1).clamp(max=n - 1)
        ),
        "the mean over the vocabulary is subtracted: subtract the logit of S": (
            logits[rows, end, io] - logits[rows, end].mean(-1)
        ),
        "the largest logit is subtracted: subtract the logit of S": (
            logits[rows, end, io] - logits[rows, end].max(-1).values
        ),
        "these are probabilities: subtract the logits": at(end, x=logits.softmax(-1)),
        "this is the logit of IO alone: subtract that of S": logits[rows, end, io],
        "this is the logit of S alone: it is the logit of IO minus that of S": logits[rows, end, s],
        "the two logits are added: subtract that of S": logits[rows, end, io]
        + logits[rows, end, s],
        "the sign is lost: the difference is negative where S has the larger logit": right.abs(),
        "this is a ratio: subtract the logit of S": logits[rows, end, io] / logits[rows, end, s],
        "this is the mean over the positions: read END": (
            logits[rows, :, io] - logits[rows, :, s]
        ).mean(1),
        "every prompt is read with the first prompt's names": at(
            end, io[:1].expand(batch), s[:1].expand(batch)
        ),
        "this is the mean over the prompts, once for each: give each prompt its own": (
            right.mean().expand(batch)
        ),
    }
    differs = first_apart(found, right, 4)
    hint = (
        f"for prompt {differs.at[0]} the difference should be {differs.right}, and yours is "
        f"{differs.found}"
    )
    cases.judge(found, right, mistakes, hint)


def _explain_difference(result: Any) -> None:
    shape = tuple(result.shape) if isinstance(result, Tensor) else None
    if isinstance(result, float) or shape == ():
        raise Wrong("return one difference for each prompt, not their mean")
    if shape == (4, 6):
        raise Wrong("this is a difference at every position: read END of each prompt")
    if shape in ((4, 4), (4, 4, 4)):
        raise Wrong(
            "slices give every prompt with every name: index with logits[rows, end, io], where "
            "rows = torch.arange(len(logits))"
        )


@exercise
def name_positions(attempt: Attempt) -> None:
    """`(tokens [batch, pos], io, s [batch]) -> (io_pos, s1_pos, s2_pos)`, each [batch]."""
    tokens = torch.tensor(
        [
            [0, 9, 5, 8, 6, 7, 6, 4, 3],
            [0, 9, 6, 8, 5, 7, 6, 4, 3],
            [0, 5, 8, 6, 7, 2, 2, 6, 3],
            [0, 2, 9, 8, 1, 7, 4, 2, 3],
        ]
    )
    io, s = torch.tensor([5, 5, 5, 1]), torch.tensor([6, 6, 6, 2])
    right = (torch.tensor([2, 4, 1, 4]), torch.tensor([4, 2, 3, 1]), torch.tensor([6, 6, 7, 7]))
    cases = Cases()
    alone = torch.tensor([[0, 7, 2, 3, 7]]), torch.tensor([3]), torch.tensor([7])
    one = tuple(torch.tensor([position]) for position in (3, 1, 4))
    pair = torch.tensor([[4, 8, 4, 9], [6, 9, 6, 1]]), torch.tensor([9, 1]), torch.tensor([4, 6])
    two = torch.tensor([3, 3]), torch.tensor([0, 0]), torch.tensor([2, 2])
    for given, expected in (((tokens, io, s), right), (pair, two), (alone, one)):
        with cases.case():
            _compare_positions(attempt, *given, expected)


def _compare_positions(
    attempt: Attempt, tokens: Tensor, io: Tensor, s: Tensor, right: tuple[Tensor, ...]
) -> None:
    attempt.expect(right, tokens, io, s)
    result = attempt(tokens, io, s)
    if not isinstance(result, tuple | list) or len(result) != 3:
        raise Wrong("return three tensors: the positions of IO, of S1 and of S2")
    for name, found, expected in zip(("IO", "S1", "S2"), result, right, strict=True):
        if not isinstance(found, Tensor):
            raise Wrong(f"the position of {name} should be a tensor, not {type(found).__name__}")
        if tuple(found.shape) != (len(tokens),):
            raise Wrong(
                f"the positions of {name} have shape {tuple(found.shape)}; expected one for each "
                f"prompt, ({len(tokens)},){lost(tuple(found.shape), (len(tokens),))}"
            )
        if not torch.equal(found.long(), expected):
            raise Wrong(
                _wrong_positions(name, found.long(), [r.tolist() for r in right], tokens.shape[1])
            )
        if found.is_floating_point() or found.dtype == torch.bool:
            raise Wrong(
                f"the positions of {name} are {found.dtype}: whole numbers can be used as indices"
            )


def _wrong_positions(name: str, found: Tensor, right: list[list[int]], n: int) -> str:
    io, s1, s2 = right
    got = found.tolist()
    expected = dict(zip(("IO", "S1", "S2"), right, strict=True))[name]
    mixed = [p for pair in zip(s1, s2, strict=True) for p in pair]  # as nonzero() lists them
    if (name, got) in (("S1", mixed[: len(s1)]), ("S2", mixed[len(s1) :])):
        return (
            f"{name} of one prompt stands with another: all matches in one list come prompt by "
            "prompt, first S1 and then S2 of each; take every second one, [::2] and [1::2]"
        )
    if name == "S2" and got == s1:
        return "S2 is where S1 is: argmax gives the FIRST match; flip the row to find the last"
    if name == "S1" and got == s2:
        return "S1 is where S2 is: S1 is the first mention"
    if name == "S2" and got == [n - 1 - p for p in s2]:
        return "S2 is counted from the end: turn it back, last position minus what you found"
    if name == "S2" and got == [n - p for p in s2]:
        return "S2 is one too late: positions run from 0, so the last one is pos − 1"
    if name == "IO" and got == [min(pair) for pair in zip(io, s1, strict=True)]:
        return (
            "the first name of a prompt is taken for IO: in half of the prompts S comes first, so "
            "look for the token of IO itself"
        )
    if len(got) == 4 and got[:3] == expected[:3] and got[3] == 0:
        return (
            f"{name} is looked for under the first prompt's names: each prompt has its own io and s"
        )
    if got == [p - 1 for p in expected]:
        return f"{name} is one too early: BOS is at position 0"
    if got == [p + 1 for p in expected]:
        return f"{name} is one too late: positions are counted from 0"
    if len(set(got)) == 1 < len(set(expected)):
        return f"{name} has the same position in every prompt: look in each row for its own name"
    if (name == "IO" and got == s1) or (name == "S1" and got == io):
        return "IO and S1 are exchanged"
    return f"{name} should be at {expected}, and yours is at {got}"


@exercise
def flip(attempt: Attempt) -> None:
    """`(tokens [batch, pos], io [batch], s2_pos [batch]) -> tokens` with IO's name at S2."""
    rows = torch.arange(4)
    tokens = torch.arange(10, 38).reshape(4, 7)
    io, s2 = torch.tensor([91, 92, 93, 94]), torch.tensor([4, 5, 3, 5])
    tokens[rows, torch.tensor([1, 3, 1, 2])] = tokens[rows, s2]  # S1
    tokens[rows, torch.tensor([2, 1, 2, 3])] = io
    cases = Cases("prompt", "position")
    for given in (
        (tokens, io, s2),
        (tokens[1::2, :6], torch.tensor([70, 0]), torch.tensor([5, 5])),  # S2 is last
        (tokens[:1, :5], io[:1], s2[:1]),
    ):
        with cases.case():
            _compare_flipped(attempt, *given, cases)


def _compare_flipped(
    attempt: Attempt, tokens: Tensor, io: Tensor, s2: Tensor, cases: Cases
) -> None:
    batch, n = tokens.shape
    rows = torch.arange(batch)
    right = tokens.clone()
    right[rows, s2] = io
    attempt.expect(right, tokens, io, s2)
    found = attempt.tensor(tokens, io, s2, shape=(batch, n), axes="(batch, pos)")
    is_io, is_s = tokens == io[:, None], tokens == tokens[rows, s2][:, None]
    if torch.equal(found, right) and found.is_floating_point():
        raise Wrong("token ids are integers, and your result holds floats")
    everywhere = tokens.clone()
    everywhere[:, s2] = io
    column = tokens.clone()
    for i in range(batch):
        column[:, s2[i]] = io[i]
    first = tokens.clone()
    first[rows, s2] = io[0]
    early, late = tokens.clone(), tokens.clone()
    early[rows, s2 - 1], late[rows, (s2 + 1) % n] = io, io
    every_s = torch.where(is_s, io[:, None], tokens)
    slices = tokens.clone()
    slices[:, s2] = io[:, None]
    first_column = tokens.clone()
    first_column[:, s2[0]] = io
    whole = "this writes into whole columns: one position for each row, tokens[rows, s2_pos]"
    mistakes = {
        whole: everywhere,
        f"{whole} ": column,
        "every row has its S2 at the first row's position: s2_pos has one for each": first_column,
        "every row gets the first row's name: `io` has one for each": first,
        "this is one position too early": early,
        "this is one position too late": late,
        f"{whole}  ": slices,
        "each prompt gets the name of the one before it": _at(tokens, s2, io.roll(1)),
        "each prompt gets the name of the one after it": _at(tokens, s2, io.roll(-1)),
        "IO is put in before S2, and the rest moves on: replace the name at s2_pos": torch.stack(
            [
                torch.cat([row[:p], name[None], row[p:-1]])
                for row, name, p in zip(tokens, io, s2.tolist(), strict=True)
            ]
        ),
        "S1 is replaced too: only the second mention, at s2_pos, becomes IO": every_s,
        "the names are exchanged, wherever they occur: only the position s2_pos changes": (
            torch.where(is_io, tokens[rows, s2][:, None], every_s)
        ),
        "IO's own place is changed too: only the position s2_pos changes": (
            torch.where(is_io & (right == tokens), tokens[rows, s2][:, None], right)
        ),
        "nothing is changed: is the changed tensor the one that you return?": tokens,
        "the last token is replaced: the name at s2_pos is": torch.cat(
            [tokens[:, :-1], io[:, None]], 1
        ),
        "S1 is replaced: the second mention, at s2_pos, becomes IO": torch.where(
            is_s & (right == tokens), io[:, None], tokens
        ),
    }
    row = int((found != right).any(1).int().argmax())
    hint = f"row {row} should be {right[row].tolist()}, and yours is {found[row].tolist()}"
    cases.judge(found, right, mistakes, hint)


def _at(tokens: Tensor, pos: Tensor, names: Tensor) -> Tensor:
    out = tokens.clone()
    out[torch.arange(len(tokens)), pos] = names
    return out


@exercise
def patch_position(attempt: Attempt) -> None:
    """`(resid [batch, pos, d], hook, source [batch, pos, d], pos [batch]) -> resid`."""
    generator = torch.Generator().manual_seed(0)
    resid, source = torch.randn(2, 4, 6, 5, generator=generator)
    hook = HookPoint("blocks.1.hook_in")  # so is it called where hook_resid_pre was asked for
    pos = torch.tensor([4, 2, 5, 2])
    attempt.expect(_patched(resid, source, pos), resid, hook, source, pos)
    _explain_patch_shape(attempt(resid, hook, source, pos))
    found = attempt.tensor(resid, hook, source, pos, shape=(4, 6, 5), axes="(batch, pos, d_model)")
    right = _patched(resid, source, pos)
    if not close(found, right):
        raise Wrong(
            named(found, _wrong_patches(resid, source, pos), right)
            or _where_patched(resid, source, found, pos)
            + related(found[torch.arange(4), pos], right[torch.arange(4), pos], ("prompt", "entry"))
        )
    for n, other in ((4, [1, 1, 1, 1]), (4, [0, 5, 0, 3]), (1, [3]), (2, [5, 0])):
        few, others = resid[:n], torch.tensor(other)
        again = attempt.tensor(few, hook, source[:n], others, shape=(n, 6, 5), axes="resid's")
        if not close(again, _patched(few, source[:n], others)):
            raise Wrong(
                f"with {n} prompts and the positions {other} the patch is wrong: is a number "
                "written into it?"
            )


def _patched(resid: Tensor, source: Tensor, pos: Tensor) -> Tensor:
    out, rows = resid.clone(), torch.arange(len(resid))
    out[rows, pos] = source[rows, pos]
    return out


def _explain_patch_shape(result: Any) -> None:
    shape = tuple(result.shape) if isinstance(result, Tensor) else None
    if shape == (4, 5):
        raise Wrong("only the patched vectors come back: return all of resid")
    if shape == (4, 4, 5):
        raise Wrong("source[:, pos] takes every position for every prompt: use source[rows, pos]")


def _wrong_patches(resid: Tensor, source: Tensor, pos: Tensor) -> dict[str, Tensor]:
    rows = torch.arange(4)

    def put(at: Any, value: Tensor, into: Tensor = resid) -> Tensor:
        out = into.clone()
        out[at] = value
        return out

    here = (rows, pos)
    columns = put((slice(None), pos), source[:, pos])
    from_here = torch.arange(6)[None] >= pos[:, None]
    to_here = torch.arange(6)[None] <= pos[:, None]
    return {
        "every prompt is patched at the positions of all prompts: index rows and positions "
        "together, resid[rows, pos]": columns,
        "this is the other direction: resid's vector stands in source; return resid with source's "
        "vector": put(here, resid[here], source),
        "the whole of source comes back: replace one position of each prompt": source,
        "nothing is changed: is the changed tensor the one that you return?": resid,
        "source is ADDED: replace what stands there": put(here, resid[here] + source[here]),
        "the difference is put there: put source's vector itself": put(
            here, source[here] - resid[here]
        ),
        "the position is one too late": put((rows, (pos + 1) % 6), source[rows, (pos + 1) % 6]),
        "the position is one too early": put((rows, pos - 1), source[rows, pos - 1]),
        "the place is right, and the vector comes from another position of source": put(
            here, source[rows, -1]
        ),
        "every prompt gets the first prompt's vector: source[rows, pos]": put(here, source[0, pos]),
        "every prompt is patched at the first prompt's position: `pos` has one for each": put(
            (slice(None), int(pos[0])), source[:, int(pos[0])]
        ),
        "this patches from the position to the end: one position": torch.where(
            from_here[..., None], source, resid
        ),
        "this patches everything up to the position: one position": torch.where(
            to_here[..., None], source, resid
        ),
        "this sets the position to zero: put source's vector there": put(here, torch.zeros(4, 5)),
        "only one entry of the vector is patched: all of d_model": put(
            (rows, pos, torch.zeros(4).long()), source[rows, pos, 0]
        ),
        "the mean over the prompts is put there: each prompt gets its own vector of source": put(
            here, source[here].mean(0)
        ),
        "half of each is put there: put source's vector itself": put(
            here, (resid[here] + source[here]) / 2
        ),
        "the positions before it are patched too: one position": put(
            (rows.repeat(2), torch.cat([pos, pos - 1])),
            source[rows.repeat(2), torch.cat([pos, pos - 1])],
        ),
        "the last position is patched: `pos` has one for each prompt": put(
            (slice(None), -1), source[:, -1]
        ),
        "only the first prompt is patched": put((0, int(pos[0])), source[0, int(pos[0])]),
    }


def _where_patched(resid: Tensor, source: Tensor, found: Tensor, pos: Tensor) -> str:
    changed = (found != resid).any(-1)
    at = [row.nonzero().flatten().tolist() for row in changed]
    if at == [[p] for p in pos.tolist()]:
        return "the right positions change, and to something else than source's vectors there"
    return f"positions {pos.tolist()} should change, one in each prompt; yours change at {at}"
