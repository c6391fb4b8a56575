"""The lab on superposition: toys that share dimensions, and what two dictionaries of `pocket` tell.

Fresh draws are of texts, of random dictionaries, and of toys and small dictionaries that are
trained anew. The two large dictionaries are those that ship. Thresholds were set before the fresh
draws were looked at, but for `what_is_left_tells_it_too`: its bound was lowered from 80 to 50 %
when the page's draw and the first fresh one had been seen.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mi_course.claims import CANNOT_TELL, NO, YES, Finding, Rule, claim, shared
from mi_course.claims.evidence import less_than, more_than, ratio, share
from mi_course.english import grammar, words
from mi_course.superposition import autoencoder, effects, probes, scores, shipped, toy, variables
from mi_course.superposition.autoencoder import Dictionary
from mi_course.superposition.variables import Texts

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

FEW_NAMES = 40
CHOSEN_ON = 700  # texts, for the latents of names
RARE, DENSE = 0.05, 1.0  # how often a feature of a toy is there
SMALL_STEPS, SMALL_K, SMALL_BATCH = 300, 8, 256
SAME = 0.9  # the cosine from which two directions count as one


class _Words(NamedTuple):
    """Scores of the two dictionaries, trained and not, for each word of the texts."""

    words: Int[Tensor, "word"]
    is_name: Bool[Tensor, "word"]
    trained: scores.Found
    untrained: scores.Found


class _AtEnd(NamedTuple):
    """Activations at END, who is S there, and the texts to choose on."""

    x: Float[Tensor, "text d_model"]
    s: Int[Tensor, "text"]
    first: Bool[Tensor, "text"]


def _texts(
    model: TransformerBridge, n: int, seed: int, held_out: bool, names: int | None = None
) -> Texts:
    templates = grammar.HELD_OUT if held_out else None
    names = names or len(words.NAMES)
    return variables.texts(model.tokenizer, n, seed, names, templates, held_out)


def _scored(
    model: TransformerBridge, texts: Texts, dictionaries: list[Dictionary]
) -> tuple[Int[Tensor, "word"], Bool[Tensor, "word"], list[scores.Found]]:
    rows = variables.rows(texts)
    x = variables.activations(model, texts.tokens)[texts.real]
    known = scores.frequent(rows.tokens, rows.first)
    labels = rows.tokens[:, None] == known
    found = [scores.found(one.latents(x) > 0, labels, rows.first) for one in dictionaries]
    return known, variables.is_in_class(model.tokenizer, known, "name"), found


@shared
def _of_words(model: TransformerBridge, n: int, seed: int, held_out: bool) -> _Words:
    trained = shipped.load(0)
    pair = [trained, autoencoder.untrained_like(trained, seed + 2)]
    known, is_name, found = _scored(model, _texts(model, n, seed, held_out), pair)
    return _Words(known, is_name, *found)


@shared
def _at_end(model: TransformerBridge, n: int, seed: int, held_out: bool) -> _AtEnd:
    texts = _texts(model, n, seed + 1, held_out, FEW_NAMES)
    x = variables.activations(model, texts.tokens)[torch.arange(n), texts.end]
    return _AtEnd(x, texts.answers[:, 1], torch.arange(n) < n // 2)


@shared
def _runs(model: TransformerBridge, n: int, seed: int, held_out: bool) -> list[effects.Run]:
    """Clean, with the dictionary's words, and with the mean."""
    texts, dictionary = _texts(model, n, seed + 2, held_out), shipped.load(0)
    changes = None, effects.by_dictionary(dictionary), effects.by_mean(dictionary)
    return [effects.run(model, texts, change) for change in changes]


@shared
def _toys(n: int, seed: int) -> Float[Tensor, "density toy"]:
    """Features that each of n toys holds in a dimension: squared lengths over dimensions.

    The first row is of rare features, the second of dense ones.
    """
    trained = toy.train([RARE] * n + [DENSE] * n, 5, 2, seed)
    return (trained.w.square().sum((1, 2)) / 2).view(2, n)


