"""Write `pocket`'s model card: the text of `model_card.md` with the figures that were measured."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from string import Template

from mi_course.heads import head_name
from mi_course.pocket_training.quality import HeadReport, Quality

TEMPLATE = Path(__file__).with_name("model_card.md")


def render(quality: Quality, recipe: dict[str, object], facts: dict[str, str]) -> str:
    """The card's Markdown.

    Args:
        quality: measured from the written files.
        recipe: names and values of the recipe the model was trained with.
        facts: what else the template names: parameters, tokens, seconds.

    Raises:
        KeyError: the template names a figure that nobody gave.
    """
    figures = {
        field.name: f"{value:.3f}"
        for field in dataclasses.fields(quality)
        if isinstance(value := getattr(quality, field.name), float)
    }
    return Template(TEMPLATE.read_text(encoding="utf8")).substitute(
        figures,
        induction_head=head_name(quality.induction_head),
        accuracy_percent=f"{quality.accuracy:.1%}",
        top3_percent=f"{quality.top3_share:.0%}",
        name_movers=", ".join(head_name(h.head) for h in quality.name_movers) or "none",
        heads="\n".join(_row(head) for head in quality.heads),
        recipe="\n".join(f"| {name} | {value} |" for name, value in recipe.items()),
        **{name: str(recipe[name]) for name in ("n_ctx", "log_every")},
        **facts,
    )


def _row(report: HeadReport) -> str:
    numbers = (
        report.io,
        report.s1,
        report.s2,
        report.copies,
        report.correlation,
        report.knocked_out,
    )
    cells = [head_name(report.head), f"{report.effect:.2f}", *(f"{n:.2f}" for n in numbers)]
    return f"| {' | '.join(cells)} | {'yes' if report.is_name_mover else 'no'} |"


def search_runs() -> list[dict[str, str]]:
    """The rows of the card's table of training runs, each a cell's text by its column's name."""
    lines = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in TEMPLATE.read_text(encoding="utf8").splitlines()
        if line.startswith("|")
    ]
    start = next(i for i, cells in enumerate(lines) if cells[0] == "run")
    header, rows = lines[start], lines[start + 2 :]
    return [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header)]
