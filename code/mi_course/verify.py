"""The referee: does the course, run with the real GPT-2 small, give the published numbers?

`mi-course verify-gpt2` measures every number of `mi_course.reference` on the weights that the hub
serves, and writes the verdict, number by number. The SHA-256 of the weights decides whether they
are GPT-2's: other weights are refused, so that no run without the model can look like one with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mi_course import models, reference
from mi_course.reference import Reference, Row
from mi_course.reference.table import number

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

MARK = "verify-gpt2"
RANDOM = "RANDOM WEIGHTS: this run shows that the referee sees wrong numbers, and nothing else."


@dataclass(frozen=True)
class Verdict:
    """What one run of the referee found.

    Attributes:
        model: which weights were measured.
        rows: one for each published number.
        failed: quantities whose measurement stopped with an error, and the error.
        versions: of Python and of the packages that numbers depend on.
    """

    model: models.ModelInfo
    rows: Sequence[Row]
    failed: Sequence[tuple[str, str]]
    versions: dict[str, str]

    @property
    def is_gpt2(self) -> bool:
        """Whether the weights are those that the published numbers are about."""
        return self.model.name == "gpt2" and self.model.sha256 == models.GPT2_SHA256

    @property
    def agrees(self) -> bool:
        """Whether every published number was measured on GPT-2 and found within its tolerance."""
        return self.is_gpt2 and not self.failed and all(row.agrees for row in self.rows)

    @property
    def summary(self) -> str:
        """One sentence: how many numbers agree."""
        good = sum(row.agrees for row in self.rows)
        text = f"{good} of {len(self.rows)} published numbers agree with {self.model}."
        if self.failed:
            text += f" {len(self.failed)} quantities could not be measured."
        return text


def judge(
    model: TransformerBridge,
    references: Iterable[Reference] | None = None,
    even_if_random: bool = False,
    on_measured: Callable[[str], object] = lambda quantity: None,
) -> Verdict:
    """Measure every published number on a model.

    Args:
        model: from `models.load("gpt2")`.
        references: default: all of the course.
        even_if_random: measure stand-in weights too; the verdict then says so, and never agrees.
        on_measured: called with each quantity when it is done.

    Raises:
        NotGPT2Error: other weights, and `even_if_random` was not asked for.
    """
    from mi_course.book import kernels

    measure = reference.measured_rows if even_if_random else reference.compare
    rows: list[Row] = []
    failed: list[tuple[str, str]] = []
    for one in references if references is not None else reference.everything():
        try:
            rows += measure(one, model)
        except reference.NotGPT2Error:
            raise
        except Exception as error:  # one quantity that fails must not hide the others
            failed.append((one.quantity, f"{type(error).__name__}: {error}"))
        on_measured(one.quantity)
    return Verdict(models.info(model), rows, failed, kernels.versions())


def page(verdict: Verdict) -> str:
    """The verdict as Markdown: a sentence, and a table with a row for each number."""
    lines = [] if verdict.is_gpt2 else [f"**{RANDOM}**", ""]
    versions = ", ".join(f"{name} {version}" for name, version in verdict.versions.items())
    lines += [verdict.summary, "", f"Measured with {versions}.", ""]
    lines += [
        "| verdict | quantity | of | published | found | tolerance | source |",
        "| --- | --- | --- | ---: | ---: | ---: | --- |",
        *(_line(row) for row in verdict.rows),
    ]
    for quantity, error in verdict.failed:
        lines += ["", f"Not measured: {quantity}. `{error}`"]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    cells = (
        "agrees" if row.agrees else "**differs**",
        row.quantity,
        row.part,
        row.printed,
        number(row.measured),
        f"{row.tolerance:g}",
        row.source,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