@claim(
    "labs/rare_features_share_dimensions",
    doc="labs/superposition",
    n=15,
    of="toy models",
    sentences={
        YES: "Where each of five features is there 5 % of the time, toys with two dimensions hold "
        "over {bound} {unit}.",
        NO: "Where each of five features is there 5 % of the time, toys with two dimensions hold "
        "{bound} {unit} or fewer.",
        CANNOT_TELL: "We cannot tell whether toys with rare features hold over {bound} {unit}.",
    },
    needs={"name": "pocket"},
)
def rare_features_share_dimensions(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Toys are trained anew; the model plays no part."""
    return more_than(_toys(n, seed)[0], 1.5, unit="features in a dimension")


@claim(
    "labs/dense_features_do_not_share",
    doc="labs/superposition",
    n=15,
    of="toy models",
    sentences={
        YES: "Where all five features are always there, toys with two dimensions hold fewer than "
        "{bound} {unit}.",
        NO: "Where all five features are always there, toys with two dimensions hold {bound} "
        "{unit} or more.",
        CANNOT_TELL: "We cannot tell whether toys with dense features hold fewer than {bound} "
        "{unit}.",
    },
    needs={"name": "pocket"},
)
def dense_features_do_not_share(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Toys are trained anew; the model plays no part."""
    return less_than(_toys(n, seed)[1], 1.2, unit="features in a dimension")


@claim(
    "labs/dictionary_recovers_the_loss",
    doc="labs/superposition",
    n=150,
    of="texts",
    sentences={
        YES: "The dictionary recovers over {bound} {unit} of the loss.",
        NO: "The dictionary recovers {bound} {unit} of the loss or less.",
        CANNOT_TELL: "We cannot tell whether the dictionary recovers over {bound} {unit} of the "
        "loss.",
    },
    templates=True,
    needs={"name": "pocket"},
)
def dictionary_recovers_the_loss(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The share of the way from the mean activation's loss to the clean one."""
    clean, kept, nothing = (run.loss for run in _runs(model, n, seed, held_out))
    return ratio(nothing - kept, nothing - clean, Rule("more", 98.0))


@claim(
    "labs/dictionary_loses_some_of_the_answer",
    doc="labs/superposition",
    n=150,
    of="texts",
    sentences={
        YES: "Of the logit difference at END the dictionary recovers less than {bound} {unit}.",
        NO: "Of the logit difference at END the dictionary recovers {bound} {unit} or more.",
        CANNOT_TELL: "We cannot tell whether the dictionary recovers less than {bound} {unit} of "
        "the logit difference at END.",
    },
    templates=True,
    needs={"name": "pocket"},
)
def dictionary_loses_some_of_the_answer(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The share of the way from the mean activation's logit difference to the clean one."""
    clean, kept, nothing = (run.difference for run in _runs(model, n, seed, held_out))
    return ratio(kept - nothing, clean - nothing, Rule("less", 95.0))


@claim(
    "labs/names_are_not_told_one_by_one",
    doc="labs/superposition",
    n=700,
    of="texts",
    sentences={
        YES: "Over all names, a name's best latent has an F1 below {bound} on average.",
        NO: "Over all names, a name's best latent has an F1 of {bound} or more on average.",
        CANNOT_TELL: "We cannot tell whether a name's best latent has an F1 below {bound}.",
    },
    templates=True,
    needs={"name": "pocket"},
)
def names_are_not_told_one_by_one(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The score of each name's best latent, chosen on one half of the texts."""
    found = _of_words(model, n, seed, held_out)
    return less_than(found.trained.score[found.is_name], 0.6, unit="of F1")


@claim(
    "labs/fewer_names_look_better",
    doc="labs/superposition",
    n=700,
    of="texts",
    sentences={
        YES: "Texts in which only 40 of the names occur raise the F1 of names by over {bound}.",
        NO: "Texts in which only 40 of the names occur raise the F1 of names by {bound} or less.",
        CANNOT_TELL: "We cannot tell whether fewer names raise the F1 of names by over {bound}.",
    },
    templates=True,
    needs={"name": "pocket"},
)
def fewer_names_look_better(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Each of the 40 names' score, minus the mean score where all names occur."""
    found = _of_words(model, n, seed, held_out)
    everyone = found.trained.score[found.is_name].mean()
    texts = _texts(model, n, seed + 1, held_out, FEW_NAMES)
    _, is_name, (few,) = _scored(model, texts, [shipped.load(0)])
    return more_than(few.score[is_name] - everyone, 0.2, unit="of F1")


@claim(
    "labs/training_helps_with_words",
    doc="labs/superposition",
    n=700,
    of="texts",
    sentences={
        YES: "Training raises the F1 of a word's best latent by over {bound}.",
        NO: "Training raises the F1 of a word's best latent by {bound} or less.",
        CANNOT_TELL: "We cannot tell whether training raises the F1 of a word's best latent by "
        "over {bound}.",
    },
    templates=True,
    needs={"name": "pocket"},
)
def training_helps_with_words(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Over all words, names among them; the untrained dictionary is drawn anew."""
    found = _of_words(model, n, seed, held_out)
    return more_than(found.trained.score - found.untrained.score, 0.1, unit="of F1")


def _who(s: Int[Tensor, "text"], first: Bool[Tensor, "text"]) -> Bool[Tensor, "text name"]:
    return s[:, None] == scores.frequent(s, first)


@claim(
    "labs/training_hides_who_is_named_twice",
    doc="labs/superposition",
    n=700,
    of="texts",
    sentences={
        YES: "At END, single latents of an untrained dictionary tell who is named twice better "
        "than those of the trained one, by over {bound} of F1.",
        NO: "At END, single latents of an untrained dictionary tell who is named twice at most "
        "{bound} of F1 better than those of the trained one.",
        CANNOT_TELL: "We cannot tell whether single latents of an untrained dictionary tell who is "
        "named twice better.",
    },
    templates=True,
    needs={"name": "pocket"},
)
def training_hides_who_is_named_twice(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The F1 of each name's best latent at END alone, without training minus with it."""
    at_end, trained = _at_end(model, n, seed, held_out), shipped.load(0)
    who = _who(at_end.s, at_end.first)
    with_it, without = (
        scores.found(one.latents(at_end.x) > 0, who, at_end.first).score
        for one in (trained, autoencoder.untrained_like(trained, seed + 2))
    )
    return more_than(without - with_it, 0.05, unit="of F1", within=0.05)


@claim(
    "labs/a_probe_tells_who_is_named_twice",
    doc="labs/superposition",
    n=700,
    of="texts",
    sentences={
        YES: "A linear probe at END tells who of 40 is named twice in over {bound} {unit} of texts "
        "that it has not seen.",
        NO: "A linear probe at END tells who of 40 is named twice in {bound} {unit} of new texts "
        "or fewer.",
        CANNOT_TELL: "We cannot tell whether a linear probe tells who is named twice in over "
        "{bound} {unit} of new texts.",
    },
    templates=True,
    needs={"name": "pocket"},
)
def a_probe_tells_who_is_named_twice(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Fitted on one half of the texts."""
    at_end, dictionary = _at_end(model, n, seed, held_out), shipped.load(0)
    x = (at_end.x - dictionary.centre) / dictionary.scale
    return share(probes.hits(x, at_end.s, at_end.first), Rule("more", 90.0))


@claim(
    "labs/what_is_left_tells_it_too",
    doc="labs/superposition",
    n=700,
    of="texts",
    sentences={
        YES: "From what the dictionary leaves over at END, a linear probe tells it in over "
        "{bound} {unit} of new texts.",
        NO: "From what the dictionary leaves over at END, a linear probe tells it in {bound} "
        "{unit} of new texts or fewer.",
        CANNOT_TELL: "We cannot tell whether what the dictionary leaves over tells it in over "
        "{bound} {unit} of new texts.",
    },
    templates=True,
    needs={"name": "pocket"},
)
def what_is_left_tells_it_too(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The same probe on the activation minus what is rebuilt of it."""
    at_end, dictionary = _at_end(model, n, seed, held_out), shipped.load(0)
    left = (at_end.x - dictionary.rebuilt(dictionary.latents(at_end.x))) / dictionary.scale
    return share(probes.hits(left, at_end.s, at_end.first), Rule("more", 50.0))


@claim(
    "labs/seeds_share_few_latents",
    doc="labs/superposition",
    n=128,
    of="latents",
    sentences={
        YES: "Two small dictionaries, trained alike but for the seed, share under {bound} {unit} "
        "of their latents (cosine 0.9 or more).",
        NO: "Two small dictionaries, trained alike but for the seed, share {bound} {unit} of their "
        "latents or more (cosine 0.9 or more).",
        CANNOT_TELL: "We cannot tell whether two small dictionaries share under {bound} {unit} of "
        "their latents.",
    },
    needs={"name": "pocket"},
)
def seeds_share_few_latents(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Two dictionaries of n latents, trained anew on the same activations."""
    texts = _texts(model, 300, seed, False)
    x = variables.activations(model, texts.tokens)[texts.real]
    one, other = (
        autoencoder.train(x, n, SMALL_K, seed + i, SMALL_STEPS, batch=SMALL_BATCH) for i in (1, 2)
    )
    return share(scores.best_cosines(one.decoder, other.decoder) >= SAME, Rule("less", 25.0))


@claim(
    "labs/a_names_latent_is_not_the_name",
    doc="labs/superposition",
    n=150,
    of="texts",
    sentences={
        YES: "To ablate a name's best latent takes less than {bound} {unit} of what a patch of the "
        "name takes from the logit difference.",
        NO: "To ablate a name's best latent takes {bound} {unit} or more of what a patch of the "
        "name takes from the logit difference.",
        CANNOT_TELL: "We cannot tell whether a name's best latent takes less than {bound} {unit} "
        "of what a patch of the name takes.",
    },
    templates=True,
    needs={"name": "pocket"},
)
def a_names_latent_is_not_the_name(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Where IO is named first; the latents are chosen on other texts."""
    dictionary = shipped.load(0)
    texts = _texts(model, n, seed + 2, held_out)
    chosen = _of_words(model, CHOSEN_ON, seed, False)
    latent_of = {
        word: latent
        for word, latent, is_name in zip(
            chosen.words.tolist(), chosen.trained.latent.tolist(), chosen.is_name, strict=True
        )
        if is_name
    }
    places, io = effects.first_io(texts), texts.answers[:, 0]
    latents = torch.tensor([latent_of.get(int(name), 0) for name in io])
    known = torch.tensor([int(name) in latent_of for name in io])

    def without(x: Float[Tensor, "text d_model"]) -> Float[Tensor, "text d_model"]:
        rows, z = torch.arange(len(x)), dictionary.latents(x)
        part = z[rows, latents, None] * dictionary.decoder[latents] * dictionary.scale
        return x - part

    rng = random.Random(seed)
    pool = sorted(latent_of)
    others = [
        rng.choice([name for name in pool if name not in pair]) for pair in texts.answers.tolist()
    ]
    named = effects.renamed(model, texts, places, torch.tensor(others))
    clean = effects.run(model, texts).difference
    ablated, patched = (
        clean - effects.run(model, texts, effects.at(places, change)).difference
        for change in (without, lambda x: named)
    )
    return ratio(ablated[known], patched[known], Rule("less", 50.0))
