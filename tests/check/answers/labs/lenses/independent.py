"""Answers to the exercises on lenses, by somebody who had not seen the checks."""

import torch


# --- answer_ranks
def ar_counts_answer_itself(logits, answers):
    own = logits.gather(1, answers[:, None])
    return (logits >= own).sum(1)


def ar_begins_at_one(logits, answers):
    own = logits.gather(1, answers[:, None])
    return (logits > own).sum(1) + 1


def ar_looks_up_its_place_in_sorted_list(logits, answers):
    order = logits.argsort(dim=-1, descending=True)
    return (order == answers[:, None]).nonzero()[:, 1]


def ar_sorts_upwards(logits, answers):
    own = logits.gather(1, answers[:, None])
    return (logits < own).sum(1)


def ar_token_at_that_place_of_order(logits, answers):
    order = logits.argsort(dim=-1, descending=True)
    return order[torch.arange(len(answers)), answers]


def ar_no_new_axis(logits, answers):
    own = logits[torch.arange(len(answers)), answers]
    return (logits > own).sum(1)


def ar_adds_up_over_batch(logits, answers):
    own = logits.gather(1, answers[:, None])
    return (logits > own).sum(0)


def ar_all_rows_held_against_first_row_s_answer(logits, answers):
    own = logits[:, answers[0]]
    return (logits > own[:, None]).sum(1)


def ar_share_not_count(logits, answers):
    own = logits.gather(1, answers[:, None])
    return (logits > own).float().mean(1)


def ar_one_number_for_all(logits, answers):
    own = logits.gather(1, answers[:, None])
    return (logits > own).sum()


def ar_changes_logits_it_was_given(logits, answers):
    logits -= logits.gather(1, answers[:, None])
    return (logits > 0).sum(1)


def ar_keeps_axis(logits, answers):
    own = logits.gather(1, answers[:, None])
    return (logits > own).sum(1, keepdim=True)


def ar_takes_rows_for_tokens(logits, answers):
    own = logits[answers].max(1).values
    return (logits > own[:, None]).sum(1)


def ar_rounds_first(logits, answers):
    logits = logits.to(torch.float16)
    own = logits.gather(1, answers[:, None])
    return (logits > own).sum(1)


def ar_distinct_values(logits, answers):
    ranks = []
    for row, answer in zip(logits, answers):
        values = row.unique()
        ranks.append((values > row[answer]).sum())
    return torch.stack(ranks)


def ar_looks_only_among_first_hundred(logits, answers):
    top = logits.topk(min(100, logits.shape[1])).values
    own = logits.gather(1, answers[:, None])
    return (top > own).sum(1)


def ar_plain_python(logits, answers):
    ranks = []
    for row, answer in zip(logits.tolist(), answers.tolist()):
        ranks.append(sum(value > row[answer] for value in row))
    return torch.tensor(ranks)


def ar_by_search_in_sorted_rows(logits, answers):
    rising = logits.sort(dim=1).values
    own = logits.gather(1, answers[:, None])
    return logits.shape[1] - torch.searchsorted(rising, own, right=True)[:, 0]


def ar_diagonal_of_all_answers_in_all_rows(logits, answers):
    own = logits[:, answers].diagonal()
    return (logits > own[:, None]).float().sum(1)


def ar_numpy_in_between(logits, answers):
    import numpy as np

    table, index = logits.detach().cpu().numpy(), answers.cpu().numpy()
    own = np.take_along_axis(table, index[:, None], 1)
    return torch.from_numpy((table > own).sum(1))


def ar_softmax_compared(logits, answers):
    p = logits.softmax(-1)
    return (p > p.gather(1, answers[:, None])).sum(1)


def ar_log_softmax_and_loop_ints(logits, answers):
    lp = torch.log_softmax(logits, 1)
    return torch.stack([(lp[i] > lp[i, a]).count_nonzero() for i, a in enumerate(answers)])


def ar_sign_of_differences(logits, answers):
    d = logits - logits.take_along_dim(answers.unsqueeze(-1), -1)
    return d.sign().clamp(min=0).sum(-1).long()


def ar_topk_of_all(logits, answers):
    v = logits.topk(logits.shape[1]).values
    own = logits[range(len(answers)), answers]
    return torch.tensor([int((r > o).sum()) for r, o in zip(v, own)], dtype=torch.int32)


def ar_sizes_compared(logits, answers):
    return (logits.abs() > logits.gather(1, answers[:, None]).abs()).sum(1)


# --- average_jacobian
def aj_outputs_and_inputs_exchanged(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:-1].sum(0)
    rows = [torch.autograd.grad(o, x, retain_graph=True)[0][skip:-1].mean(0) for o in out]
    return torch.stack(rows, dim=1)


def aj_targets_averaged_too(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:-1].mean(0)
    rows = [torch.autograd.grad(o, x, retain_graph=True)[0][skip:-1].mean(0) for o in out]
    return torch.stack(rows)


def aj_sources_summed_too(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:-1].sum(0)
    rows = [torch.autograd.grad(o, x, retain_graph=True)[0][skip:-1].sum(0) for o in out]
    return torch.stack(rows)


