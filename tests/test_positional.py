import pytest
import torch

from mi_course import hooks, positional
from mi_course.models import ModelLacksError

TOKENS = torch.randint(1, 300, (6, 5), generator=torch.Generator().manual_seed(0))
STREAM = ["blocks.0.hook_attn_out", "blocks.0.hook_mlp_out", "blocks.0.hook_resid_post"]


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def changes(tiny, how, basis, reader, layers=None, kept=STREAM):
    """What differs at some points when a reader loses a subspace, and the logits."""
    read = positional.what_is_read(tiny, TOKENS, positional.reading_points(tiny, reader, layers))
    changed = positional.reading_hooks(read, basis, how)
    clean_logits, clean = hooks.run_with_cache(tiny, TOKENS, kept)
    logits, cache = hooks.run_with_cache(tiny, TOKENS, kept, changed)
    return {name: cache[name] - clean[name] for name in kept}, logits, clean_logits


def test_leading_directions_are_the_strongest_eigenvectors_of_the_covariance():
    rows = normal(30, 7) * torch.tensor([5.0, 3, 2, 1, 0.5, 0.3, 0.1]) + 9
    values, vectors = torch.linalg.eigh(torch.cov(rows.T))
    held = values.flip(0).cumsum(0) / values.sum()
    count = int((held < 0.9).sum()) + 1
    found = positional.leading_directions(rows, 0.9)
    span = vectors.flip(1)[:, :count]
    assert found.shape == (count, 7)
    assert torch.allclose(found.T @ found, span @ span.T, atol=1e-4)
    assert len(positional.leading_directions(rows, 1.0)) == 7


def test_principal_directions_have_a_fixed_sign_and_shares_that_add_up():
    directions, shares = positional.principal_directions(normal(30, 7))
    assert bool((directions.gather(1, directions.abs().argmax(1, keepdim=True)) > 0).all())
    assert shares.sum().item() == pytest.approx(1, abs=1e-5)
    assert torch.allclose(directions @ directions.T, torch.eye(7), atol=1e-5)


def test_content_directions_find_what_differs_at_one_position_and_not_the_position():
    position = 50 * normal(1, 8, 1, seed=1) * torch.eye(6)[0]
    content = normal(9, 8, 2, seed=2) @ torch.eye(6)[3:5]
    found = positional.content_directions(position + content, 2)
    assert torch.allclose(
        found.T @ found, torch.diag(torch.tensor([0.0, 0, 0, 1, 1, 0])), atol=1e-4
    )


def test_removing_keeps_what_is_outside_and_puts_the_mean_inside():
    x, mean, basis = normal(2, 5, 7), normal(7, seed=1), positional.random_directions(3, 7, seed=2)
    inside = basis.T @ basis
    found = positional.remove_component(x, basis, mean)
    assert torch.allclose(found @ inside, (mean @ inside).expand(2, 5, 7), atol=1e-5)
    outside = torch.eye(7) - inside
    assert torch.allclose(found @ outside, x @ outside, atol=1e-5)
    assert torch.allclose(positional.remove_component(found, basis, mean), found, atol=1e-5)


def test_shuffling_back_restores_and_every_direction_moves_whole_activations():
    x, basis = normal(2, 5, 7), positional.random_directions(3, 7, seed=2)
    order = torch.tensor([[1, 3, 0, 4, 2], [4, 0, 1, 2, 3]])
    there = positional.shuffle_component(x, basis, order)
    assert not torch.allclose(there, x)
    back = positional.shuffle_component(there, basis, order.argsort(1))
    assert torch.allclose(back, x, atol=1e-5)
    everything = positional.shuffle_component(x, torch.eye(7), order)
    assert torch.allclose(everything[1], x[1, order[1]], atol=1e-5)


def test_each_prompt_can_have_directions_of_its_own():
    x, mean, order = normal(4, 5, 7), normal(7, seed=1), torch.rand(4, 5).argsort(1)
    own = positional.random_directions(3, 7, 2, 4)  # prompt direction d_model
    assert torch.allclose(own @ own.mT, torch.eye(3).expand(4, 3, 3), atol=1e-5)
    assert not torch.allclose(own[0], own[1], atol=0.1)
    removed = positional.remove_component(x, own, mean)
    shuffled = positional.shuffle_component(x, own, order)
    for row in range(4):
        one = slice(row, row + 1)
        alone = positional.remove_component(x[row], own[row], mean)
        assert torch.allclose(removed[row], alone, atol=1e-5)
        alone = positional.shuffle_component(x[one], own[row], order[one])
        assert torch.allclose(shuffled[one], alone, atol=1e-5)


