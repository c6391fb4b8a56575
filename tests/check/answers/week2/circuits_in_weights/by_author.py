"""Answers of the check's author to the exercises on circuits in weights."""

import torch


# --- head_circuits
def one_einsum(W_Q, W_K, W_V, W_O):
    return torch.einsum("pah,pbh->pab", torch.stack([W_Q, W_V]), torch.stack([W_K, W_O.T]))


def dict_values(W_Q, W_K, W_V, W_O):
    made = {"QK": (W_K @ W_Q.T).T, "OV": (W_O.T @ W_V.T).T}
    return tuple(made.values())


def one_unit_vector_at_a_time(W_Q, W_K, W_V, W_O):
    unit = torch.eye(len(W_Q))
    QK = torch.tensor([[float((q @ W_Q) @ (k @ W_K)) for k in unit] for q in unit])
    return QK, torch.stack([x @ W_V @ W_O for x in unit])


def hc_keys_twice(W_Q, W_K, W_V, W_O):
    return W_K @ W_K.T, W_V @ W_O


def hc_keys_moved(W_Q, W_K, W_V, W_O):
    return W_Q @ W_K.T, W_K @ W_O


def hc_both_transposed(W_Q, W_K, W_V, W_O):
    return (W_Q @ W_K.T).T, (W_V @ W_O).T


def hc_with_the_stream(W_Q, W_K, W_V, W_O):
    return W_Q @ W_K.T, torch.eye(len(W_V)) + W_V @ W_O


def hc_one_size(W_Q, W_K, W_V, W_O):
    return W_Q.view(6, 2) @ W_K.T, W_V @ W_O


def hc_nothing(W_Q, W_K, W_V, W_O):
    W_Q @ W_K.T, W_V @ W_O


def hc_chained(W_Q, W_K, W_V, W_O):
    QK = W_Q @ W_K.T
    return QK, QK @ W_V @ W_O


def hc_in_place(W_Q, W_K, W_V, W_O):
    W_Q /= W_Q.shape[1] ** 0.5
    return W_Q @ W_K.T, W_V @ W_O


def hc_symmetric(W_Q, W_K, W_V, W_O):
    QK = W_Q @ W_K.T
    return (QK + QK.T) / 2, W_V @ W_O


# --- copy_ranks
def by_fancy_indexing(vectors, OV, W_U, ids):
    logits = vectors @ OV @ W_U
    return (logits > logits[range(len(ids)), ids].unsqueeze(1)).sum(-1)


def by_double_argsort(vectors, OV, W_U, ids):
    places = (-(vectors @ OV @ W_U)).argsort(1).argsort(1)
    return places[torch.arange(len(ids)), ids].float()


def in_chunks_of_two(vectors, OV, W_U, ids):
    ranks = []
    for some, these in zip(vectors.split(2), ids.split(2), strict=True):
        logits = some @ OV @ W_U
        ranks.append((logits > logits.gather(1, these.view(-1, 1))).sum(1))
    return torch.cat(ranks)


def cr_two_axes(vectors, OV, W_U, ids):
    return by_fancy_indexing(vectors, OV, W_U, ids)[:, None]


def cr_over_rows(vectors, OV, W_U, ids):
    logits = vectors @ OV @ W_U
    return (logits > logits.gather(1, ids[:, None])).sum(0)


def cr_own_logits(vectors, OV, W_U, ids):
    return (vectors @ OV @ W_U).gather(1, ids[:, None])[:, 0]


def cr_absolute(vectors, OV, W_U, ids):
    logits = (vectors @ OV @ W_U).abs()
    return (logits > logits.gather(1, ids[:, None])).sum(1)


def cr_transposed_head(vectors, OV, W_U, ids):
    return by_fancy_indexing(vectors, OV.T, W_U, ids)


def cr_with_the_stream(vectors, OV, W_U, ids):
    return by_fancy_indexing(vectors, OV + torch.eye(len(OV)), W_U, ids)


def cr_list(vectors, OV, W_U, ids):
    return by_fancy_indexing(vectors, OV, W_U, ids).tolist()


def cr_positive(vectors, OV, W_U, ids):
    return (vectors @ OV @ W_U > 0).sum(1)


def cr_smaller_or_same(vectors, OV, W_U, ids):
    logits = vectors @ OV @ W_U
    return (logits <= logits.gather(1, ids[:, None])).sum(1)


# --- match_table
def one_row_at_a_time(vectors, QK, OV):
    return torch.stack([(vectors @ OV) @ QK.T @ q for q in vectors])


def in_double(vectors, QK, OV):
    v = vectors.double()
    return v @ (QK.double() @ OV.double().T) @ v.T


def by_broadcasting(vectors, QK, OV):
    queries, keys = (vectors @ QK)[:, None], (vectors @ OV)[None]
    return (queries * keys).sum(-1)


def mt_keys_added(vectors, QK, OV):
    return vectors @ QK @ (vectors + vectors @ OV).T


def mt_no_qk(vectors, QK, OV):
    return vectors @ (vectors @ OV).T


def mt_scaled(vectors, QK, OV):
    return one_row_at_a_time(vectors, QK, OV) / vectors.shape[1] ** 0.5


def mt_cosines(vectors, QK, OV):
    return torch.cosine_similarity((vectors @ QK)[:, None], (vectors @ OV)[None], dim=-1)


def mt_keys_alone(vectors, QK, OV):
    return vectors @ OV