def aj_last_position_counts_as_both(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:].sum(0)
    rows = [torch.autograd.grad(o, x, retain_graph=True)[0][skip:].mean(0) for o in out]
    return torch.stack(rows)


def aj_last_position_counts_as_source(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:-1].sum(0)
    rows = [torch.autograd.grad(o, x, retain_graph=True)[0][skip:].mean(0) for o in out]
    return torch.stack(rows)


def aj_last_position_counts_as_target(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:].sum(0)
    rows = [torch.autograd.grad(o, x, retain_graph=True)[0][skip:-1].mean(0) for o in out]
    return torch.stack(rows)


def aj_skipped_positions_are_sources_all_same(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:-1].sum(0)
    rows = [torch.autograd.grad(o, x, retain_graph=True)[0][:-1].mean(0) for o in out]
    return torch.stack(rows)


def aj_divides_by_all_positions(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:-1].sum(0)
    rows = [torch.autograd.grad(o, x, retain_graph=True)[0][skip:-1].sum(0) for o in out]
    return torch.stack(rows) / len(stream)


def aj_each_position_to_itself_only(function, stream, skip):
    full = torch.autograd.functional.jacobian(function, stream)
    n = len(stream)
    own = [full[t, :, t] for t in range(skip, n - 1)]
    return torch.stack(own).mean(0)


def aj_skips_as_many_at_end_as_at_beginning(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:-skip].sum(0)
    rows = [torch.autograd.grad(o, x, retain_graph=True)[0][skip:-skip].mean(0) for o in out]
    return torch.stack(rows)


def aj_cuts_text_before_function_sees_it(function, stream, skip):
    x = stream[skip:-1].clone().requires_grad_()
    out = function(x).sum(0)
    rows = [torch.autograd.grad(o, x, retain_graph=True)[0].mean(0) for o in out]
    return torch.stack(rows)


def aj_gradients_pile_up_in_x_grad(function, stream, skip):
    x = stream.clone().requires_grad_()
    rows = []
    for o in function(x)[skip:-1].sum(0):
        o.backward(retain_graph=True)
        rows.append(x.grad[skip:-1].mean(0))
    return torch.stack(rows)


def aj_graph_is_freed_after_first_row(function, stream, skip):
    x = stream.clone().requires_grad_()
    rows = []
    for o in function(x)[skip:-1].sum(0):
        rows.append(torch.autograd.grad(o, x)[0][skip:-1].mean(0))
    return torch.stack(rows)


def aj_nothing_to_derive_by(function, stream, skip):
    rows = []
    for o in function(stream)[skip:-1].sum(0):
        rows.append(torch.autograd.grad(o, stream, retain_graph=True)[0][skip:-1].mean(0))
    return torch.stack(rows)


def aj_asks_for_gradient_after_function_has_run(function, stream, skip):
    x = stream.clone()
    out = function(x)[skip:-1].sum(0)
    x.requires_grad_()
    rows = [torch.autograd.grad(o, x, retain_graph=True)[0][skip:-1].mean(0) for o in out]
    return torch.stack(rows)


def aj_one_skipped_too_many(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip + 1 : -1].sum(0)
    rows = [torch.autograd.grad(o, x, retain_graph=True)[0][skip + 1 : -1].mean(0) for o in out]
    return torch.stack(rows)


def aj_one_number_in_place_of_matrix(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:-1].sum()
    return torch.autograd.grad(out, x)[0][skip:-1].mean(0)


def aj_keeps_positions_apart(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:-1].sum(0)
    rows = [torch.autograd.grad(o, x, retain_graph=True)[0][skip:-1] for o in out]
    return torch.stack(rows)


def aj_sum_over_sources_by_shift_of_all_positio(function, stream, skip):
    delta = torch.zeros_like(stream[0]).requires_grad_()
    out = function(stream + delta)[skip:-1].sum(0)
    rows = [torch.autograd.grad(o, delta, retain_graph=True)[0] for o in out]
    return torch.stack(rows) / len(stream[skip:-1])


def aj_whole_jacobian_at_once(function, stream, skip):
    full = torch.autograd.functional.jacobian(function, stream)
    return full[skip:-1, :, skip:-1].sum(0).mean(1)


def aj_one_shift_for_all_sources(function, stream, skip):
    delta = torch.zeros_like(stream[0]).requires_grad_()
    moved = torch.cat([stream[:skip], stream[skip:-1] + delta, stream[-1:]])
    out = function(moved)[skip:-1].sum(0)
    rows = [torch.autograd.grad(o, delta, retain_graph=True)[0] for o in out]
    return torch.stack(rows) / len(stream[skip:-1])


def aj_targets_averaged_and_sources_summed(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:-1].mean(0)
    rows = [torch.autograd.grad(o, x, retain_graph=True)[0][skip:-1].sum(0) for o in out]
    return torch.stack(rows)