def test_share_of_random_directions_in_isotropic_noise_is_their_share_of_the_dimensions():
    share = positional.subspace_share(normal(4, 400, 20), positional.random_directions(5, 20, 3))
    assert share.mean().item() == pytest.approx(5 / 20, abs=0.02)
    along = normal(4, 9, 2, seed=4) @ torch.eye(20)[:2]
    assert torch.allclose(positional.subspace_share(along, torch.eye(20)[:2]), torch.ones(4))


@pytest.mark.parametrize("how", ["remove", "shuffle"])
def test_what_the_mlps_lose_leaves_attention_and_the_stream_alone(tiny, how):
    basis = positional.random_directions(4, 12, seed=0)
    moved, logits, clean_logits = changes(tiny, how, basis, "MLPs", [0])
    assert not moved["blocks.0.hook_attn_out"].any()
    assert moved["blocks.0.hook_mlp_out"].abs().max() > 0.01
    assert torch.allclose(
        moved["blocks.0.hook_resid_post"], moved["blocks.0.hook_mlp_out"], atol=1e-5
    )
    assert not torch.allclose(logits, clean_logits, atol=1e-3)


def test_what_attention_loses_reaches_the_stream_through_attention_only(tiny):
    basis = positional.random_directions(4, 12, seed=0)
    moved, _, _ = changes(tiny, "remove", basis, "attention", [0])
    assert moved["blocks.0.hook_attn_out"].abs().max() > 0.01
    written = moved["blocks.0.hook_attn_out"] + moved["blocks.0.hook_mlp_out"]
    assert torch.allclose(moved["blocks.0.hook_resid_post"], written, atol=1e-5)


def test_resid_mid_is_another_name_of_what_the_mlp_reads_and_not_the_stream(tiny):
    shift = normal(12)

    def at(point):
        change = [(point, lambda x, hook: x + shift)]
        return hooks.run_with_cache(tiny, TOKENS, STREAM, change)[1]

    middle, branch = at("blocks.0.hook_resid_mid"), at("blocks.0.ln2.hook_in")
    for name in STREAM:
        assert torch.equal(middle[name], branch[name])


def test_an_mlp_that_loses_every_dimension_writes_one_thing_after_position_0(tiny):
    read = positional.what_is_read(tiny, TOKENS, positional.reading_points(tiny, "MLPs", [0]))
    changed = positional.reading_hooks(read, torch.eye(12))
    _, clean = hooks.run_with_cache(tiny, TOKENS, STREAM[1:2])
    _, cache = hooks.run_with_cache(tiny, TOKENS, STREAM[1:2], changed)
    written = cache[STREAM[1]]
    assert torch.allclose(written[:, 1:], written[:1, 1:2].expand(6, 4, 12), atol=1e-4)
    assert torch.equal(written[:, 0], clean[STREAM[1]][:, 0])


def test_everything_without_a_dimension_predicts_one_thing(tiny):
    _, logits, _ = changes(tiny, "remove", torch.eye(12), "everything")
    assert torch.allclose(logits[:, 1:], logits[:1, 1:2].expand(6, 4, -1), atol=1e-3)


def test_each_point_may_have_a_subspace_of_its_own(tiny):
    points = positional.reading_points(tiny, "MLPs")
    read = positional.what_is_read(tiny, TOKENS, points)
    one, other = positional.random_directions(3, 12, 0), positional.random_directions(3, 12, 1)
    both = positional.reading_hooks(read, dict(zip(points, (one, other), strict=True)))
    mixed = positional.reading_hooks(read, one)[:1] + positional.reading_hooks(read, other)[1:]
    found, expected = (hooks.run_with_hooks(tiny, TOKENS, h) for h in (both, mixed))
    assert torch.equal(found, expected)


def test_readers_of_a_model_are_its_norms(tiny):
    assert positional.reading_points(tiny, "MLPs") == [
        "blocks.0.ln2.hook_in",
        "blocks.1.ln2.hook_in",
    ]
    assert positional.reading_points(tiny, "everything", [1]) == [
        "blocks.1.ln1.hook_in",
        "blocks.1.ln2.hook_in",
    ]
    assert positional.reading_points(tiny, "everything")[-1] == "ln_final.hook_in"
    assert positional.position_rows(tiny).shape == (31, 12)


def test_bad_input_is_refused(tiny):
    with pytest.raises(ValueError, match="one of MLPs, attention, everything, not 'mlps'"):
        positional.reading_points(tiny, "mlps")
    with pytest.raises(ValueError, match="'remove' or 'shuffle', not 'zero'"):
        positional.reading_hooks({}, torch.eye(3), "zero")
    with pytest.raises(ValueError, match=r"at most 1, not 95: 0\.95 is usual"):
        positional.leading_directions(normal(5, 3), 95)


def test_model_without_learned_positions_is_refused_in_a_sentence(tiny_llama):
    with pytest.raises(ModelLacksError, match=r"needs learned positions.*model's are rotary"):
        positional.position_rows(tiny_llama)
