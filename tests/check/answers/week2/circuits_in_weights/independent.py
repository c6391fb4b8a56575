"""Answers to the exercises on circuits in weights, written from their text before the check."""

import einops
import numpy as np
import torch


# --- head_circuits
def hc_right_einsum(W_Q, W_K, W_V, W_O):
    qk = einops.einsum(W_Q, W_K, "a h, b h -> a b")
    return qk, einops.einsum(W_V, W_O, "a h, h b -> a b")


def hc_right_sum_of_outer_products(W_Q, W_K, W_V, W_O):
    qk = sum(torch.outer(W_Q[:, i], W_K[:, i]) for i in range(W_Q.shape[1]))
    ov = sum(torch.outer(W_V[:, i], W_O[i]) for i in range(W_V.shape[1]))
    return [qk, ov]


def hc_right_stacked_double(W_Q, W_K, W_V, W_O):
    pairs = torch.stack([W_Q, W_V]).double() @ torch.stack([W_K.T, W_O]).double()
    return pairs  # one tensor of shape (2, d_model, d_model) unpacks into two


def hc_right_through_the_identity(W_Q, W_K, W_V, W_O):
    eye = torch.eye(len(W_Q))
    return (eye @ W_Q) @ (eye @ W_K).T, eye @ W_V @ W_O


def hc_wrong_transposed_qk(W_Q, W_K, W_V, W_O):  # the score of k for q
    return W_K @ W_Q.T, W_V @ W_O


def hc_wrong_columns(W_Q, W_K, W_V, W_O):  # the paper's convention, columns
    return W_Q @ W_K.T, (W_V @ W_O).T


def hc_wrong_order(W_Q, W_K, W_V, W_O):  # OV first
    return W_V @ W_O, W_Q @ W_K.T


def hc_wrong_scaled(W_Q, W_K, W_V, W_O):  # divides by the root of d_head
    return W_Q @ W_K.T / W_Q.shape[1] ** 0.5, W_V @ W_O


def hc_wrong_small(W_Q, W_K, W_V, W_O):  # the products in the head's own space
    return W_Q.T @ W_K, W_O @ W_V


def hc_wrong_no_transpose(W_Q, W_K, W_V, W_O):  # the shapes do not fit
    return W_Q @ W_K, W_V @ W_O


def hc_wrong_qk_alone(W_Q, W_K, W_V, W_O):  # one of two
    return W_Q @ W_K.T


def hc_wrong_output_for_query(W_Q, W_K, W_V, W_O):  # reads the output's matrix as the query's
    return W_O.T @ W_K.T, W_V @ W_O


def hc_wrong_value_for_key(W_Q, W_K, W_V, W_O):  # mixes up the letters
    return W_Q @ W_V.T, W_K @ W_O


# --- copy_ranks
def cr_right_argsort(vectors, OV, W_U, ids):
    order = (vectors @ OV @ W_U).argsort(dim=1, descending=True)
    return (order == ids[:, None]).int().argmax(1)


def cr_right_token_by_token(vectors, OV, W_U, ids):
    ranks = []
    for vector, own in zip(vectors, ids.tolist(), strict=True):
        logits = vector @ OV @ W_U
        ranks.append(sum(1 for logit in logits.tolist() if logit > logits[own].item()))
    return torch.tensor(ranks)


def cr_right_numpy(vectors, OV, W_U, ids):
    logits = vectors.numpy() @ (OV.numpy() @ W_U.numpy())
    own = logits[np.arange(len(ids)), ids.numpy()]
    return torch.from_numpy((logits > own[:, None]).sum(1))


def cr_right_differences(vectors, OV, W_U, ids):
    written = vectors @ OV
    own = (written * W_U[:, ids].T).sum(1, keepdim=True)
    # the token's own difference is rounded, so it is left out
    ahead = (written @ W_U - own > 0).float().scatter(1, ids[:, None], 0.0)
    return ahead.sum(1)


def cr_wrong_smaller(vectors, OV, W_U, ids):  # counts those below
    logits = vectors @ OV @ W_U
    return (logits < logits.gather(1, ids[:, None])).sum(1)


def cr_wrong_from_one(vectors, OV, W_U, ids):  # the best has rank 1
    logits = vectors @ OV @ W_U
    return (logits >= logits.gather(1, ids[:, None])).sum(1)


def cr_wrong_diagonal(vectors, OV, W_U, ids):  # takes column i for row i
    logits = vectors @ OV @ W_U
    return (logits > logits.diagonal()[:, None]).sum(1)


def cr_wrong_among_the_drawn(vectors, OV, W_U, ids):  # only the columns of the drawn tokens
    logits = vectors @ OV @ W_U[:, ids]
    return (logits > logits.diagonal()[:, None]).sum(1)


