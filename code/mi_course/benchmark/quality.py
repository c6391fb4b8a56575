"""What a model of the course can do: repeats and IOI, by template and by order of the names.

For a model that the project did not train, so that pages and readers know what may be studied on
it. Kept as a card with the digest of its weights, in `cards/`; `mi-course quality` writes it anew.
`pocket`'s own card says more: see `mi_course.pocket_training`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from mi_course import folded, hooks, induction, ioi, ioi_data, models
from mi_course.heads import head_name, strongest_first
from mi_course.models import registry

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

CARDS = Path(__file__).with_name("cards")
SEED = 7
_HALF = 50  # tokens that are repeated
_BEST = 5  # heads that the card names
_GRAMMAR = "the held-out templates of the course's grammar"


@dataclass(frozen=True)
class Row:
    """How well a model does on IOI prompts of one form and one order.

    Attributes:
        form: the template, or in words several of them.
        order: `ABBA` or `BABA`.
        prompts: how many.
        accuracy: share on which the right name has the higher logit.
        logit_diff: mean, in logits.
    """

    form: str
    order: str
    prompts: int
    accuracy: float
    logit_diff: float


@dataclass(frozen=True)
class Quality:
    """A model's card in numbers.

    Attributes:
        model, sha256: which it is, and of which weights.
        first_half, second_half: mean loss on repeated random tokens, in nats.
        prefix_matching: the best heads' scores, by name, best first.
        ioi: one row for each form and order.
    """

    model: str
    sha256: str
    first_half: float
    second_half: float
    prefix_matching: dict[str, float]
    ioi: list[Row]


@torch.no_grad()
def measure(
    model: TransformerBridge, per_form: int = 60, repeats: int = 16, seed: int = SEED
) -> Quality:
    """All figures of a model that `models.load` returned.

    Args:
        model: in compatibility mode.
        per_form: IOI prompts of each form, half of them of each order.
        repeats: prompts of repeated tokens.
        seed: of what is drawn.
    """
    label = models.info(model)
    tokens = induction.repeated_tokens(model, repeats, _HALF, seed)
    first, second = induction.losses_by_half(induction.token_losses(model(tokens), tokens))
    patterns = hooks.attention_patterns(model, tokens).mean(1)  # layer head query key
    scores = induction.prefix_matching_score(patterns, _HALF)
    least = scores.flatten().topk(_BEST).values[-1].item()
    return Quality(
        model=label.name,
        sha256=label.sha256,
        first_half=first.item(),
        second_half=second.item(),
        prefix_matching={head_name(h): scores[h].item() for h in strongest_first(scores, least)},
        ioi=[row for form in _forms(model, per_form, seed) for row in _rows(model, *form)],
    )


def _forms(
    model: TransformerBridge, count: int, seed: int
) -> list[tuple[str, list[ioi.Prompt], ioi.Batch]]:
    """What each form is called, its prompts and their tokens."""
    tokenizer = model.tokenizer
    drawn = {_GRAMMAR: ioi.prompts(3 * count, seed, tokenizer=tokenizer)}
    for form in ioi_data.TEMPLATES:
        drawn[form] = ioi.prompts(count, seed, templates=[form], tokenizer=tokenizer)
    return [(name, some, ioi.tokenize(tokenizer, some)) for name, some in drawn.items()]


def _rows(
    model: TransformerBridge, form: str, prompts: list[ioi.Prompt], batch: ioi.Batch
) -> list[Row]:
    found = torch.cat([_logit_diff(model, batch[rows]) for rows in ioi.slices(len(batch), 25)])
    rows = []
    for order in ("ABBA", "BABA"):
        of_order = found[torch.tensor([prompt.order == order for prompt in prompts])]
        right = (of_order > 0).float().mean().item()
        rows.append(Row(form, order, len(of_order), right, of_order.mean().item()))
    return rows


def _logit_diff(model: TransformerBridge, batch: ioi.Batch) -> torch.Tensor:
    """The logit difference of each prompt, without the logits of all other tokens."""
    fast = folded.of(model)
    last = fast.run(batch.tokens).pre[-1]  # batch pos d_model
    return fast.logit_diff(last[torch.arange(len(batch)), batch.end], batch.answers).cpu()


def write(quality: Quality, folder: Path = CARDS) -> Path:
    """Keep a card: its numbers, and beside them the text; returns the text's file."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = json.dumps(asdict(quality), indent=1, ensure_ascii=False)
    (folder / f"{quality.model}.json").write_text(numbers + "\n", "utf8")
    text = folder / f"{quality.model}.md"
    text.write_text(render(quality), "utf8")
    return text


def read(name: str, folder: Path = CARDS) -> Quality:
    """The numbers of a kept card."""
    kept = json.loads((folder / f"{name}.json").read_text("utf8"))
    return Quality(**kept | {"ioi": [Row(**row) for row in kept["ioi"]]})


def render(quality: Quality) -> str:
    """The card as Markdown."""
    model = registry.of_label(quality.model)
    best = ", ".join(f"{head} {score:.2f}" for head, score in quality.prefix_matching.items())
    lines = [
        f"# What {model.display if model else quality.model} can do",
        "",
        f"{model.in_full if model else quality.model}. Weights {quality.sha256}.",
        f"Written by `mi-course quality --model {quality.model}`, seed {SEED}.",
        "",
        f"On BOS, {_HALF} random tokens and the same again, the loss is {quality.first_half:.2f}",
        f"nats on the first half, and {quality.second_half:.2f} from the repeat's second token on.",
        f"The best prefix-matching scores: {best}.",
        "",
        "IOI: on how many prompts the right name has the higher logit, and the mean logit",
        "difference. Prompts whose names or words are several tokens are left out.",
        "",
        "| form | order | prompts | right | logit difference |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.form} | {row.order} | {row.prompts} | {row.accuracy:.0%} | {row.logit_diff:.2f} |"
        for row in quality.ioi
    ]
    return "\n".join(lines) + "\n"
