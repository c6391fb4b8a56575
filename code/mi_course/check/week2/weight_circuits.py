"""Checks on reading a head from its weights: its two circuits, and whether it copies.

Vectors are rows, as in the chapter: a query `q` scores a key `k` by `q @ QK @ k`, and a head that
looks at `x` writes `x @ OV`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.mistakes import Cases


def random(*shape: int, seed: int) -> Tensor:
    """Gaussian numbers that are the same in every run."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def low_rank(d_model: int, d_head: int, seed: int, scale: float = 1.0) -> Tensor:
    """A circuit as a head has it: square, and of the rank of the head."""
    return scale * random(d_model, d_head, seed=seed) @ random(d_head, d_model, seed=seed + 50)


@exercise
def head_circuits(attempt: Attempt) -> None:
    """`(W_Q, W_K, W_V [d_model, d_head], W_O [d_head, d_model]) -> (QK, OV) [d_model, d_model]`."""
    cases = Cases("row", "column")
    for seed, (d_model, d_head) in enumerate(((6, 2), (5, 3), (3, 1), (4, 4))):
        W_Q, W_K, W_V = (random(d_model, d_head, seed=10 * seed + i) for i in range(3))
        W_O = random(d_head, d_model, seed=10 * seed + 3)
        attempt.expect((W_Q @ W_K.T, W_V @ W_O), W_Q, W_K, W_V, W_O)
        with cases.case():
            result = _attempted(attempt, W_Q, W_K, W_V, W_O)
            QK, OV = _two_circuits(result, d_model, d_head)
            cases.judge(QK, W_Q @ W_K.T, _wrong_QK(W_Q, W_K, W_V, W_O), _QK_HINT)
            cases.judge(OV, W_V @ W_O, _wrong_OV(W_Q, W_K, W_V, W_O), _OV_HINT)


def _attempted(attempt: Attempt, *weights: Tensor) -> Any:
    try:
        return attempt(*weights)
    except Wrong as mistake:
        if "cannot be multiplied" in str(mistake):
            raise Wrong(
                f"{mistake}: a query and a key meet in the head's own space, of d_head dimensions, "
                "so one of W_Q and W_K is transposed; W_V and W_O fit as they are"
            ) from None
        raise


_QK_HINT = (
    "this is not QK: q @ QK @ k should be the dot product of q @ W_Q and k @ W_K, for any q and k"
)
_OV_HINT = "this is not OV: x @ OV should be x @ W_V @ W_O, for any x"


def _two_circuits(result: Any, d_model: int, d_head: int) -> tuple[Tensor, Tensor]:
    """Both circuits out of what was returned."""
    if result is None:
        raise Wrong("your function returns None: is the return statement missing?")
    if isinstance(result, Tensor) and result.ndim == 2:
        raise Wrong("one matrix comes back: return two, QK and then OV")
    if not isinstance(result, (list, tuple, Tensor)) or len(result) != 2:
        raise Wrong("return two tensors, QK and then OV: return QK, OV")
    for name, circuit in zip(("QK", "OV"), result, strict=True):
        if not isinstance(circuit, Tensor):
            raise Wrong(f"{name} should be a tensor, not {type(circuit).__name__}")
        shape = tuple(circuit.shape)
        if shape == (d_head, d_head) != (d_model, d_model):
            raise Wrong(
                f"{name} has shape {shape}, the head's own space: it should map the stream to the "
                f"stream, (d_model, d_model) = {(d_model, d_model)}"
            )
        if shape != (d_model, d_model):
            raise Wrong(
                f"{name} has shape {shape}; expected (d_model, d_model) = {(d_model, d_model)}"
            )
    return result[0].detach(), result[1].detach()


def _wrong_QK(W_Q: Tensor, W_K: Tensor, W_V: Tensor, W_O: Tensor) -> dict[str, Tensor]:
    right, d_model, d_head = W_Q @ W_K.T, *W_Q.shape
    return {
        "QK is transposed: the query comes first, so that q @ QK @ k has q on the side of W_Q": (
            right.T
        ),
        "the two circuits are swapped: QK comes first": W_V @ W_O,
        "QK is divided by the root of d_head: the circuit comes without that factor": (
            right / d_head**0.5
        ),
        "QK is divided by the root of d_model: the circuit comes without a factor": (
            right / d_model**0.5
        ),
        "QK is divided by d_head: the circuit comes without a factor": right / d_head,
        "QK uses W_V in the place of W_K: a score compares a query with a key": W_Q @ W_V.T,
        "QK uses W_V in the place of W_Q: a score compares a query with a key": W_V @ W_K.T,
        "QK uses W_Q twice: a score compares a query with a key": W_Q @ W_Q.T,
        "QK uses W_K twice: a score compares a query with a key": W_K @ W_K.T,
        "QK uses W_O in the place of W_K: a score compares a query with a key": W_Q @ W_O,
        "QK has the wrong sign": -right,
        "QK went through a softmax: return the matrix itself": right.softmax(-1),
        "QK is averaged with its transpose: q and k have different parts": (right + right.T) / 2,
    }


def _wrong_OV(W_Q: Tensor, W_K: Tensor, W_V: Tensor, W_O: Tensor) -> dict[str, Tensor]:
    right, d_head = W_V @ W_O, W_V.shape[1]
    return {
        "OV is transposed: vectors are rows here, and x @ OV is what the head writes": right.T,
        "OV is divided by the root of d_head: nothing is divided there": right / d_head**0.5,
        "OV uses W_K in the place of W_V: what is moved are values": W_K @ W_O,
        "OV uses W_Q in the place of W_V: what is moved are values": W_Q @ W_O,
        "OV uses W_V twice: W_O writes to the stream": W_V @ W_V.T,
        "OV uses W_O twice: W_V reads the stream": W_O.T @ W_O,
        "OV has the wrong sign": -right,
        "OV includes the stream itself: return what the head writes alone": (
            right + torch.eye(len(right))
        ),
        "OV is multiplied by QK: the two circuits are separate": W_Q @ W_K.T @ right,
    }