def aj_by_backward(function, stream, skip):
    result = torch.empty(stream.shape[1], stream.shape[1], dtype=stream.dtype)
    x = stream.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        out = function(x)
    for i in range(stream.shape[1]):
        x.grad = None
        out[skip : len(out) - 1, i].sum().backward(retain_graph=True)
        result[i] = x.grad[skip : len(x) - 1].mean(dim=0)
    return result


def aj_all_rows_in_one_batched_gradient(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:-1].sum(0)
    eye = torch.eye(len(out), dtype=out.dtype)
    (grads,) = torch.autograd.grad(out, x, eye, is_grads_batched=True)
    return torch.einsum("itj->ij", grads[:, skip:-1]) / grads[:, skip:-1].shape[1]


def aj_jvp_in_float64(function, stream, skip):
    cols = []
    for j in range(stream.shape[1]):
        t = torch.zeros_like(stream)
        t[skip:-1, j] = 1
        _, out = torch.func.jvp(function, (stream,), (t,))
        cols.append(out[skip:-1].sum(0))
    return torch.stack(cols, 1) / len(stream[skip:-1])


def aj_jacrev(function, stream, skip):
    J = torch.func.jacrev(lambda s: function(s)[skip:-1].sum(0))(stream)
    return J[:, skip:-1].mean(1)


def aj_with_create_graph_left_in(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:-1].sum(0)
    return torch.stack(
        [torch.autograd.grad(o, x, create_graph=True)[0][skip:-1].mean(0) for o in out]
    )


def aj_effect_on_itself_left_out(function, stream, skip):
    full = torch.autograd.functional.jacobian(function, stream)
    n = len(stream)
    for t in range(n):
        full[t, :, t] = 0
    return full[skip:-1, :, skip:-1].sum(0).mean(1)


def aj_absolute_values(function, stream, skip):
    full = torch.autograd.functional.jacobian(function, stream)
    return full[skip:-1, :, skip:-1].abs().sum(0).mean(1)


def aj_detached_before_function(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x.detach())[skip:-1].sum(0)
    return torch.stack(
        [torch.autograd.grad(o, x, retain_graph=True)[0][skip:-1].mean(0) for o in out]
    )


@torch.no_grad()
def aj_all_of_it_under_no_grad(function, stream, skip):
    x = stream.clone().requires_grad_()
    out = function(x)[skip:-1].sum(0)
    return torch.stack(
        [torch.autograd.grad(o, x, retain_graph=True)[0][skip:-1].mean(0) for o in out]
    )


# --- transported_logits
def tl_matrix_from_wrong_side(x, jacobian, gain, W_U, eps):
    y = x @ jacobian
    y = y / (y.square().mean(-1, keepdim=True) + eps).sqrt()
    return (y * gain) @ W_U