def cr_wrong_no_head(vectors, OV, W_U, ids):  # leaves OV out
    logits = vectors @ W_U
    return (logits > logits.gather(1, ids[:, None])).sum(1)


def cr_wrong_sorted_ids(vectors, OV, W_U, ids):  # reads the argsort at the id: who has that rank
    order = (vectors @ OV @ W_U).argsort(dim=1, descending=True)
    return order.gather(1, ids[:, None])[:, 0]


def cr_wrong_argmax(vectors, OV, W_U, ids):  # the best token's id
    return (vectors @ OV @ W_U).argmax(1)


def cr_wrong_hit(vectors, OV, W_U, ids):  # whether it is first
    return (vectors @ OV @ W_U).argmax(1) == ids


def cr_wrong_mean(vectors, OV, W_U, ids):  # one number
    logits = vectors @ OV @ W_U
    return (logits > logits.gather(1, ids[:, None])).sum(1).float().mean()


def cr_wrong_share(vectors, OV, W_U, ids):  # a share of the vocabulary
    logits = vectors @ OV @ W_U
    return (logits > logits.gather(1, ids[:, None])).float().mean(1)


# --- match_table
def mt_right_einsum(vectors, QK, OV):
    return einops.einsum(vectors, QK, OV, vectors, "i a, a b, c b, j c -> i j")


def mt_right_pair_by_pair(vectors, QK, OV):
    return torch.tensor([[float(q @ QK @ (k @ OV)) for k in vectors] for q in vectors])


def mt_right_one_matrix(vectors, QK, OV):
    whole = QK @ OV.T
    return torch.nn.functional.bilinear(
        vectors.repeat_interleave(len(vectors), 0), vectors.repeat(len(vectors), 1), whole[None]
    ).view(len(vectors), len(vectors))


def mt_wrong_both_sides(vectors, QK, OV):  # the query reads through the head too
    written = vectors @ OV
    return written @ QK @ written.T


def mt_wrong_query_side(vectors, QK, OV):  # Q-composition
    return vectors @ OV @ QK @ vectors.T


def mt_wrong_no_head(vectors, QK, OV):  # the control, not the match
    return vectors @ QK @ vectors.T


def mt_wrong_transposed(vectors, QK, OV):  # a row for each key
    return (vectors @ QK @ (vectors @ OV).T).T


def mt_wrong_ov_not_transposed(vectors, QK, OV):  # OV multiplied from the wrong side
    return vectors @ QK @ OV @ vectors.T


def mt_wrong_softmax(vectors, QK, OV):  # a pattern
    return (vectors @ QK @ (vectors @ OV).T).softmax(-1)


def mt_wrong_pairs_alone(vectors, QK, OV):  # only the diagonal
    return ((vectors @ QK) * (vectors @ OV)).sum(-1)


def mt_wrong_qk_from_the_key(vectors, QK, OV):  # swaps query and key
    return vectors @ QK.T @ (vectors @ OV).T


def mt_wrong_causal(vectors, QK, OV):  # a mask, though the tokens have no order
    return (vectors @ QK @ (vectors @ OV).T).tril()


# --- composition_scores
def _ratio(a, b):
    return ((a @ b).norm() / a.norm() / b.norm()).item()


def cs_right_traces(OV, QK, later_OV):
    def squared(m):
        return torch.trace(m.T @ m)

    products = {"q": (OV, QK), "k": (OV, QK.T), "v": (OV, later_OV)}
    return tuple(
        (squared(a @ b) / squared(a) / squared(b)).sqrt().item() for a, b in products.values()
    )


def cs_right_singular_values(OV, QK, later_OV):
    def size(m):
        return torch.linalg.svdvals(m.double()).square().sum().sqrt()

    a = OV.double()
    return torch.stack([size(a @ b.double()) / (size(a) * size(b)) for b in (QK, QK.T, later_OV)])


def cs_right_numpy(OV, QK, later_OV):
    ov, qk, later = (m.numpy() / np.linalg.norm(m.numpy()) for m in (OV, QK, later_OV))
    return np.linalg.norm(ov @ qk), np.linalg.norm(qk @ ov.T), np.linalg.norm(ov @ later)


def cs_wrong_k_not_transposed(OV, QK, later_OV):  # QK @ OV
    return _ratio(OV, QK), _ratio(QK, OV), _ratio(OV, later_OV)


def cs_wrong_swapped(OV, QK, later_OV):  # K first
    return _ratio(QK, OV.T), _ratio(OV, QK), _ratio(OV, later_OV)


def cs_wrong_v_order(OV, QK, later_OV):  # the later head first
    return _ratio(OV, QK), _ratio(QK, OV.T), _ratio(later_OV, OV)


