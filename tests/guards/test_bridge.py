"""What the library silently accepts is an error on a model that the course loaded.

Each test first shows, on a bridge without guards, that the mistake passes there: if the library
mends it one day, the test says so and the guard can go.
"""

import functools
import warnings

import pytest
import torch
from transformer_lens.model_bridge import TransformerBridge

from mi_course import hooks, models
from mi_course.guards.bridge import GuardedBridge

TOKENS = torch.tensor([[0, 5, 6, 7, 8], [0, 9, 10, 11, 12]])
Z = "blocks.1.attn.hook_z"


def zero(activation, hook):
    return torch.zeros_like(activation)


@pytest.fixture(scope="module")
def bare(tiny_folder):
    """The library's own bridge, in compatibility mode and without guards."""
    model = TransformerBridge.boot_transformers(str(tiny_folder), device="cpu")
    model.enable_compatibility_mode()
    return model


@pytest.fixture(autouse=True)
def no_hooks_left(tiny, bare):
    yield
    tiny.reset_hooks(including_permanent=True)
    bare.reset_hooks(including_permanent=True)


def test_what_the_course_loads_is_guarded(tiny, pocket):
    assert isinstance(tiny, GuardedBridge)
    assert isinstance(pocket, GuardedBridge)


def test_guards_change_no_number(tiny, bare):
    assert torch.equal(tiny(TOKENS), bare(TOKENS))
    hooked = [m.run_with_hooks(TOKENS, fwd_hooks=[(Z, zero)]) for m in (tiny, bare)]
    assert torch.equal(*hooked)
    caches = [m.run_with_cache(TOKENS)[1] for m in (tiny, bare)]
    assert caches[0].keys() == caches[1].keys()
    assert all(torch.equal(caches[0][name], caches[1][name]) for name in caches[0])


@pytest.mark.parametrize("word", ["fwd_hooks", "bwd_hooks", "hooks"])
def test_hooks_given_to_the_forward_pass_are_refused(tiny, bare, word):
    given = {word: [(Z, zero)]}
    assert torch.equal(bare(TOKENS, **given), bare(TOKENS))  # ignored in silence
    with pytest.raises(TypeError, match=rf"ignore {word}: call model\.run_with_hooks"):
        tiny(TOKENS, **given)


def test_hooks_given_to_run_with_cache_are_refused(tiny, bare):
    given = {"fwd_hooks": [(Z, zero)]}
    assert torch.equal(bare.run_with_cache(TOKENS, **given)[0], bare(TOKENS))
    with pytest.raises(TypeError, match=r"run_with_cache takes no hooks.*hooks\.run_with_cache"):
        tiny.run_with_cache(TOKENS, **given)


def test_keyword_that_nothing_reads_is_refused_with_the_nearest_one(tiny, bare):
    assert torch.equal(bare(TOKENS, retrun_type="loss"), bare(TOKENS))
    with pytest.raises(TypeError, match=r"no argument 'retrun_type': did you mean return_type"):
        tiny(TOKENS, retrun_type="loss")
    with pytest.raises(TypeError, match="no argument 'names_filtre': did you mean names_filter"):
        tiny.run_with_cache(TOKENS, names_filtre=Z)
    with pytest.raises(TypeError, match="no argument 'xyz': nothing reads it"):
        tiny.run_with_hooks(TOKENS, fwd_hooks=[], xyz=1)


def test_keywords_that_the_model_reads_still_work(tiny):
    assert tiny(TOKENS, return_type="loss", loss_per_token=True).shape == (2, 4)
    mask = torch.ones_like(TOKENS)
    assert torch.allclose(tiny(TOKENS, attention_mask=mask), tiny(TOKENS), atol=1e-5)
    logits, cache = tiny.run_with_cache(TOKENS, return_type="loss", device="cpu", names_filter=Z)
    assert logits.ndim == 0
    assert list(cache.keys())


def test_misspelt_name_beside_a_right_one_is_refused(tiny, bare):
    names = ["blocks.1.attn.hook_zz", Z]
    _, cache = bare.run_with_cache(TOKENS, names_filter=names)
    assert names[0] not in cache  # and not a word
    with pytest.raises(KeyError, match=r"did you mean blocks\.1\.attn\.hook_z"):
        tiny.run_with_cache(TOKENS, names_filter=names)