def tl_eps_added_to_root(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    y = y / (y.square().mean(-1, keepdim=True).sqrt() + eps)
    return (y * gain) @ W_U


def tl_divides_by_length(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    y = y / (y.square().sum(-1, keepdim=True) + eps).sqrt()
    return (y * gain) @ W_U


def tl_layernorm(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    y = y - y.mean(-1, keepdim=True)
    y = y / (y.square().mean(-1, keepdim=True) + eps).sqrt()
    return (y * gain) @ W_U


def tl_no_gain(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    y = y / (y.square().mean(-1, keepdim=True) + eps).sqrt()
    return y @ W_U


def tl_one_plus_gain_as_in_gemma(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    y = y / (y.square().mean(-1, keepdim=True) + eps).sqrt()
    return (y * (1 + gain)) @ W_U


def tl_norm_before_carrying(x, jacobian, gain, W_U, eps):
    y = x / (x.square().mean(-1, keepdim=True) + eps).sqrt()
    return ((y * gain) @ jacobian.T) @ W_U


def tl_no_norm(x, jacobian, gain, W_U, eps):
    return ((x @ jacobian.T) * gain) @ W_U


def tl_no_eps(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    y = y / y.square().mean(-1, keepdim=True).sqrt()
    return (y * gain) @ W_U


def tl_eps_of_its_own(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    return torch.nn.functional.rms_norm(y, y.shape[-1:], gain) @ W_U


def tl_one_scale_for_whole_batch(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    y = y / (y.square().mean() + eps).sqrt()
    return (y * gain) @ W_U


def tl_mean_over_batch(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    y = y / (y.square().mean(0) + eps).sqrt()
    return (y * gain) @ W_U


def tl_stops_before_unembedding(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    return y / (y.square().mean(-1, keepdim=True) + eps).sqrt() * gain


def tl_log_probabilities(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    y = y / (y.square().mean(-1, keepdim=True) + eps).sqrt()
    return ((y * gain) @ W_U).log_softmax(-1)


def tl_standard_deviation(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    y = y / (y.std(-1, keepdim=True) + eps)
    return (y * gain) @ W_U


def tl_no_root(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    y = y / (y.square().mean(-1, keepdim=True) + eps)
    return (y * gain) @ W_U


def tl_keepdim_forgotten(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    y = y / (y.square().mean(-1) + eps).sqrt()
    return (y * gain) @ W_U


def tl_folds_gain_into_model_s_own_w_u(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    y /= (y.square().mean(-1, keepdim=True) + eps).sqrt()
    W_U *= gain[:, None]
    return y @ W_U


def tl_gain_before_norm(x, jacobian, gain, W_U, eps):
    y = (x @ jacobian.T) * gain
    y = y / (y.square().mean(-1, keepdim=True) + eps).sqrt()
    return y @ W_U


def tl_logit_lens_matrix_forgotten(x, jacobian, gain, W_U, eps):
    y = x / (x.square().mean(-1, keepdim=True) + eps).sqrt()
    return (y * gain) @ W_U


def tl_carried_part_added_to_vector(x, jacobian, gain, W_U, eps):
    y = x + x @ jacobian.T
    y = y / (y.square().mean(-1, keepdim=True) + eps).sqrt()
    return (y * gain) @ W_U


def tl_scale_from_vector_before_it_was_carried(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    y = y / (x.square().mean(-1, keepdim=True) + eps).sqrt()
    return (y * gain) @ W_U


def tl_library_s_norm(x, jacobian, gain, W_U, eps):
    y = torch.nn.functional.linear(x, jacobian)
    y = torch.nn.functional.rms_norm(y, (y.shape[1],), weight=gain, eps=eps)
    return y.matmul(W_U)


def tl_gain_folded_into_copy_of_w_u(x, jacobian, gain, W_U, eps):
    y = torch.einsum("ij,bj->bi", jacobian, x)
    scale = torch.rsqrt(y.pow(2).mean(1) + eps)
    return torch.einsum("bi,iv,b->bv", y, W_U * gain.unsqueeze(1), scale)


def tl_one_vector_after_another(x, jacobian, gain, W_U, eps):
    out = []
    for h in x.double():
        y = jacobian.double() @ h
        y = gain.double() * y / ((y @ y) / len(y) + eps) ** 0.5
        out.append(y @ W_U.double())
    return torch.stack(out).to(x.dtype)


def tl_nn_rmsnorm_module(x, jacobian, gain, W_U, eps):
    norm = torch.nn.RMSNorm(x.shape[-1], eps=eps)
    norm.weight.data = gain
    return (norm(x @ jacobian.T) @ W_U).detach()


def tl_norm_by_linalg(x, jacobian, gain, W_U, eps):
    y = (jacobian @ x.T).T
    d = y.shape[1]
    return (
        y / torch.sqrt(torch.linalg.vector_norm(y, dim=1, keepdim=True) ** 2 / d + eps) * gain @ W_U
    )


def tl_library_s_layernorm(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    return torch.nn.functional.layer_norm(y, y.shape[-1:], gain, None, eps) @ W_U


def tl_library_s_normalize(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    return torch.nn.functional.normalize(y, dim=-1) * gain @ W_U


# --- random_inputs
def ri_rotation_on_side_of_outputs(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    n = len(jacobian)
    q = torch.linalg.qr(torch.randn(n, n, generator=g)).Q
    return q @ jacobian


def ri_random_matrix_that_is_no_rotation(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    n = len(jacobian)
    return jacobian @ torch.randn(n, n, generator=g)


def ri_scaled_but_no_rotation(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    n = len(jacobian)
    return jacobian @ torch.randn(n, n, generator=g) / n**0.5


def ri_columns_of_length_1(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    a = torch.randn(jacobian.shape, generator=g)
    return jacobian @ (a / a.norm(dim=0))


def ri_altogether_random_matrix_of_same_length(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    a = torch.randn(jacobian.shape, generator=g)
    return a * jacobian.norm() / a.norm()


def ri_columns_shuffled(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    return jacobian[:, torch.randperm(jacobian.shape[1], generator=g)]


def ri_signs_of_inputs_flipped(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    signs = torch.randint(0, 2, (jacobian.shape[1],), generator=g) * 2 - 1
    return jacobian * signs


def ri_seed_is_not_used(jacobian, seed):
    n = len(jacobian)
    return jacobian @ torch.linalg.qr(torch.randn(n, n)).Q


def ri_always_same_seed(jacobian, seed):
    g = torch.Generator().manual_seed(0)
    n = len(jacobian)
    return jacobian @ torch.linalg.qr(torch.randn(n, n, generator=g)).Q


def ri_rotated_on_both_sides(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    n = len(jacobian)
    q = torch.linalg.qr(torch.randn(n, n, generator=g)).Q
    return q.T @ jacobian @ q


def ri_rotation_alone(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    n = len(jacobian)
    return torch.linalg.qr(torch.randn(n, n, generator=g)).Q


def ri_matrix_s_own_directions(jacobian, seed):
    torch.manual_seed(seed)
    return torch.linalg.qr(jacobian).Q


def ri_r_taken_for_q(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    n = len(jacobian)
    r = torch.linalg.qr(torch.randn(n, n, generator=g)).R
    return jacobian @ r


def ri_changes_lens_that_it_was_given(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    n = len(jacobian)
    q = torch.linalg.qr(torch.randn(n, n, generator=g)).Q
    jacobian.copy_(jacobian @ q)
    return jacobian


def ri_noise_on_top(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    return jacobian + jacobian.std() * torch.randn(jacobian.shape, generator=g)


def ri_every_row_its_own_shuffle(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    n = jacobian.shape[1]
    rows = [row[torch.randperm(n, generator=g)] for row in jacobian]
    return torch.stack(rows)


def ri_turns_one_plane_only(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    n = jacobian.shape[1]
    i, j = torch.randperm(n, generator=g)[:2]
    angle = torch.rand((), generator=g) * 6.28
    turn = torch.eye(n)
    turn[i, i] = turn[j, j] = angle.cos()
    turn[i, j], turn[j, i] = -angle.sin(), angle.sin()
    return jacobian @ turn


GENERATOR = torch.Generator().manual_seed(0)


def ri_one_generator_for_all_calls(jacobian, seed):
    n = len(jacobian)
    q = torch.linalg.qr(torch.randn(n, n, generator=GENERATOR)).Q
    return jacobian @ q


def ri_keeps_strengths(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    n = len(jacobian)
    u = torch.linalg.qr(torch.randn(n, n, generator=g)).Q
    v = torch.linalg.qr(torch.randn(n, n, generator=g)).Q
    return u @ torch.diag(torch.linalg.svdvals(jacobian)) @ v


def ri_right_singular_vectors_replaced(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    u, s, vh = torch.linalg.svd(jacobian)
    random = torch.linalg.svd(torch.randn(vh.shape, generator=g))[0]
    return (u * s) @ random.to(u.dtype)


def ri_numpy_s_generator(jacobian, seed):
    import numpy as np

    a = np.random.default_rng(seed).normal(size=(jacobian.shape[1],) * 2)
    q = torch.from_numpy(np.linalg.qr(a)[0]).to(jacobian)
    return jacobian @ q.T


def ri_scipy_s_group_of_rotations(jacobian, seed):
    from scipy.stats import special_ortho_group

    q = special_ortho_group.rvs(jacobian.shape[1], random_state=seed)
    return torch.einsum("ij,jk->ik", jacobian, torch.tensor(q).to(jacobian.dtype))


def ri_torch_s_global_seed(jacobian, seed):
    torch.manual_seed(seed)
    q = torch.nn.init.orthogonal_(torch.empty_like(jacobian))
    return jacobian.matmul(q)


def ri_reflections_one_after_another(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    out = jacobian.clone()
    n = out.shape[1]
    for _ in range(n):
        u = torch.nn.functional.normalize(torch.randn(n, generator=g), dim=0).to(out)
        out = out - 2 * torch.outer(out @ u, u)
    return out


def ri_matrix_exponential(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    a = 5 * torch.randn(jacobian.shape, generator=g)
    return jacobian @ torch.linalg.matrix_exp(a - a.T)


def ri_polar(jacobian, seed):
    a = torch.randn(jacobian.shape, generator=torch.Generator().manual_seed(seed))
    u, _, v = torch.linalg.svd(a)
    return jacobian @ (u @ v)


def ri_double(jacobian, seed):
    g = torch.Generator().manual_seed(1000 + seed)
    a = torch.randn(jacobian.shape, generator=g, dtype=torch.float64)
    return (jacobian.double() @ torch.linalg.qr(a)[0]).float()


def ri_one_reflection(jacobian, seed):
    u = torch.randn(jacobian.shape[1], generator=torch.Generator().manual_seed(seed))
    u = u / u.norm()
    return jacobian - 2 * torch.outer(jacobian @ u, u)


def ri_small_turn(jacobian, seed):
    a = 0.1 * torch.randn(jacobian.shape, generator=torch.Generator().manual_seed(seed))
    return jacobian @ torch.linalg.matrix_exp(a - a.T)


def ri_signs_and_places_drawn(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    p = torch.randperm(jacobian.shape[1], generator=g)
    s = torch.randint(0, 2, (jacobian.shape[1],), generator=g) * 2 - 1
    return jacobian[:, p] * s


# --- swap_coordinates
def sc_two_projections(x, one, two):
    a = (x * one).sum(-1, keepdim=True) / (one * one).sum(-1, keepdim=True)
    b = (x * two).sum(-1, keepdim=True) / (two * two).sum(-1, keepdim=True)
    return x + (a - b) * (two - one)


def sc_dot_products_for_coordinates(x, one, two):
    a = (x * one).sum(-1, keepdim=True)
    b = (x * two).sum(-1, keepdim=True)
    return x - a * one - b * two + b * one + a * two


def sc_directions_made_to_length_1_first(x, one, two):
    one = one / one.norm(dim=-1, keepdim=True)
    two = two / two.norm(dim=-1, keepdim=True)
    plane = torch.stack([one, two], -1)
    c = torch.linalg.pinv(plane) @ x[..., None]
    return x + (plane @ (c.flip(1) - c))[..., 0]


def sc_only_plane_is_returned(x, one, two):
    plane = torch.stack([one, two], -1)
    c = torch.linalg.pinv(plane) @ x[..., None]
    return (plane @ c.flip(1))[..., 0]


def sc_new_part_added(x, one, two):
    plane = torch.stack([one, two], -1)
    c = torch.linalg.pinv(plane) @ x[..., None]
    return x + (plane @ c.flip(1))[..., 0]


def sc_one_is_turned_into_two(x, one, two):
    plane = torch.stack([one, two], -1)
    c = torch.linalg.pinv(plane) @ x[..., None]
    return x + c[:, 0] * (two - one)


def sc_nothing_exchanged(x, one, two):
    plane = torch.stack([one, two], -1)
    c = torch.linalg.pinv(plane) @ x[..., None]
    inside = (plane @ c)[..., 0]
    return (x - inside) + inside


def sc_second_made_orthogonal_to_first(x, one, two):
    two = two - (one * two).sum(-1, keepdim=True) / (one * one).sum(-1, keepdim=True) * one
    a = (x * one).sum(-1, keepdim=True) / (one * one).sum(-1, keepdim=True)
    b = (x * two).sum(-1, keepdim=True) / (two * two).sum(-1, keepdim=True)
    return x + (a - b) * (two - one)


def sc_mirror(x, one, two):
    u = one - two
    u = u / u.norm(dim=-1, keepdim=True)
    return x - 2 * (x * u).sum(-1, keepdim=True) * u


def sc_first_row_s_directions_for_all_rows(x, one, two):
    plane = torch.stack([one[0], two[0]], -1)
    c = torch.linalg.pinv(plane) @ x.T
    return x + (plane @ (c.flip(0) - c)).T


def sc_batch_turned_round_instead_of_two_coordi(x, one, two):
    plane = torch.stack([one, two], -1)
    c = torch.linalg.pinv(plane) @ x[..., None]
    return x + (plane @ (c.flip(0) - c))[..., 0]


def sc_one_pair_of_coordinates_for_whole_batch(x, one, two):
    plane = torch.stack([one.flatten(), two.flatten()], -1)
    a, b = torch.linalg.pinv(plane) @ x.flatten()
    return x + (a - b) * (two - one)


def sc_changes_x(x, one, two):
    plane = torch.stack([one, two], -1)
    c = torch.linalg.pinv(plane) @ x[..., None]
    x += (plane @ (c.flip(1) - c))[..., 0]
    return x


def sc_axis_too_many(x, one, two):
    plane = torch.stack([one, two], -1)
    c = torch.linalg.pinv(plane) @ x[..., None]
    return x[..., None] + plane @ (c.flip(1) - c)


def sc_axis_that_broadcasts_over_batch(x, one, two):
    plane = torch.stack([one, two], -1)
    c = torch.linalg.pinv(plane) @ x[..., None]
    return x + (plane @ (c.flip(1) - c)).transpose(1, 2)


def sc_directions_side_by_side_on_wrong_axis(x, one, two):
    plane = torch.stack([one, two], 1)
    c = torch.linalg.pinv(plane) @ x[..., None]
    return x + (plane @ (c.flip(1) - c))[..., 0]


def sc_change_with_wrong_sign(x, one, two):
    plane = torch.stack([one, two], -1)
    c = torch.linalg.pinv(plane) @ x[..., None]
    return x - (plane @ (c.flip(1) - c))[..., 0]


def sc_two_equations_by_hand(x, one, two):
    aa, bb, ab = ((p * q).sum(-1) for p, q in ((one, one), (two, two), (one, two)))
    xa, xb = (x * one).sum(-1), (x * two).sum(-1)
    a = (bb * xa - ab * xb) / (aa * bb - ab**2)
    b = (aa * xb - ab * xa) / (aa * bb - ab**2)
    return x + (a - b)[:, None] * (two - one)


def sc_numpy_s_least_squares_row_by_row(x, one, two):
    import numpy as np

    out = []
    for h, p, q in zip(x.double().numpy(), one.double().numpy(), two.double().numpy()):
        plane = np.stack([p, q], 1)
        a, b = np.linalg.lstsq(plane, h, rcond=None)[0]
        out.append(h - plane @ [a, b] + plane @ [b, a])
    return torch.tensor(np.array(out), dtype=x.dtype)


def sc_torch_s_lstsq_and_einsum(x, one, two):
    plane = torch.stack([one, two], dim=2)
    c = torch.linalg.lstsq(plane, x.unsqueeze(2)).solution.squeeze(2)
    rest = x - torch.einsum("bdk,bk->bd", plane, c)
    return rest + torch.einsum("bdk,bk->bd", plane, c[:, [1, 0]])


def sc_qr_of_each_plane(x, one, two):
    plane = torch.stack((one, two), -1)
    q, r = torch.linalg.qr(plane)
    c = torch.linalg.solve_triangular(r, q.mT @ x.unsqueeze(-1), upper=True)
    swapped = torch.roll(c, 1, dims=-2)
    return (x.unsqueeze(-1) - plane @ c + plane @ swapped).squeeze(-1)


def sc_gram_solve_and_einsum(x, one, two):
    b = torch.stack([one, two], 1)
    c = torch.linalg.solve(b @ b.mT, torch.einsum("bkd,bd->bk", b, x))
    return x + torch.einsum("bkd,bk->bd", b, c.flip(-1) - c)


def sc_double_loop(x, one, two):
    out = x.clone()
    for i in range(len(x)):
        p = torch.stack([one[i], two[i]]).T.double()
        c = torch.linalg.pinv(p) @ x[i].double()
        out[i] += ((c[1] - c[0]) * (one[i] - two[i])).float()
    return out


def sc_twice_over(x, one, two):
    p = torch.stack([one, two], -1)
    c = (torch.linalg.pinv(p) @ x[..., None])[..., 0]
    return x + 2 * (c[:, :1] - c[:, 1:]) * (two - one)


WRONG = {
    "answer_ranks": [
        (ar_counts_answer_itself, "the ranks begin at 1, or the answer counts itself"),
        (ar_begins_at_one, "the ranks begin at 1, or the answer counts itself"),
        (ar_looks_up_its_place_in_sorted_list, "equal logits count as larger"),
        (ar_sorts_upwards, "the order is from small to large"),
        (
            ar_token_at_that_place_of_order,
            "this is the token that stands at place `answer` of the order",
        ),
        (ar_no_new_axis, "one number for each row is compared with the tokens"),
        (ar_adds_up_over_batch, "has shape (7,)"),
        (ar_all_rows_held_against_first_row_s_answer, "every row looks up the first row's answer"),
        (ar_share_not_count, "this is a share of the vocabulary, a mean"),
        (ar_one_number_for_all, "has shape ()"),
        (ar_changes_logits_it_was_given, "changed its argument logits in place"),
        (ar_keeps_axis, "has shape (5, 1)"),
        (ar_takes_rows_for_tokens, "answers are taken for rows"),
        (ar_rounds_first, "computed in float16"),
        (ar_distinct_values, "tokens that share a logit are counted once"),
        (ar_looks_only_among_first_hundred, "not every larger logit is counted"),
        (ar_sizes_compared, "absolute logits are compared"),
    ],
    "average_jacobian": [
        (aj_outputs_and_inputs_exchanged, "rows and columns are exchanged"),
        (aj_targets_averaged_too, "the mean is taken over outputs too"),
        (aj_sources_summed_too, "sources are added up too"),
        (aj_last_position_counts_as_both, "the last position is not left out"),
        (aj_last_position_counts_as_source, "the last position is counted as a source"),
        (aj_last_position_counts_as_target, "positions of the input are skipped"),
        (aj_skipped_positions_are_sources_all_same, "the first positions count as sources"),
        (aj_divides_by_all_positions, "the sum over sources is divided by all positions"),
        (aj_each_position_to_itself_only, "each position is held against itself alone"),
        (aj_skips_as_many_at_end_as_at_beginning, "one position more is left out at the end"),
        (aj_cuts_text_before_function_sees_it, "the function gets a part of the stream"),
        (aj_gradients_pile_up_in_x_grad, "are added up as they come"),
        (aj_graph_is_freed_after_first_row, "Specify retain_graph=True"),
        (aj_nothing_to_derive_by, "nothing says by what to derive"),
        (aj_asks_for_gradient_after_function_has_run, "nothing says by what to derive"),
        (aj_one_skipped_too_many, "one position more is skipped"),
        (aj_one_number_in_place_of_matrix, "has shape (4,)"),
        (aj_keeps_positions_apart, "has shape (4, 6, 4)"),
        (aj_sum_over_sources_by_shift_of_all_positio, "skipped positions are sources in the sum"),
        (aj_effect_on_itself_left_out, "each position's effect on itself is left out"),
        (aj_absolute_values, "absolute values are added up"),
        (aj_detached_before_function, "nothing says by what to derive"),
        (aj_all_of_it_under_no_grad, "nothing says by what to derive"),
    ],
    "transported_logits": [
        (tl_matrix_from_wrong_side, "the matrix is transposed"),
        (tl_eps_added_to_root, "eps is added to the root"),
        (tl_divides_by_length, "the squares are added up"),
        (tl_layernorm, "the mean is subtracted, as a LayerNorm does"),
        (tl_no_gain, "the gain is missing"),
        (tl_one_plus_gain_as_in_gemma, "1 is added to the gain"),
        (tl_norm_before_carrying, "the norm stands before the matrix"),
        (tl_no_norm, "there is no norm"),
        (tl_no_eps, "eps is left out"),
        (tl_eps_of_its_own, "eps is left out"),
        (tl_one_scale_for_whole_batch, "the mean square is taken over all examples together"),
        (tl_mean_over_batch, "the mean square is taken over the batch"),
        (tl_stops_before_unembedding, "has shape (4, 6)"),
        (tl_log_probabilities, "these are log-probabilities"),
        (tl_standard_deviation, "the standard deviation divides (of a sample)"),
        (tl_no_root, "there is no root"),
        (tl_keepdim_forgotten, "one scale for each vector divides a row"),
        (tl_folds_gain_into_model_s_own_w_u, "changed its argument W_U in place"),
        (tl_gain_before_norm, "the gain is applied before the norm"),
        (tl_logit_lens_matrix_forgotten, "x is not carried, as the logit lens reads it"),
        (tl_carried_part_added_to_vector, "x is added to what the matrix gives"),
        (tl_scale_from_vector_before_it_was_carried, "the scale is that of x"),
        (tl_library_s_layernorm, "the mean is subtracted, as a LayerNorm does"),
        (tl_library_s_normalize, "the squares are added up"),
    ],
    "random_inputs": [
        (ri_rotation_on_side_of_outputs, "the outputs are rotated and the inputs are kept"),
        (ri_random_matrix_that_is_no_rotation, "what stands behind the matrix is no rotation"),
        (ri_scaled_but_no_rotation, "what stands behind the matrix is no rotation"),
        (
            ri_columns_of_length_1,
            "the directions behind the matrix have length 1 and are not at right angles",
        ),
        (ri_altogether_random_matrix_of_same_length, "the matrix has the right size as a whole"),
        (ri_columns_shuffled, "dimensions are only exchanged"),
        (ri_signs_of_inputs_flipped, "only signs are drawn"),
        (ri_seed_is_not_used, "two calls with the same seed differ"),
        (ri_always_same_seed, "two seeds give the same matrix"),
        (ri_rotated_on_both_sides, "the singular values are kept"),
        (ri_rotation_alone, "this is a rotation alone"),
        (ri_matrix_s_own_directions, "this is a rotation alone"),
        (ri_r_taken_for_q, "what stands behind the matrix is no rotation"),
        (ri_changes_lens_that_it_was_given, "changed its argument jacobian in place"),
        (ri_noise_on_top, "what stands behind the matrix is no rotation"),
        (ri_every_row_its_own_shuffle, "the matrix has the right size as a whole"),
        (ri_turns_one_plane_only, "some dimensions are read as before"),
        (ri_one_generator_for_all_calls, "two calls with the same seed differ"),
        (ri_keeps_strengths, "the singular values are kept"),
        (ri_one_reflection, "some dimensions are read as before"),
        (ri_small_turn, "the matrix reads nearly what it read before"),
        (ri_signs_and_places_drawn, "dimensions are only exchanged"),
    ],
    "swap_coordinates": [
        (sc_two_projections, "each coordinate is found by itself"),
        (sc_dot_products_for_coordinates, "dot products are taken for coordinates"),
        (sc_directions_made_to_length_1_first, "the directions are made unit vectors first"),
        (sc_only_plane_is_returned, "what comes back lies in the plane of the two alone"),
        (sc_new_part_added, "the exchange is added without taking away what was there"),
        (sc_one_is_turned_into_two, "the first direction's part is given to the second"),
        (sc_nothing_exchanged, "x comes back as it is"),
        (
            sc_second_made_orthogonal_to_first,
            "the second direction is made orthogonal to the first",
        ),
        (sc_mirror, "x is mirrored along the difference of the two"),
        (
            sc_first_row_s_directions_for_all_rows,
            "every example's directions are the first example's",
        ),
        (
            sc_batch_turned_round_instead_of_two_coordi,
            "coordinates come from another vector of the batch",
        ),
        (
            sc_one_pair_of_coordinates_for_whole_batch,
            "one pair of coordinates is found for the whole batch",
        ),
        (sc_changes_x, "changed its argument x in place"),
        (sc_axis_too_many, "has shape (4, 6, 1)"),
        (sc_axis_that_broadcasts_over_batch, "has shape (4, 4, 6)"),
        (sc_directions_side_by_side_on_wrong_axis, "the axes of a product do not fit"),
        (sc_change_with_wrong_sign, "the signs are exchanged"),
        (sc_twice_over, "the exchange is made twice"),
    ],
}
RIGHT = {
    "answer_ranks": [
        ar_plain_python,
        ar_by_search_in_sorted_rows,
        ar_diagonal_of_all_answers_in_all_rows,
        ar_numpy_in_between,
        ar_softmax_compared,
        ar_log_softmax_and_loop_ints,
        ar_sign_of_differences,
        ar_topk_of_all,
    ],
    "average_jacobian": [
        aj_whole_jacobian_at_once,
        aj_one_shift_for_all_sources,
        aj_targets_averaged_and_sources_summed,
        aj_by_backward,
        aj_all_rows_in_one_batched_gradient,
        aj_jvp_in_float64,
        aj_jacrev,
        aj_with_create_graph_left_in,
    ],
    "transported_logits": [
        tl_library_s_norm,
        tl_gain_folded_into_copy_of_w_u,
        tl_one_vector_after_another,
        tl_nn_rmsnorm_module,
        tl_norm_by_linalg,
    ],
    "random_inputs": [
        ri_right_singular_vectors_replaced,
        ri_numpy_s_generator,
        ri_scipy_s_group_of_rotations,
        ri_torch_s_global_seed,
        ri_reflections_one_after_another,
        ri_matrix_exponential,
        ri_polar,
        ri_double,
    ],
    "swap_coordinates": [
        sc_two_equations_by_hand,
        sc_numpy_s_least_squares_row_by_row,
        sc_torch_s_lstsq_and_einsum,
        sc_qr_of_each_plane,
        sc_gram_solve_and_einsum,
        sc_double_loop,
    ],
}
