"""A model on a card: every intervention and measure works there, and its results come home.

Where there is no card, `support.pretend_card` takes its place.
"""

import inspect
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from types import SimpleNamespace

import pytest
import torch

import mi_course
from mi_course import (
    ablation,
    activations,
    attribution,
    circuit,
    copying,
    folded,
    heads,
    hooks,
    induction,
    intervals,
    ioi,
    ioi_data,
    logit_lens,
    models,
    patching,
    path_patching,
    plots,
    position_study,
    positional,
    prompt_sets,
    replacements,
)
from support import pretend_card
from support.outside import not_run

Z = "blocks.1.attn.hook_z"
GROUPS = torch.tensor([0, 1] * 6)
HEADS = [(0, 1), (1, 2)]


class Prompts:
    """What the calls below are given: prompts of the course, on one device or the other."""

    def __init__(self, tokenizer, device):
        data = ioi_data.dataset(tokenizer, 12, seed=0, templates=[ioi.P8_FORM])
        self.batch, self.new = moved(data.clean, device), moved(data.abc, device)
        self.tokens, self.answers = self.batch.tokens, self.batch.answers
        self.pair = self.tokens, self.new.tokens, self.answers
        self.groups = GROUPS.to(device)


def means(model, p):
    return replacements.mean_activations(model, p.tokens, p.groups)


def at_every_replacement(call):
    """What a knock-out gives for each kind of replacement."""
    return lambda model, p: [
        call(model, p, by)
        for by in (
            ablation.zero(),
            ablation.mean(means(model, p), p.groups),
            ablation.resample(p.new.tokens),
        )
    ]


def comparison(model, p, how):
    prompts = prompt_sets.ioi_prompts(model, 6, seed=0)
    return position_study.compare(model, prompts, "everything", how, n_random=1)


def with_mlp_hooks(model, p):
    prompts = prompt_sets.ioi_prompts(model, 6, seed=0)
    every = [position_study.mlp_hooks(model, prompts, [1], how) for how in ("zero", "mean")]
    return [prompts.value(model, change) for change in every]