def mt_virtual_head(vectors, QK, OV):
    return QK @ OV.T


def mt_twice(vectors, QK, OV):
    return vectors @ QK @ (vectors @ OV @ OV).T


def mt_best(vectors, QK, OV):
    table = one_row_at_a_time(vectors, QK, OV)
    return (table == table.amax(1, keepdim=True)).float()


def mt_centred(vectors, QK, OV):
    table = one_row_at_a_time(vectors, QK, OV)
    return table - table.mean(1, keepdim=True)


# --- composition_scores
def _share(product, a, b):
    return product.norm() / (a.norm() * b.norm())


def as_one_tensor(OV, QK, later_OV):
    others = torch.stack([QK, QK.T, later_OV])
    sizes = torch.linalg.matrix_norm(others) * torch.linalg.matrix_norm(OV)
    return torch.linalg.matrix_norm(OV @ others) / sizes


def scaled_to_one_first(OV, QK, later_OV):
    OV, QK, later_OV = (m / m.square().sum().sqrt() for m in (OV, QK, later_OV))
    return [m.square().sum().sqrt().item() for m in (OV @ QK, QK @ OV.T, OV @ later_OV)]


def by_generator(OV, QK, later_OV):
    pairs = (QK.T, OV.T), (OV, QK.T), (later_OV.T, OV.T)
    return tuple(float(_share(a @ b, a, b)) for a, b in pairs)


def cs_one_norm_missing(OV, QK, later_OV):
    return (OV @ QK).norm() / OV.norm(), (QK @ OV.T).norm() / QK.norm(), (OV @ later_OV).norm()


def cs_minus_chance(OV, QK, later_OV):
    return [score - len(OV) ** -0.5 for score in scaled_to_one_first(OV, QK, later_OV)]


def cs_reversed(OV, QK, later_OV):
    return as_one_tensor(OV, QK, later_OV).flip(0)


def cs_matrices(OV, QK, later_OV):
    return OV @ QK, QK @ OV.T, OV @ later_OV


def cs_two(OV, QK, later_OV):
    return as_one_tensor(OV, QK, later_OV)[:2]


def cs_dict(OV, QK, later_OV):
    return dict(zip("QKV", as_one_tensor(OV, QK, later_OV), strict=True))


def cs_traces(OV, QK, later_OV):
    return [
        torch.trace(a @ b) / (a.norm() * b.norm())
        for a, b in ((OV, QK), (QK, OV.T), (OV, later_OV))
    ]


def cs_v_by_queries(OV, QK, later_OV):
    q, k, _ = as_one_tensor(OV, QK, later_OV)
    return q, k, q


def cs_q_from_the_wrong_side(OV, QK, later_OV):
    _, k, v = as_one_tensor(OV, QK, later_OV)
    return _share(QK @ OV, QK, OV), k, v


WRONG = {
    "head_circuits": [
        (hc_keys_twice, "QK uses W_K twice"),
        (hc_keys_moved, "OV uses W_K in the place of W_V"),
        (hc_both_transposed, "QK is transposed"),
        (hc_with_the_stream, "OV includes the stream itself"),
        (hc_one_size, "is a size written into it?"),
        (hc_nothing, "is the return statement missing?"),
        (hc_chained, "OV is multiplied by QK"),
        (hc_in_place, "changed its argument W_Q in place"),
        (hc_symmetric, "averaged with its transpose"),
    ],
    "copy_ranks": [
        (cr_two_axes, "squeeze(1)"),
        (cr_over_rows, "one number for each token of the vocabulary"),
        (cr_own_logits, "these are logits"),
        (cr_absolute, "absolute values are compared"),
        (cr_transposed_head, "OV is transposed"),
        (cr_with_the_stream, "the head's output is added to the stream"),
        (cr_list, "return a tensor"),
        (cr_positive, "counts the positive logits"),
        (cr_smaller_or_same, "and the token itself"),
    ],
    "match_table": [
        (mt_keys_added, "what the head writes is added to the vectors"),
        (mt_no_qk, "QK is left out"),
        (mt_scaled, "root of d_model"),
        (mt_cosines, "these are cosines"),
        (mt_keys_alone, "these are queries or keys"),
        (mt_virtual_head, "the vectors are left out"),
        (mt_twice, "OV is used twice"),
        (mt_best, "this is yes and no"),
        (mt_centred, "the mean of each row is subtracted"),
    ],
    "composition_scores": [
        (
            cs_one_norm_missing,
            "the score of Q-composition is divided by the norm of one circuit alone",
        ),
        (cs_minus_chance, "the score of random matrices is subtracted"),
        (cs_reversed, "order V, K, Q"),
        (cs_matrices, ".norm() of a matrix makes one"),
        (cs_two, "2 numbers come back"),
        (cs_dict, "not a dict"),
        (cs_traces, "these are traces"),
        (cs_v_by_queries, "V-composition reads QK"),
        (cs_q_from_the_wrong_side, "in Q-composition OV is on the wrong side"),
    ],
}
RIGHT = {
    "head_circuits": [one_einsum, dict_values, one_unit_vector_at_a_time],
    "copy_ranks": [by_fancy_indexing, by_double_argsort, in_chunks_of_two],
    "match_table": [one_row_at_a_time, in_double, by_broadcasting],
    "composition_scores": [as_one_tensor, scaled_to_one_first, by_generator],
}