@exercise
def copy_ranks(attempt: Attempt) -> None:
    """`(vectors [token, d_model], OV, W_U [d_model, vocab], ids [token]) -> ranks [token]`."""
    cases = Cases("token")
    sizes = ((5, 6, 2, 12), (9, 4, 3, 9), (1, 7, 2, 30), (3, 3, 1, 5), (7, 5, 4, 200))
    for seed, (n, d_model, d_head, vocab) in enumerate(sizes):
        generator = torch.Generator().manual_seed(100 + seed)
        ids = torch.randperm(vocab, generator=generator)[:n]
        W_U = random(d_model, vocab, seed=seed)
        # what is read is near to the token's own direction, as an embedding is
        vectors = W_U[:, ids].T + 0.5 * random(n, d_model, seed=seed + 10)
        OV = low_rank(d_model, d_head, seed + 20) + 0.5 * torch.eye(d_model)
        with cases.case():
            _compare_ranks(attempt, (vectors, OV, W_U, ids), cases)


def _compare_ranks(attempt: Attempt, given: tuple[Tensor, ...], cases: Cases) -> None:
    vectors, OV, W_U, ids = given
    n, vocab = len(ids), W_U.shape[1]
    logits = vectors @ OV @ W_U
    right = _above(logits, logits.gather(1, ids[:, None]))
    attempt.expect(right, *given)
    _explain_ranks(attempt(*given), n, vocab)
    found = attempt.tensor(*given, shape=(n,), axes="(token,)")
    if found.dtype == torch.bool:
        raise Wrong("these are yes and no: return how many tokens have a larger logit")

    def hint() -> str:
        i = int((found.double() != right.double()).int().argmax())
        return (
            f"for token {i} of {n}, {int(right[i])} of the {vocab} tokens have a larger logit than "
            f"the token itself, and yours is {found[i].item():g}"
        )

    cases.judge(found, right, _wrong_ranks(vectors, OV, W_U, ids), hint)


def _above(logits: Tensor, own: Tensor) -> Tensor:
    return (logits > own).sum(1)


def _explain_ranks(result: Any, n: int, vocab: int) -> None:
    shape = tuple(result.shape) if isinstance(result, Tensor) else None
    if shape == (vocab,) != (n,):
        raise Wrong("one number for each token of the vocabulary: sum over the vocabulary, sum(1)")
    if shape == (n, vocab):
        raise Wrong("this is a whole table: return one rank for each of the given tokens")
    if shape == (n, 1) and n > 1:
        raise Wrong("the result has shape (token, 1): the last axis is too much, squeeze(1)")
    if (shape == () and n > 1) or isinstance(result, (int, float)):
        raise Wrong("one number comes back: return a rank for each of the given tokens")
    if isinstance(result, list):
        raise Wrong("return a tensor, not list: torch.tensor(ranks) makes one")


def _wrong_ranks(vectors: Tensor, OV: Tensor, W_U: Tensor, ids: Tensor) -> dict[str, Tensor]:
    logits, rows = vectors @ OV @ W_U, torch.arange(len(ids))
    own = logits.gather(1, ids[:, None])
    right, vocab = _above(logits, own), W_U.shape[1]
    order = logits.argsort(dim=1, descending=True)
    among = logits[:, ids]
    turned, bare = vectors @ OV.T @ W_U, vectors @ W_U
    known = {
        "this counts the tokens with a SMALLER logit: the largest has rank 0": vocab - 1 - right,
        "this counts the tokens with a smaller logit, and the token itself: the largest has rank "
        "0": vocab - right,
        "the ranks are one too large: the token itself does not count, so that the largest has "
        "rank 0": right + 1,
        "the token itself is looked up at the wrong place: row i belongs to token ids[i], so take "
        "column ids[i] and not column i": _above(logits, logits[rows, rows % vocab][:, None]),
        "these are ranks among the given tokens: compare with the whole vocabulary": _above(
            among, among.diagonal()[:, None]
        ),
        "OV is left out: the logits of `vectors @ W_U` are those without the head": _above(
            bare, bare.gather(1, ids[:, None])
        ),
        "OV is transposed: what the head writes is vectors @ OV": _above(
            turned, turned.gather(1, ids[:, None])
        ),
        "this is the token at that place of the order, and not the place of the token: count the "
        "larger logits": order.gather(1, ids[:, None])[:, 0],
        "these are the tokens with the largest logit: return ranks": logits.argmax(1),
        "these are the tokens with the smallest logit: return ranks": logits.argmin(1),
        "this is yes and no, as 1 and 0: return how many tokens have a larger logit": (
            (right == 0).int()
        ),
        "these are shares of the vocabulary: return how many tokens it is": right / vocab,
        "these are logits: return how many tokens have a larger one": own[:, 0],
        "absolute values are compared: a large negative logit makes a token unlikely": _above(
            logits.abs(), own.abs()
        ),
        "the head's output is added to the stream: take what the head writes alone": _above(
            logits + bare, own + bare.gather(1, ids[:, None])
        ),
        "each token is compared with the logits of the first token: every row has its own": (
            (logits[:1] > own).sum(1)
        ),
        "each row is compared with the token of the first row: every row has its own": _above(
            logits, logits[:, ids[:1]]
        ),
        "this counts the positive logits: compare with the token's own": (logits > 0).sum(1),
    }
    return {sentence: wrong.double() for sentence, wrong in known.items()}