def test_filter_that_matches_nothing_is_refused(tiny, bare):
    def wanted(name):
        return name.endswith("hook_patern")

    assert len(bare.run_with_cache(TOKENS, names_filter=wanted)[1]) == 0
    with pytest.raises(KeyError, match="matches no hook point"):
        tiny.run_with_cache(TOKENS, names_filter=wanted)
    bare.run_with_hooks(TOKENS, fwd_hooks=[(wanted, zero)])
    with pytest.raises(KeyError, match="matches no hook point"):
        tiny.run_with_hooks(TOKENS, fwd_hooks=[(wanted, zero)])


@pytest.mark.parametrize(
    ("name", "switch"),
    [
        ("blocks.0.attn.hook_result", "set_use_attn_result"),
        ("blocks.1.hook_q_input", "set_use_split_qkv_input"),
        ("blocks.1.hook_mlp_in", "set_use_hook_mlp_in"),
        ("blocks.1.hook_attn_in", "set_use_attn_in"),
    ],
)
def test_hook_point_that_is_switched_off_is_refused_with_its_switch(tiny, bare, name, switch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert name not in bare.run_with_cache(TOKENS, names_filter=name)[1]
    for run in (
        lambda: tiny.run_with_cache(TOKENS, names_filter=name),
        lambda: tiny.run_with_hooks(TOKENS, fwd_hooks=[(name, zero)]),
        lambda: hooks.run_with_cache(tiny, TOKENS, [name]),
        lambda: hooks.run_with_hooks(tiny, TOKENS, [(name, zero)]),
    ):
        with pytest.raises(ValueError, match=rf"Call {switch}\(True\) first"):
            run()


def test_hook_point_works_once_its_switch_is_on(tiny):
    tiny.set_use_attn_result(True)
    try:
        _, cache = hooks.run_with_cache(tiny, TOKENS, ["blocks.0.attn.hook_result"])
    finally:
        tiny.set_use_attn_result(False)
    assert cache["blocks.0.attn.hook_result"].shape == (2, 5, 3, 12)


def test_hook_that_never_runs_is_an_error(tiny, bare):
    name = "blocks.0.attn.qkv.hook_out"
    assert name in tiny.hook_dict
    assert torch.equal(bare.run_with_hooks(TOKENS, fwd_hooks=[(name, zero)]), bare(TOKENS))
    with pytest.raises(RuntimeError, match=rf"the hook at {name} never ran"):
        hooks.run_with_cache(tiny, TOKENS, [name])


@pytest.mark.parametrize("method", ["run_with_cache", "run_with_hooks"])
def test_hook_left_behind_is_refused(tiny, bare, method):
    bare.add_hook(Z, zero)
    changed = getattr(bare, method)(TOKENS)
    bare.reset_hooks()
    clean = bare(TOKENS)
    assert not torch.equal(changed[0] if isinstance(changed, tuple) else changed, clean)
    tiny.add_hook(Z, zero)
    with pytest.raises(RuntimeError, match=r"left at .*hook_z.* call model\.reset_hooks\(\)"):
        getattr(tiny, method)(TOKENS)
    tiny.reset_hooks()
    getattr(tiny, method)(TOKENS)


def test_hooks_on_purpose_are_not_refused(tiny):
    with tiny.hooks(fwd_hooks=[(Z, zero)]):
        _, cache = tiny.run_with_cache(TOKENS)
    assert cache[Z].abs().max() == 0
    assert tiny.run_with_cache(TOKENS)[1][Z].abs().max() > 0


PADDED = torch.tensor([[0, 5, 6, 7, 8], [0, 0, 0, 0, 9]])


def test_tokens_padded_on_the_left_without_a_mask_are_refused(tiny, bare):
    alone = bare(torch.tensor([[0, 9]]))[0, -1]
    assert not torch.allclose(bare(PADDED)[1, -1], alone, atol=1e-2)  # wrong, and not a word
    for run in (
        lambda: tiny(PADDED),
        lambda: tiny.run_with_cache(PADDED),
        lambda: tiny.run_with_hooks(PADDED, fwd_hooks=[(Z, zero)]),
        lambda: hooks.run_with_hooks(tiny, PADDED, []),
        lambda: hooks.run_with_cache(tiny, PADDED, [Z]),
    ):
        with pytest.raises(ValueError, match=r"row 1 .* begins with padding.*pad on the right"):
            run()


def test_padding_with_a_mask_or_on_the_right_or_by_the_library_is_fine(tiny):
    alone = tiny(torch.tensor([[0, 9]]))[0, -1]
    mask = torch.tensor([[1, 1, 1, 1, 1], [0, 0, 0, 1, 1]])
    assert torch.allclose(tiny(PADDED, attention_mask=mask)[1, -1], alone, atol=1e-4)
    right = torch.tensor([[0, 5, 6, 7, 8], [0, 9, 0, 0, 0]])
    assert torch.allclose(tiny(right)[1, 1], alone, atol=1e-4)
    texts = ["abcd", "x"]
    listed = tiny(texts, padding_side="left")[1, -1]
    assert torch.allclose(listed, tiny("x")[0, -1], atol=1e-4)


def test_prompt_longer_than_the_context_is_refused(tiny, bare):
    long = torch.full((1, 33), 5)
    with pytest.raises(IndexError, match="index out of range in self"):
        bare(long)  # the library stops, and does not say why
    with pytest.raises(ValueError, match="33 tokens are too many: this model reads at most 32"):
        tiny(long)
    with pytest.raises(ValueError, match="33 tokens"):
        tiny.run_with_cache(long)


def test_text_longer_than_the_context_is_not_cut_off_in_silence(tiny, bare):
    text = "x" * 40
    assert bare.to_tokens(text).shape == (1, 32)  # the rest is lost
    words = r"41 tokens long, and this model reads at most 32.*truncate=True"
    for run in (
        lambda: tiny.to_tokens(text),
        lambda: tiny(text),
        lambda: tiny.run_with_cache(text),
    ):
        with pytest.raises(ValueError, match=words):
            run()
    assert tiny.to_tokens(text, truncate=True).shape == (1, 32)
    assert tiny.to_tokens("x" * 31).shape == (1, 32)


def test_word_of_two_tokens_is_refused_with_its_pieces(tiny, pocket):
    with pytest.raises(ValueError, match=r"'ab' is 2 tokens for this model: 'a', 'b'; choose"):
        tiny.to_single_token("ab")
    with pytest.raises(ValueError, match=r"inside a text a word begins with its space"):
        hooks.single_token(pocket, "Nebuchadnezzar")
    assert hooks.single_token(pocket, " Mary") == pocket.to_tokens(" Mary")[0, 1]
    assert pocket.tokenizer(" Mary")["input_ids"][0] == pocket.tokenizer.bos_token_id


def test_weights_that_are_not_folded_are_refused(tiny, tiny_folder):
    hooks.require_compatibility(tiny)
    raw = TransformerBridge.boot_transformers(str(tiny_folder), device="cpu")
    with pytest.raises(ValueError, match="needs compatibility mode"):
        hooks.require_compatibility(raw)
    raw.enable_compatibility_mode(no_processing=True)  # sets the flag and folds nothing
    with pytest.raises(ValueError, match="needs compatibility mode"):
        hooks.require_compatibility(raw)


def test_llama_counts_as_folded_only_with_gains_of_one_and_a_centred_unembedding(
    tiny_llama, tiny_llama_folder
):
    hooks.require_compatibility(tiny_llama)
    raw = TransformerBridge.boot_transformers(str(tiny_llama_folder), device="cpu")
    with pytest.raises(ValueError, match="needs compatibility mode"):
        hooks.require_compatibility(raw)
    raw.enable_compatibility_mode(fold_ln=False)  # centres the unembedding and folds nothing
    with pytest.raises(ValueError, match="needs compatibility mode"):
        hooks.require_compatibility(raw)
    raw = TransformerBridge.boot_transformers(str(tiny_llama_folder), device="cpu")
    raw.enable_compatibility_mode(center_unembed=False)
    with pytest.raises(ValueError, match="needs compatibility mode"):
        hooks.require_compatibility(raw)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_llama_of_half_precision_is_refused_also_once_it_is_wide_again(tiny_llama_folder, dtype):
    model = models.boot(tiny_llama_folder)
    model.to(getattr(torch, dtype), print_details=False)
    with pytest.raises(ValueError, match=f"weights in float32, and the model's are {dtype}"):
        hooks.require_compatibility(model)
    model.to(torch.float32, print_details=False)
    with pytest.raises(ValueError, match=f"weights were rounded to {dtype}, which float32 does"):
        hooks.require_compatibility(model)


def test_a_loaded_model_still_generates_and_resumes(tiny):
    start = torch.tensor([[0, 5, 6]])
    longer = tiny.generate(start, max_new_tokens=3, do_sample=False, verbose=False)
    assert longer.shape == (1, 6)
    _, cache = tiny.run_with_cache(TOKENS)
    resumed = tiny(cache["blocks.1.hook_resid_pre"], start_at_layer=1)
    assert torch.allclose(resumed, tiny(TOKENS), atol=1e-4)


def test_bare_model_has_the_same_weights_and_neither_guards_nor_folding(pocket, tiny):
    bare = models.load_bare(pocket)
    tokens = pocket.to_tokens("Hello, world!")
    assert torch.allclose(bare(tokens).log_softmax(-1), pocket(tokens).log_softmax(-1), atol=1e-3)
    assert not isinstance(bare, GuardedBridge)
    assert not bare.compatibility_mode
    with pytest.raises(ValueError, match="not loaded by"):
        models.load_bare(tiny)


# Filters: each form in which hook points can be chosen, in each method that takes one.

RESULT = "blocks.0.attn.hook_result"  # switched off
UNREACHED = "blocks.0.attn.qkv.hook_out"  # never computed in compatibility mode


def ends_with(suffix):
    return lambda name: name.endswith(suffix)


def take_hooks(model):
    """Every way to give a model hooks, as functions of the name or the filter."""
    return {
        "run_with_hooks": lambda which: model.run_with_hooks(TOKENS, fwd_hooks=[(which, zero)]),
        "by place": lambda which: model.run_with_hooks(TOKENS, [(which, zero)]),
        "iterator": lambda which: model.run_with_hooks(TOKENS, fwd_hooks=iter([(which, zero)])),
        "backward": lambda which: model.run_with_hooks(TOKENS, bwd_hooks=[(which, zero)]),
        "backward by place": lambda which: model.run_with_hooks(TOKENS, [], [(which, zero)]),
        "hooks": lambda which: model.hooks(fwd_hooks=[(which, zero)]).__enter__(),
        "hooks backward": lambda which: model.hooks(bwd_hooks=[(which, zero)]).__enter__(),
        "add_hook": lambda which: model.add_hook(which, zero),
        "add_hook backward": lambda which: model.add_hook(which, zero, "bwd"),
        "add_perma_hook": lambda which: model.add_perma_hook(which, zero),
    }


def take_filters(model):
    """Every method that caches what a filter chooses."""
    return {
        "run_with_cache": lambda which: model.run_with_cache(TOKENS, names_filter=which),
        "by place": lambda which: model.run_with_cache(TOKENS, True, False, which),
        "add_caching_hooks": lambda which: model.add_caching_hooks(which),
        "get_caching_hooks": lambda which: model.get_caching_hooks(names_filter=which),
        "generate": lambda which: model.generate(
            TOKENS[:1], max_new_tokens=1, return_cache=True, names_filter=which, verbose=False
        ),
    }


HOOK_WAYS = list(take_hooks(None))
FILTER_WAYS = list(take_filters(None))
REFUSED = {
    "misspelt name": ("blocks.1.attn.hook_zz", KeyError, r"did you mean blocks\.1\.attn\.hook_z"),
    "name switched off": (RESULT, ValueError, r"Call set_use_attn_result\(True\) first"),
    "filter of nothing": (ends_with("hook_patern"), KeyError, "matches no hook point"),
    "filter switched off": (
        ends_with("hook_result"), ValueError, r"Call set_use_attn_result\(True\) first",
    ),
    "no filter": (3, TypeError, "by a name or by a function of a name, not by an int"),
    "tuple": ((Z, Z), TypeError, "not by a tuple"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("way", HOOK_WAYS)
def test_hooks_that_would_change_nothing_are_refused(tiny, way, case):
    which, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        take_hooks(tiny)[way](which)
    assert not any(point.fwd_hooks or point.bwd_hooks for point in tiny.hook_dict.values())


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("way", FILTER_WAYS)
def test_filters_that_would_keep_nothing_are_refused(tiny, way, case):
    which, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        take_filters(tiny)[way](which)


@pytest.mark.parametrize("way", FILTER_WAYS)
def test_lists_that_would_keep_less_are_refused(tiny, way):
    run = take_filters(tiny)[way]
    with pytest.raises(KeyError, match=r"did you mean blocks\.1\.attn\.hook_z"):
        run([Z, "blocks.1.attn.hook_zz"])
    with pytest.raises(ValueError, match=r"Call set_use_attn_result\(True\) first"):
        run([Z, RESULT])
    with pytest.raises(TypeError, match="by their names here, and one of these is a function"):
        run([Z, ends_with("hook_pattern")])
    with pytest.raises(KeyError, match="names_filter is an empty list"):
        run([])


def test_the_library_says_nothing_or_little_of_these(bare):
    clean = bare(TOKENS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where points are switched off
        for which in (ends_with("hook_patern"), ends_with("hook_result")):
            assert len(bare.run_with_cache(TOKENS, names_filter=which)[1]) == 0
            assert torch.equal(bare.run_with_hooks(TOKENS, fwd_hooks=[(which, zero)]), clean)
            bare.add_hook(which, zero)
            assert torch.equal(bare(TOKENS), clean)
        kept = bare.run_with_cache(TOKENS, names_filter=[Z, ends_with("hook_pattern")])[1]
        assert "blocks.1.attn.hook_pattern" not in kept
        assert len(bare.run_with_cache(TOKENS, names_filter=[])[1]) == 0


def some_off(name):
    """Chooses one point that is switched on and one that is not."""
    return name in (Z, "blocks.1.attn.hook_result")


@pytest.mark.parametrize("way", HOOK_WAYS)
def test_hook_points_that_a_filter_loses_are_said(tiny, way):
    with pytest.warns(
        UserWarning, match=r"1 of the 2 .* left out: blocks\.1\.attn\.hook_r"
    ) as said:
        take_hooks(tiny)[way](some_off)
    assert len(said) == 1
    assert said[0].filename == __file__
    tiny.reset_hooks(including_permanent=True)


@pytest.mark.parametrize("way", FILTER_WAYS)
def test_hook_points_that_a_cache_loses_are_said(tiny, way):
    with pytest.warns(UserWarning, match=r"1 of the 2 hook points .* switched off") as said:
        take_filters(tiny)[way](some_off)
    assert {warning.filename for warning in said} == {__file__}


def test_filters_that_match_work_as_the_librarys_do(tiny, bare):
    which = ends_with("attn.hook_z")
    for run in (
        lambda m: m.run_with_hooks(TOKENS, fwd_hooks=[(which, zero)]),
        lambda m: m.run_with_hooks(TOKENS, [(Z, zero), (which, zero)]),
    ):
        assert torch.equal(run(tiny), run(bare))
    for given in (which, [Z], Z, None):
        ours, theirs = (m.run_with_cache(TOKENS, names_filter=given)[1] for m in (tiny, bare))
        assert ours.keys() == theirs.keys()
    with tiny.hooks(fwd_hooks=[(which, zero)]):
        changed = tiny(TOKENS)
    assert torch.equal(changed, bare.run_with_hooks(TOKENS, fwd_hooks=[(which, zero)]))


def test_hooks_given_as_an_iterator_act(tiny, bare):
    clean = bare(TOKENS)
    hooked = tiny.run_with_hooks(TOKENS, fwd_hooks=iter([(Z, zero)]))
    assert torch.equal(hooked, bare.run_with_hooks(TOKENS, fwd_hooks=[(Z, zero)]))
    assert not torch.equal(hooked, clean)


@pytest.mark.parametrize("given", [(Z, zero), [Z], {Z: zero}, [(Z, zero, 1)]])
def test_hooks_that_are_no_pairs_are_refused(tiny, given):
    for run in (
        lambda: tiny.run_with_hooks(TOKENS, fwd_hooks=given),
        lambda: tiny.hooks(bwd_hooks=given),
    ):
        with pytest.raises(TypeError, match=r"must be a list of pairs \(name, function\)"):
            run()


def test_hook_point_that_a_run_does_not_reach_is_an_error(tiny, bare):
    words = "never ran: this model does not compute that value"
    only = ends_with("qkv.hook_out")
    assert len(bare.run_with_cache(TOKENS, names_filter=UNREACHED)[1]) == 0  # and not a word
    for run in (
        lambda: tiny.run_with_hooks(TOKENS, fwd_hooks=[(Z, zero), (UNREACHED, zero)]),
        lambda: tiny.run_with_hooks(TOKENS, fwd_hooks=[(only, zero)]),
        lambda: tiny.run_with_cache(TOKENS, names_filter=UNREACHED),
        lambda: tiny.run_with_cache(TOKENS, names_filter=[Z, UNREACHED]),
        lambda: tiny.run_with_cache(TOKENS, names_filter=only),
    ):
        with pytest.raises(RuntimeError, match=words):
            run()


def test_hook_point_after_the_layer_where_a_run_stops_is_an_error(tiny, bare):
    assert len(bare.run_with_cache(TOKENS, names_filter=Z, stop_at_layer=1)[1]) == 0
    for run in (
        lambda: tiny.run_with_cache(TOKENS, names_filter=Z, stop_at_layer=1),
        lambda: tiny.run_with_hooks(TOKENS, fwd_hooks=[(Z, zero)], stop_at_layer=1),
    ):
        with pytest.raises(
            RuntimeError, match="never ran: start_at_layer or stop_at_layer leaves out its layer"
        ):
            run()
    kept = tiny.run_with_cache(TOKENS, names_filter=ends_with("hook_z"), stop_at_layer=1)[1]
    assert "blocks.0.attn.hook_z" in kept
    assert Z not in kept


def test_names_are_asked_for_where_only_names_will_do(tiny):
    with pytest.raises(TypeError, match="by their names here, and one of these is a function"):
        hooks.run_with_hooks(tiny, TOKENS, [(ends_with("hook_z"), zero)])
    with pytest.raises(TypeError, match="by their names here, and one of these is a function"):
        hooks.run_with_cache(tiny, TOKENS, [ends_with("hook_z")])
    _, kept = hooks.run_with_cache(tiny, TOKENS, Z)
    assert list(kept) == [Z]


def test_hooks_that_a_run_was_told_to_leave_are_refused(tiny, bare):
    bare.run_with_hooks(TOKENS, fwd_hooks=[(Z, zero)], reset_hooks_end=False)
    assert not torch.equal(bare.run_with_hooks(TOKENS), tiny(TOKENS))  # changed, and not a word
    tiny.run_with_hooks(TOKENS, fwd_hooks=[(Z, zero)], reset_hooks_end=False)
    with pytest.raises(RuntimeError, match=r"left at .*hook_z.* call model\.reset_hooks\(\)"):
        tiny.run_with_hooks(TOKENS)


# Generating: what cannot work is said before it starts.

GENERATORS = {
    "generate": lambda model, *args, **given: model.generate(*args, verbose=False, **given),
    "generate_stream": lambda model, *args, **given: list(
        model.generate_stream(*args, verbose=False, **given)
    ),
    "hf_generate": lambda model, *args, **given: model.hf_generate(*args, **given),
}


@pytest.fixture
def counted(tiny, monkeypatch):
    """How often the model's forward pass ran."""
    runs = []
    forward = TransformerBridge.forward

    @functools.wraps(forward)
    def noted(self, *args, **given):
        runs.append(1)
        return forward(self, *args, **given)

    monkeypatch.setattr(TransformerBridge, "forward", noted)
    return runs


PROMPTS = ["abcd", ["abcd", "x"], ["abcd"], torch.tensor([[0, 5, 6, 7, 8]])]


@pytest.mark.parametrize(
    ("way", "prompt"),
    [(way, prompt) for way in GENERATORS for prompt in PROMPTS]
    + [("generate", torch.zeros(1, 5, 12))],  # embeddings; the others do not take them
)
def test_generating_past_the_context_is_refused_before_any_work(tiny, counted, way, prompt):
    words = "5 tokens and 200 new ones are too many: this model reads at most 32; ask for max_new"
    with pytest.raises(ValueError, match=words + "_tokens=28"):
        GENERATORS[way](tiny, prompt, max_new_tokens=200)
    assert not counted


def test_the_library_generates_until_it_breaks(bare):
    with pytest.raises(IndexError, match="index out of range in self"):
        bare.generate("abcd", max_new_tokens=200, stop_at_eos=False, verbose=False)


@pytest.mark.parametrize("way", ["generate", "generate_stream"])
def test_as_much_as_is_offered_can_be_generated(tiny, way):
    given = {"max_new_tokens": 28, "stop_at_eos": False, "return_type": "tokens"}
    made = GENERATORS[way](tiny, "abcd", **given)
    if way == "generate_stream":
        made = torch.cat(made, 1)
    assert made.shape == (1, 33)
    with pytest.raises(ValueError, match="29 new ones are too many"):
        GENERATORS[way](tiny, "abcd", **given | {"max_new_tokens": 29})


def test_cache_of_what_is_generated_must_fit_too(tiny, counted):
    given = {"return_cache": True, "stop_at_eos": False, "verbose": False}
    with pytest.raises(ValueError, match=r"28 new ones .* ask for max_new_tokens=27"):
        tiny.generate("abcd", max_new_tokens=28, **given)
    assert not counted
    assert tiny.generate("abcd", max_new_tokens=27, **given)[1][Z].shape[1] == 32


def test_prompt_that_fills_the_context_leaves_room_for_one(tiny):
    with pytest.raises(ValueError, match=r"max_new_tokens=1$"):
        tiny.generate("x" * 31, max_new_tokens=2, verbose=False)
    with pytest.raises(ValueError, match="33 tokens"):
        tiny.generate(torch.full((1, 33), 5), max_new_tokens=2, verbose=False)


def test_cached_positions_count_towards_the_context(tiny, bare):
    start, more = torch.full((1, 30), 5), torch.full((1, 3), 5)
    _, past = tiny(start, return_type="logits_and_cache")
    with pytest.raises(IndexError):
        bare(more, past_key_values=bare(start, return_type="logits_and_cache")[1])
    with pytest.raises(ValueError, match="33 tokens are too many: this model reads at most 32"):
        tiny(more, past_key_values=past)
    assert tiny(more[:, :2], past_key_values=past).shape == (1, 2, 300)


def test_embeddings_longer_than_the_context_are_refused(tiny):
    with pytest.raises(ValueError, match="33 tokens are too many: this model reads at most 32"):
        tiny(torch.zeros(1, 33, 12))


@pytest.mark.parametrize("way", GENERATORS)
def test_generating_after_padding_is_refused(tiny, way):
    right = torch.tensor([[0, 5, 6, 7, 8], [0, 9, 0, 0, 0]])
    with pytest.raises(ValueError, match=r"row 1 .* ends with padding .*generate would go on aft"):
        GENERATORS[way](tiny, right, max_new_tokens=2)
    with pytest.raises(ValueError, match=r"row 1 .* begins with padding"):
        GENERATORS[way](tiny, PADDED, max_new_tokens=2)


@pytest.mark.parametrize("prepend", [True, False])
@pytest.mark.parametrize("cached", [True, False])
def test_a_list_of_texts_is_continued_as_each_alone(tiny, prepend, cached):
    given = {
        "max_new_tokens": 4, "do_sample": False, "stop_at_eos": False, "verbose": False,
        "return_type": "tokens", "prepend_bos": prepend, "use_past_kv_cache": cached,
    }  # fmt: skip
    together = tiny.generate(["abcdef", "xy"], **given)
    for row, text in zip(together, ["abcdef", "xy"], strict=True):
        assert torch.equal(row[-4:], tiny.generate(text, **given)[0, -4:])
    streamed = tiny.generate_stream(["abcdef", "xy"], **given)
    assert torch.equal(torch.cat(list(streamed), 1), together)


def test_tokens_with_their_mask_are_continued_as_the_text_alone(tiny):
    given = {"max_new_tokens": 3, "do_sample": False, "stop_at_eos": False, "verbose": False}
    alone = tiny.generate(torch.tensor([[0, 9]]), **given)[0, -3:]
    mask = torch.tensor([[1, 1, 1, 1, 1], [0, 0, 0, 1, 1]])
    assert torch.equal(tiny.generate(PADDED, attention_mask=mask, **given)[1, -3:], alone)
    assert torch.equal(tiny.generate(PADDED, padding_side="left", **given)[1, -3:], alone)
    with pytest.raises(ValueError, match="does not hide it"):
        tiny.generate(PADDED, attention_mask=torch.ones_like(mask), **given)


@pytest.mark.parametrize("way", GENERATORS)
def test_written_bos_is_continued_as_one(tiny, way):
    given = {"max_new_tokens": 3, "do_sample": False, "return_type": "tokens"}
    with pytest.warns(UserWarning, match="once, not twice"):
        written = GENERATORS[way](tiny, "<|endoftext|>abc", **given)
    plain = GENERATORS[way](tiny, "abc", **given)
    assert all(torch.equal(a, b) for a, b in zip(written, plain, strict=True))


# Numbers too coarse for what is asked of them.


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_named_as_the_reason(tiny_folder, dtype):
    model = models.boot(tiny_folder)
    model.to(getattr(torch, dtype), print_details=False)
    with pytest.raises(ValueError, match=f"weights in float32, and the model's are {dtype}"):
        hooks.require_compatibility(model)
    model.to(torch.float32, print_details=False)
    with pytest.raises(ValueError, match=f"weights were rounded to {dtype}, which float32 does"):
        hooks.require_compatibility(model)


def test_double_precision_is_fine(tiny_folder):
    model = models.boot(tiny_folder)
    model.to(torch.float64, print_details=False)
    hooks.require_compatibility(model)


# A model in a state, or an input of a kind, that gives no number worth having.


def test_dropout_is_refused_but_for_training(tiny, bare):
    bare.train()
    try:
        with torch.no_grad():
            assert not torch.equal(bare(TOKENS), bare(TOKENS))  # and not a word
    finally:
        bare.eval()
    tiny.train()
    try:
        for run in (
            lambda: tiny(TOKENS),
            lambda: torch.no_grad()(tiny)(TOKENS, return_type="loss"),
            lambda: tiny.run_with_cache(TOKENS),
            lambda: tiny.run_with_hooks(TOKENS, fwd_hooks=[(Z, zero)]),
            lambda: hooks.run_with_hooks(tiny, TOKENS, []),
            lambda: tiny.generate("ab", max_new_tokens=1, verbose=False),
            lambda: tiny.hf_generate("ab", max_new_tokens=1),
        ):
            with pytest.raises(RuntimeError, match=r"train mode.* Call model\.eval\(\) first"):
                run()
        assert tiny(TOKENS, return_type="loss").requires_grad
    finally:
        tiny.eval()
    assert torch.equal(tiny(TOKENS), tiny(TOKENS))


def test_train_mode_without_dropout_is_fine(pocket):
    pocket.train()
    try:
        assert pocket(TOKENS).shape == (2, 5, 1793)
    finally:
        pocket.eval()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "the list of texts is empty"),
        (TOKENS.float(), r"whole numbers \(torch\.int64\).* not torch\.float32 of shape \(2, 5\)"),
        (TOKENS.to(torch.uint8), r"not torch\.uint8"),
        ([0, 5, 6], "reads texts and tokens, not list"),
        (TOKENS.numpy(), "reads texts and tokens, not ndarray"),
        (None, "reads texts and tokens, not NoneType"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_what_is_neither_texts_nor_tokens_is_refused_in_words(tiny, given, words):
    with pytest.raises((TypeError, ValueError), match=rf"{words}.*: give the model a text"):
        tiny(given)
