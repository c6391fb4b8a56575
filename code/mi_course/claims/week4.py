"""Week 4: do the MLPs miss the position in what they read?

What would be too small to matter was said before anything was measured at these sizes: 0.1 logits
on IOI, 0.01 nats on repeated tokens, 0.05 nats on plain sentences. Position and wrong position, on
three kinds of prompts, are six questions asked side by side; each interval is widened for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

from mi_course import ioi, position_study, prompt_sets
from mi_course.claims import CANNOT_TELL, NO, YES, Finding, claim, shared
from mi_course.claims.evidence import beyond_control, more_than
from mi_course.claims.prompts import template
from mi_course.positional import How, Reader
from mi_course.prompt_sets import PromptSet

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

QUESTIONS = 6
IOI, REPEATED, PLAIN = "IOI", "repeated tokens", "plain sentences"
TOO_SMALL = {IOI: 0.1, REPEATED: 0.01, PLAIN: 0.05}  # logits, nats, nats


def _prompts(
    model: TransformerBridge, kind: str, n: int, seed: int, held_out: bool = False
) -> PromptSet:
    """The page's prompts where the seed is 0."""
    if kind == IOI:
        form = template(model.tokenizer, ioi.P8_FORM, seed, held_out)
        return prompt_sets.ioi_prompts(model, n, seed, form)
    if kind == REPEATED:
        return prompt_sets.repeated_token_prompts(model, n, seed + 1)
    return prompt_sets.plain_sentences(model, n, seed + 2)


def _harm(
    model: TransformerBridge,
    prompts: PromptSet,
    seed: int,
    reader: Reader = "MLPs",
    how: How = "remove",
    kinds: tuple[str, ...] = ("position", "random"),
    n_random: int = 2,
    layers: tuple[int, ...] | None = None,
    own: bool = True,
) -> dict[str, Float[Tensor, "draw batch"]]:
    """What the loss of each kind of subspace costs, prompt by prompt."""
    before = prompts.value(model)
    after = position_study.compare(
        model, prompts, reader, how, layers, n_random, kinds, seed=seed, own=own
    )
    return {kind: prompts.harm(before, values) for kind, values in after.items()}


@shared
def _removed(
    model: TransformerBridge, kind: str, n: int, seed: int, held_out: bool = False
) -> dict[str, Float[Tensor, "draw batch"]]:
    """The MLPs lose the position, random directions, or content."""
    prompts = _prompts(model, kind, n, seed, held_out)
    return _harm(model, prompts, seed, kinds=("position", "random", "content"))


def _beyond_random(
    harm: dict[str, Float[Tensor, "draw batch"]],
    of: str,
    kind: str,
    within: float = 0.0,
    questions: int = 1,
) -> Finding:
    """The harm beyond that of random directions, in the unit of the kind of prompts."""
    drawn = range(len(harm["random"]))  # seeds, one after the other
    unit = "logits" if kind == IOI else "nats"
    return beyond_control(
        harm[of], harm["random"], drawn, unit=unit, within=within, comparisons=questions
    )