# By module and function. Their results are numbers for the reader: they come home to the CPU.
MEASURES = {
    "ablation.knock_out": at_every_replacement(
        lambda model, p, by: ablation.knock_out(model, p.tokens, p.answers, HEADS, [1], by=by)
    ),
    "ablation.each_head": at_every_replacement(
        lambda model, p, by: ablation.each_head(model, p.tokens, p.answers, by)
    ),
    "ablation.each_mlp": at_every_replacement(
        lambda model, p, by: ablation.each_mlp(model, p.tokens, p.answers, by)
    ),
    "activations.extract": lambda model, p: activations.extract(model, ["Hello", "When Mary"], [Z]),
    "attribution.direct_effects": lambda model, p: attribution.direct_effects(model, p.batch, 5),
    "attribution.layer_effects": lambda model, p: attribution.layer_effects(model, p.batch, 5),
    "attribution.logit_diff_by_stage": lambda model, p: attribution.logit_diff_by_stage(
        model, p.batch, 5
    ),
    "attribution.end_attention": lambda model, p: [
        attribution.end_attention(model, p.batch, positions, 5)
        for positions in (None, p.batch.s2_pos)
    ],
    "attribution.name_projections": lambda model, p: [
        attribution.name_projections(model, p.batch, positions, 5)
        for positions in (None, p.batch.s2_pos)
    ],
    "circuit.keep_only": at_every_replacement(
        lambda model, p, by: circuit.keep_only(model, p.batch, HEADS, by, HEADS[:1])
    ),
    "circuit.find": lambda model, p: circuit.find(
        model, SimpleNamespace(clean=p.batch, abc=p.new), threshold=5.0
    ),
    "circuit.self_repair": lambda model, p: circuit.self_repair(
        model, p.batch, HEADS, p.new.tokens, 5
    ),
    "copying.at_end": lambda model, p: copying.at_end(model, p.batch, 5),
    "copying.copy_scores": lambda model, p: copying.copy_scores(model, p.batch, batch_size=5),
    "copying.copy_score_from_weights": lambda model, p: copying.copy_score_from_weights(
        model, 1, 2
    ),
    "ioi.model_logit_diff": lambda model, p: ioi.model_logit_diff(model, p.tokens, p.answers, 5),
    "logit_lens.top_tokens": lambda model, p: logit_lens.top_tokens(
        model, hooks.run_with_hooks(model, p.tokens, [])[0, -1]
    ),
    "patching.residual": lambda model, p: patching.residual(model, *p.pair),
    "patching.attention_output": lambda model, p: patching.attention_output(model, *p.pair),
    "patching.mlp_output": lambda model, p: patching.mlp_output(model, *p.pair),
    "patching.heads": lambda model, p: [
        patching.heads(model, *p.pair, what) for what in ("z", "q", "k", "v", "pattern")
    ],
    "patching.heads_by_position": lambda model, p: [
        patching.heads_by_position(model, *p.pair, what) for what in ("z", "k")
    ],
    "path_patching.to_logits": lambda model, p: path_patching.to_logits(model, *p.pair),
    "path_patching.to_heads": lambda model, p: [
        path_patching.to_heads(model, *p.pair, [(1, 2)], into, positions)
        for into in ("q", "k", "v")
        for positions in (None, p.batch.end)
    ],
    "position_study.compare": lambda model, p: [
        comparison(model, p, how) for how in ("remove", "shuffle")
    ],
    "position_study.mlp_hooks": with_mlp_hooks,
    "prompt_sets.ioi_prompts": lambda model, p: prompt_sets.ioi_prompts(model, 6, 0).value(model),
    "prompt_sets.repeated_token_prompts": lambda model, p: prompt_sets.repeated_token_prompts(
        model, 6, 0
    ).value(model),
    "prompt_sets.plain_sentences": lambda model, p: prompt_sets.plain_sentences(model, 6, 0).value(
        model
    ),
    "replacements.mean_activations": means,
    "induction.repeated_tokens": lambda model, p: induction.repeated_tokens(model, 3, 8, seed=0),
}
# Parts to compute with: they stay where the model is.
PARTS = {
    "ablation.ablate_heads": lambda model, p: [
        ablation.ablate_heads(model, p.tokens, HEADS, how) for how in ("zero", "mean")
    ],
    "ablation.ablation_hooks": lambda model, p: hooks.run_with_cache(
        model, p.tokens, [Z], ablation.ablation_hooks(model, p.tokens, HEADS, "mean")
    ),
    "attribution.head_outputs": lambda model, p: attribution.head_outputs(
        model, p.tokens, p.batch.end
    ),
    "folded.of": torch.no_grad()(lambda model, p: folded.of(model).run(p.tokens).z),
    "hooks.run_with_hooks": lambda model, p: hooks.run_with_hooks(model, p.tokens, []),
    "hooks.run_with_cache": lambda model, p: hooks.run_with_cache(model, p.tokens, [Z]),
    "hooks.attention_patterns": lambda model, p: hooks.attention_patterns(model, p.tokens),
    "logit_lens.logit_lens": lambda model, p: logit_lens.logit_lens(model, p.tokens),
    "logit_lens.unembed": lambda model, p: logit_lens.unembed(model, model.W_E.detach()[:3]),
    "logit_lens.normalised": lambda model, p: logit_lens.normalised(model, model.W_E.detach()[:3]),
    "heads.value_weights": lambda model, p: heads.value_weights(model).detach(),
    "positional.position_rows": lambda model, p: positional.position_rows(model),
    "positional.what_is_read": lambda model, p: positional.what_is_read(
        model, p.tokens, positional.reading_points(model, "MLPs")
    ),
}
# Functions of tensors that a model gave.
OF_TENSORS = {
    "intervals.bootstrap": lambda x: vars(intervals.bootstrap(x[0, :, 0])),
    "induction.token_losses": lambda x: induction.token_losses(x, torch.arange(14).view(2, 7)),
    "induction.prefix_matching_score": lambda x: induction.prefix_matching_score(x @ x.mT, 3),
    "heads.strongest_first": lambda x: heads.strongest_first(x[0], 0.5),
    "circuit.sort_writers": lambda x: circuit.sort_writers(-x[0].abs(), x[1], x[1] - 1, 0.1),
    "circuit.half_width": lambda x: circuit.half_width(x[0, 0]),
    "path_patching.relative_change": lambda x: path_patching.relative_change(x, x[:, 0, 0]),
    "positional.content_directions": lambda x: positional.content_directions(x, 2).abs(),
    "positional.leading_directions": lambda x: positional.leading_directions(x[0]).abs(),
    "positional.subspace_share": lambda x: positional.subspace_share(x, x[0, :2]),
    "positional.reading_hooks": lambda x: [
        change(x, None)
        for how in ("remove", "shuffle")
        for _, change in positional.reading_hooks(
            {"here": x}, positional.random_directions(2, x.shape[-1], 0), how
        )
    ],
    "plots.head_heatmap": lambda x: plots.style.numbers(x).sum().item(),
}
# Functions that take a model and make no tensor with it.
NO_TENSOR = {
    *("ablation.all_heads_but", "attribution.stage_labels", "circuit.random_circuits"),
    "heads.check_head",
    *("hooks.check_length", "hooks.check_tokens", "hooks.require_compatibility"),
    *("hooks.is_rms", "hooks.single_token", "induction.random_ids", "logit_lens.hook_points"),
    *("patching.n_units", "patching.units"),
    "positional.reading_points",
}
FIELD_FOLDERS = {"folded"}  # whose functions take a model of the course
LEARNERS = {"transformer"}  # a module whose models are the learner's own, made on one device