def cs_wrong_spectral(OV, QK, later_OV):  # the largest singular value
    def ratio(a, b):
        return torch.linalg.norm(a @ b, 2) / torch.linalg.norm(a, 2) / torch.linalg.norm(b, 2)

    return ratio(OV, QK), ratio(QK, OV.T), ratio(OV, later_OV)


def cs_wrong_no_division(OV, QK, later_OV):
    return (OV @ QK).norm(), (QK @ OV.T).norm(), (OV @ later_OV).norm()


def cs_wrong_sum_of_norms(OV, QK, later_OV):  # divides by the sum
    pairs = (OV, QK), (QK, OV.T), (OV, later_OV)
    return [(a @ b).norm() / (a.norm() + b.norm()) for a, b in pairs]


def cs_wrong_bracket(OV, QK, later_OV):  # divides by one, and multiplies by the other
    pairs = (OV, QK), (QK, OV.T), (OV, later_OV)
    return [(a @ b).norm() / a.norm() * b.norm() for a, b in pairs]


def cs_wrong_elementwise(OV, QK, later_OV):  # * is not @
    pairs = (OV, QK), (QK, OV.T), (OV, later_OV)
    return [(a * b).norm() / (a.norm() * b.norm()) for a, b in pairs]


def cs_wrong_k_alone(OV, QK, later_OV):
    return _ratio(QK, OV.T)


def cs_wrong_squares(OV, QK, later_OV):  # the root is missing
    pairs = (OV, QK), (QK, OV.T), (OV, later_OV)
    return [(a @ b).square().sum() / (a.square().sum() * b.square().sum()) for a, b in pairs]


WRONG = {
    "head_circuits": [
        (hc_wrong_transposed_qk, "QK is transposed"),
        (hc_wrong_columns, "OV is transposed"),
        (hc_wrong_order, "swapped"),
        (hc_wrong_scaled, "root of d_head"),
        (hc_wrong_small, "the head's own space"),
        (hc_wrong_no_transpose, "so one of W_Q and W_K is transposed"),
        (hc_wrong_qk_alone, "one matrix comes back"),
        (hc_wrong_value_for_key, "W_V in the place of W_K"),
        (hc_wrong_output_for_query, "this is not QK"),
    ],
    "copy_ranks": [
        (cr_wrong_smaller, "SMALLER"),
        (cr_wrong_from_one, "one too large"),
        (cr_wrong_diagonal, "looked up at the wrong place"),
        (cr_wrong_among_the_drawn, "ranks among the given tokens"),
        (cr_wrong_no_head, "OV is left out"),
        (cr_wrong_sorted_ids, "not the place of the token"),
        (cr_wrong_argmax, "tokens with the largest logit"),
        (cr_wrong_hit, "yes and no"),
        (cr_wrong_mean, "one number comes back"),
        (cr_wrong_share, "shares of the vocabulary"),
    ],
    "match_table": [
        (mt_wrong_both_sides, "the query reads through the earlier head"),
        (mt_wrong_query_side, "this is Q-composition"),
        (mt_wrong_no_head, "the earlier head is left out"),
        (mt_wrong_transposed, "the table is transposed"),
        (mt_wrong_ov_not_transposed, "from the wrong side"),
        (mt_wrong_softmax, "this is a pattern"),
        (mt_wrong_pairs_alone, "one score for each token comes back"),
        (mt_wrong_qk_from_the_key, "QK is transposed"),
        (mt_wrong_causal, "later tokens are hidden"),
    ],
    "composition_scores": [
        (cs_wrong_k_not_transposed, "in K-composition OV is not transposed"),
        (cs_wrong_swapped, "order K, Q, V"),
        (cs_wrong_v_order, "the later head comes first"),
        (cs_wrong_spectral, "largest singular value"),
        (cs_wrong_no_division, "nothing is divided"),
        (cs_wrong_sum_of_norms, "SUM of the norms"),
        (cs_wrong_bracket, "divides by one norm and multiplies by the other"),
        (cs_wrong_elementwise, "entry by entry"),
        (cs_wrong_k_alone, "one number comes back"),
        (cs_wrong_squares, "squares of the scores"),
    ],
}
RIGHT = {
    "head_circuits": [
        hc_right_einsum,
        hc_right_sum_of_outer_products,
        hc_right_stacked_double,
        hc_right_through_the_identity,
    ],
    "copy_ranks": [
        cr_right_argsort,
        cr_right_token_by_token,
        cr_right_numpy,
        cr_right_differences,
    ],
    "match_table": [
        mt_right_einsum,
        mt_right_pair_by_pair,
        mt_right_one_matrix,
    ],
    "composition_scores": [
        cs_right_traces,
        cs_right_singular_values,
        cs_right_numpy,
    ],
}