@claim(
    "week4/first_look_on_ioi",
    doc="week4/02_positional_embeddings",
    n=96,
    of="prompts",
    sentences={
        YES: "On IOI the MLPs miss the position more than random directions",
        NO: "On IOI the position costs the MLPs no more than random directions, to within "
        "{within} {unit}",
        CANNOT_TELL: "We cannot tell whether the MLPs miss the position on IOI: an effect below "
        "{smallest} {unit} can stay hidden",
    },
    templates=True,
    needs={"positions": "learned"},
)
def first_look_on_ioi(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The first version of the experiment: few prompts, and eight subspaces for all of them."""
    prompts = _prompts(model, IOI, n, seed, held_out)
    harm = _harm(model, prompts, seed, n_random=8, own=False)
    return _beyond_random(harm, "position", IOI, TOO_SMALL[IOI], QUESTIONS)


@claim(
    "week4/position_costs_mlps_more_on_ioi",
    doc="week4/02_positional_embeddings",
    n=600,
    of="prompts",
    sentences={
        YES: "On IOI the MLPs miss the position: losing it costs them more than "
        "losing as many random directions",
        NO: "On IOI the MLPs do not miss the position: losing it costs them at most {within} "
        "{unit} more than losing as many random directions",
        CANNOT_TELL: "On IOI we cannot tell whether the MLPs miss the position: an effect below "
        "{smallest} {unit} can stay hidden",
    },
    templates=True,
    needs={"positions": "learned"},
)
def position_costs_mlps_more_on_ioi(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The harm of losing the position, beyond that of losing as many random directions."""
    harm = _removed(model, IOI, n, seed, held_out)
    return _beyond_random(harm, "position", IOI, TOO_SMALL[IOI], QUESTIONS)


@claim(
    "week4/position_costs_mlps_more_on_repeated_tokens",
    doc="week4/02_positional_embeddings",
    n=28,
    of="prompts",
    sentences={
        YES: "On repeated tokens the MLPs miss the position: losing it costs them more "
        "than losing as many random directions",
        NO: "On repeated tokens the MLPs do not miss the position: losing it costs them less than "
        "{within} {unit} more than losing as many random directions",
        CANNOT_TELL: "On repeated tokens we cannot tell whether the MLPs miss the position: an "
        "effect below {smallest} {unit} can stay hidden",
    },
    needs={"positions": "learned"},
)
def position_costs_mlps_more_on_repeated_tokens(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """As on IOI."""
    harm = _removed(model, REPEATED, n, seed)
    return _beyond_random(harm, "position", REPEATED, TOO_SMALL[REPEATED], QUESTIONS)


@claim(
    "week4/position_costs_mlps_more_on_plain_sentences",
    doc="week4/02_positional_embeddings",
    n=40,
    of="prompts",
    sentences={
        YES: "On plain sentences the MLPs miss the position: losing it costs them more "
        "than losing as many random directions",
        NO: "On plain sentences the MLPs do not miss the position: losing it costs them less than "
        "{within} {unit} more than losing as many random directions",
        CANNOT_TELL: "On plain sentences we cannot tell whether the MLPs miss the position: an "
        "effect below {smallest} {unit} can stay hidden",
    },
    needs={"positions": "learned"},
)
def position_costs_mlps_more_on_plain_sentences(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """As on IOI."""
    harm = _removed(model, PLAIN, n, seed)
    return _beyond_random(harm, "position", PLAIN, TOO_SMALL[PLAIN], QUESTIONS)


@claim(
    "week4/wrong_position_costs_mlps_more_on_ioi",
    doc="week4/02_positional_embeddings",
    n=600,
    of="prompts",
    sentences={
        YES: "On IOI a wrong position costs the MLPs more than as many random "
        "directions that are shuffled in the same way",
        NO: "On IOI a wrong position costs the MLPs less than {within} {unit} more than as many "
        "random directions that are shuffled in the same way",
        CANNOT_TELL: "On IOI we cannot tell whether a wrong position costs the MLPs more than "
        "shuffled random directions: an effect below {smallest} {unit} can stay hidden",
    },
    templates=True,
    needs={"positions": "learned"},
)
def wrong_position_costs_mlps_more_on_ioi(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Each position has the position part of another one of the same prompt."""
    harm = _harm(model, _prompts(model, IOI, n, seed, held_out), seed, how="shuffle")
    return _beyond_random(harm, "position", IOI, TOO_SMALL[IOI], QUESTIONS)


@claim(
    "week4/wrong_position_costs_mlps_more_on_repeated_tokens",
    doc="week4/02_positional_embeddings",
    n=28,
    of="prompts",
    sentences={
        YES: "On repeated tokens a wrong position costs the MLPs more than as "
        "many random directions that are shuffled in the same way",
        NO: "On repeated tokens a wrong position costs the MLPs less than {within} {unit} more "
        "than as many random directions that are shuffled in the same way",
        CANNOT_TELL: "On repeated tokens we cannot tell whether a wrong position costs the MLPs "
        "more than shuffled random directions: an effect below {smallest} {unit} can "
        "stay hidden",
    },
    needs={"positions": "learned"},
)
def wrong_position_costs_mlps_more_on_repeated_tokens(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """As on IOI."""
    harm = _harm(model, _prompts(model, REPEATED, n, seed), seed, how="shuffle")
    return _beyond_random(harm, "position", REPEATED, TOO_SMALL[REPEATED], QUESTIONS)


@claim(
    "week4/wrong_position_costs_mlps_more_on_plain_sentences",
    doc="week4/02_positional_embeddings",
    n=40,
    of="prompts",
    sentences={
        YES: "On plain sentences a wrong position costs the MLPs more than as "
        "many random directions that are shuffled in the same way",
        NO: "On plain sentences a wrong position costs the MLPs less than {within} {unit} more "
        "than as many random directions that are shuffled in the same way",
        CANNOT_TELL: "On plain sentences we cannot tell whether a wrong position costs the MLPs "
        "more than shuffled random directions: an effect below {smallest} {unit} can "
        "stay hidden",
    },
    needs={"positions": "learned"},
)
def wrong_position_costs_mlps_more_on_plain_sentences(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """As on IOI."""
    harm = _harm(model, _prompts(model, PLAIN, n, seed), seed, how="shuffle")
    return _beyond_random(harm, "position", PLAIN, TOO_SMALL[PLAIN], QUESTIONS)


@claim(
    "week4/content_costs_mlps_more_on_ioi",
    doc="week4/02_positional_embeddings",
    n=600,
    of="prompts",
    sentences={
        YES: "On IOI the experiment sees content: losing it costs the MLPs more "
        "than losing random directions",
        NO: "On IOI content costs the MLPs at most {within} {unit} more than random directions, "
        "so the experiment has little to see there",
        CANNOT_TELL: "On IOI we cannot tell whether content costs the MLPs more than random "
        "directions, so a null about the position would say nothing",
    },
    templates=True,
    needs={"positions": "learned"},
)
def content_costs_mlps_more_on_ioi(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Whether the experiment could see an effect at all."""
    harm = _removed(model, IOI, n, seed, held_out)
    return _beyond_random(harm, "content", IOI, TOO_SMALL[IOI])


@claim(
    "week4/content_costs_mlps_more_on_repeated_tokens",
    doc="week4/02_positional_embeddings",
    n=28,
    of="prompts",
    sentences={
        YES: "On repeated tokens the experiment sees content: losing it costs the MLPs "
        "more than losing random directions",
        NO: "On repeated tokens content costs the MLPs less than {within} {unit} more than random "
        "directions, so the experiment has little to see there",
        CANNOT_TELL: "On repeated tokens we cannot tell whether content costs the MLPs more than "
        "random directions, so a null about the position would say nothing",
    },
    needs={"positions": "learned"},
)
def content_costs_mlps_more_on_repeated_tokens(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """As on IOI."""
    harm = _removed(model, REPEATED, n, seed)
    return _beyond_random(harm, "content", REPEATED, TOO_SMALL[REPEATED])


@claim(
    "week4/content_costs_mlps_more_on_plain_sentences",
    doc="week4/02_positional_embeddings",
    n=40,
    of="prompts",
    sentences={
        YES: "On plain sentences the experiment sees content: losing it costs the MLPs "
        "more than losing random directions",
        NO: "On plain sentences content costs the MLPs less than {within} {unit} more than random "
        "directions, so the experiment has little to see there",
        CANNOT_TELL: "On plain sentences we cannot tell whether content costs the MLPs more than "
        "random directions, so a null about the position would say nothing",
    },
    needs={"positions": "learned"},
)
def content_costs_mlps_more_on_plain_sentences(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """As on IOI."""
    harm = _removed(model, PLAIN, n, seed)
    return _beyond_random(harm, "content", PLAIN, TOO_SMALL[PLAIN])


@claim(
    "week4/position_costs_attention_more_on_ioi",
    doc="week4/02_positional_embeddings",
    n=96,
    of="prompts",
    sentences={
        YES: "On IOI attention misses the position: losing it costs more than "
        "losing as many random directions",
        NO: "On IOI attention does not miss the position: losing it costs at most {within} {unit} "
        "more than losing as many random directions",
        CANNOT_TELL: "On IOI we cannot tell whether attention misses the position, so what was "
        "removed may not be the position",
    },
    templates=True,
    needs={"positions": "learned"},
)
def position_costs_attention_more_on_ioi(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Whether what is removed is the position: attention must miss it."""
    harm = _harm(model, _prompts(model, IOI, n, seed, held_out), seed, "attention")
    return _beyond_random(harm, "position", IOI, TOO_SMALL[IOI])


@claim(
    "week4/position_costs_attention_more_on_repeated_tokens",
    doc="week4/02_positional_embeddings",
    n=28,
    of="prompts",
    sentences={
        YES: "On repeated tokens attention misses the position: losing it costs "
        "more than losing as many random directions",
        NO: "On repeated tokens attention does not miss the position: losing it costs less than "
        "{within} {unit} more than losing as many random directions",
        CANNOT_TELL: "On repeated tokens we cannot tell whether attention misses the position, so "
        "what was removed may not be the position",
    },
    needs={"positions": "learned"},
)
def position_costs_attention_more_on_repeated_tokens(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """As on IOI."""
    harm = _harm(model, _prompts(model, REPEATED, n, seed), seed, "attention")
    return _beyond_random(harm, "position", REPEATED, TOO_SMALL[REPEATED])


@claim(
    "week4/position_costs_attention_more_on_plain_sentences",
    doc="week4/02_positional_embeddings",
    n=40,
    of="prompts",
    sentences={
        YES: "On plain sentences attention misses the position: losing it costs "
        "more than losing as many random directions",
        NO: "On plain sentences attention does not miss the position: losing it costs less than "
        "{within} {unit} more than losing as many random directions",
        CANNOT_TELL: "On plain sentences we cannot tell whether attention misses the position, so "
        "what was removed may not be the position",
    },
    needs={"positions": "learned"},
)
def position_costs_attention_more_on_plain_sentences(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """As on IOI."""
    harm = _harm(model, _prompts(model, PLAIN, n, seed), seed, "attention")
    return _beyond_random(harm, "position", PLAIN, TOO_SMALL[PLAIN])


@claim(
    "week4/last_mlp_misses_position_on_repeated_tokens",
    doc="week4/02_positional_embeddings",
    n=28,
    of="prompts",
    sentences={
        YES: "When the last MLP alone loses the position, repeated tokens suffer "
        "more than when it loses random directions",
        NO: "When the last MLP alone loses the position, repeated tokens suffer by less than "
        "{within} {unit} more than when it loses random directions",
        CANNOT_TELL: "We cannot tell whether the last MLP alone misses the position on repeated "
        "tokens: an effect below {smallest} {unit} can stay hidden",
    },
    needs={"positions": "learned"},
)
def last_mlp_misses_position_on_repeated_tokens(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """One of the dots that stood out in a plot of every layer and kind of prompts."""
    prompts, last = _prompts(model, REPEATED, n, seed), model.cfg.n_layers - 1
    harm = _harm(model, prompts, seed, layers=(last,))
    questions = 3 * model.cfg.n_layers  # the dots among which it was found
    return _beyond_random(harm, "position", REPEATED, TOO_SMALL[REPEATED], questions)


def _without_mlps(
    model: TransformerBridge, kind: str, n: int, seed: int, held_out: bool = False
) -> Finding:
    """What the model loses when every MLP's output is at its mean."""
    prompts = _prompts(model, kind, n, seed, held_out)
    hooks = position_study.mlp_hooks(model, prompts, range(model.cfg.n_layers))
    harm = prompts.harm(prompts.value(model), prompts.value(model, hooks))
    return more_than(harm, unit=prompts.harm_unit, within=TOO_SMALL[kind])


@claim(
    "week4/mlps_are_worth_something_on_ioi",
    doc="week4/02_positional_embeddings",
    n=96,
    of="prompts",
    sentences={
        YES: "On IOI the model does worse when every MLP is at its mean",
        NO: "On IOI all MLPs together are worth less than {within} {unit}",
        CANNOT_TELL: "On IOI we cannot tell whether the MLPs are worth anything",
    },
    templates=True,
)
def mlps_are_worth_something_on_ioi(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """How much an experiment on the MLPs can see at most."""
    return _without_mlps(model, IOI, n, seed, held_out)


@claim(
    "week4/mlps_are_worth_something_on_repeated_tokens",
    doc="week4/02_positional_embeddings",
    n=28,
    of="prompts",
    sentences={
        YES: "On repeated tokens the model does worse when every MLP is at its mean",
        NO: "On repeated tokens all MLPs together are worth less than {within} {unit}",
        CANNOT_TELL: "On repeated tokens we cannot tell whether the MLPs are worth anything",
    },
)
def mlps_are_worth_something_on_repeated_tokens(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """As on IOI."""
    return _without_mlps(model, REPEATED, n, seed)


@claim(
    "week4/mlps_are_worth_something_on_plain_sentences",
    doc="week4/02_positional_embeddings",
    n=40,
    of="prompts",
    sentences={
        YES: "On plain sentences the model does worse when every MLP is at its mean",
        NO: "On plain sentences all MLPs together are worth less than {within} {unit}",
        CANNOT_TELL: "On plain sentences we cannot tell whether the MLPs are worth anything",
    },
)
def mlps_are_worth_something_on_plain_sentences(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """As on IOI."""
    return _without_mlps(model, PLAIN, n, seed)