def moved(thing, device):
    """A dataclass of tensors on a device."""
    values = {field.name: getattr(thing, field.name) for field in fields(thing)}
    return replace(thing, **{name: value.to(device) for name, value in values.items()})


def tensors(result):
    """Every tensor of a result, in order."""
    if isinstance(result, torch.Tensor):
        return [result]
    if is_dataclass(result):
        return tensors([getattr(result, field.name) for field in fields(result)])
    if isinstance(result, dict):
        return tensors(list(result.values()))
    if isinstance(result, list | tuple):
        return [tensor for part in result for tensor in tensors(part)]
    return [torch.tensor(result)] if isinstance(result, float | int) else []


@pytest.fixture(scope="module")
def on_card():
    """A model on a card: a real one if there is one."""
    if torch.cuda.is_available():
        yield models.load("pocket", device="cuda", quiet=True)
        return
    model = models.load("pocket", quiet=True)
    pretend_card.move(model)
    with pretend_card.pretend_card():
        yield model


@pytest.fixture(scope="module")
def expected(pocket):
    """Results on the CPU, each computed once."""
    prompts = Prompts(pocket.tokenizer, "cpu")
    found = {}

    def result(name):
        if name not in found:
            found[name] = tensors((MEASURES | PARTS)[name](pocket, prompts))
        return found[name]

    return result


def test_every_function_that_takes_a_model_is_tried_here():
    takes_model = set()
    for info in iter_modules(mi_course.__path__):
        if (info.ispkg and info.name not in FIELD_FOLDERS) or info.name in LEARNERS:
            continue
        module = import_module(f"mi_course.{info.name}")
        for name, function in vars(module).items():
            own = inspect.isfunction(function) and function.__module__.startswith(module.__name__)
            if (
                own
                and not name.startswith("_")
                and "model" in inspect.signature(function).parameters
            ):
                takes_model.add(f"{info.name}.{name}")
    assert takes_model == MEASURES.keys() | PARTS.keys() | NO_TENSOR


CALLS = [*MEASURES, *PARTS]
QUICK = set({name.partition(".")[0]: name for name in CALLS}.values())  # one of each module
MAKE_PROMPTS = ("activations", "copying.copy_score_from", "induction", "position_study", "prompt_s")


@pytest.mark.parametrize(
    ("name", "prompts_on"),
    [pytest.param(name, "cpu", marks=[pytest.mark.slow] * (name not in QUICK)) for name in CALLS]
    + [
        pytest.param(name, "cuda:0", marks=pytest.mark.slow)
        for name in CALLS
        if not name.startswith(MAKE_PROMPTS)
    ],
)
def test_numbers_on_a_card_are_those_of_the_cpu(on_card, expected, name, prompts_on):
    right = expected(name)
    prompts = Prompts(on_card.tokenizer, prompts_on)
    found = tensors((MEASURES | PARTS)[name](on_card, prompts))
    if name in MEASURES:
        assert {tensor.device.type for tensor in found} == {"cpu"}
    assert len(found) == len(right)
    for ours, theirs in zip(found, right, strict=True):
        assert torch.allclose(ours.cpu(), theirs, atol=1e-3)


@pytest.mark.parametrize("name", OF_TENSORS)
def test_what_a_model_gave_can_be_worked_with(on_card, name):
    values = torch.randn(2, 7, 14, generator=torch.Generator().manual_seed(0))
    right = tensors(OF_TENSORS[name](values))
    found = tensors(OF_TENSORS[name](values.to("cuda:0")))
    for ours, theirs in zip(found, right, strict=True):
        assert torch.allclose(ours.cpu(), theirs, atol=1e-3)


def test_the_card_is_a_real_one(on_card):
    if not torch.cuda.is_available():
        not_run("there is no card on this machine: the numbers above come from a pretended one")
    assert on_card.W_E.is_cuda


def test_a_tensor_of_the_other_side_is_noticed(on_card):
    with pytest.raises(RuntimeError):
        on_card.W_E @ torch.ones(on_card.cfg.d_model, 2)
    home = torch.zeros(2, 3)
    with pytest.raises((RuntimeError, IndexError)):
        home[torch.tensor([0, 1])] = on_card.W_E[:2, :3].detach()
    with pytest.raises((RuntimeError, IndexError)):
        home[on_card.W_E[:2, 0].long() * 0]
    home[:] = on_card.W_E[:2, :3].detach()  # a copy
    assert home.device.type == "cpu"
    assert torch.allclose(home, on_card.W_E[:2, :3].detach().cpu())
