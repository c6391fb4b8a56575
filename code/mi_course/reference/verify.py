"""The referee: does the course, run with the real GPT-2 small, give the published numbers?

`mi-course verify-gpt2` measures every number of `mi_course.reference` on the weights that the hub
serves, and writes the verdict, number by number. The SHA-256 of the weights decides whether they
are GPT-2's: other weights are refused, so that no run without the model can look like one with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mi_course import models, reference
from mi_course.reference import Reference, Row
from mi_course.reference.table import in_words, number

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

MARK = "verify-gpt2"
GPT2_BYTES = 548_105_171
MERGES_SHA256 = "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"
NOT_YET = (
    "**Not measured yet.** No run with the real weights has been made for this edition of the "
    "course. Until then, what its pages say of GPT-2 is quoted from its sources, and what they "
    "measure is measured on `pocket`."
)
RANDOM = "RANDOM WEIGHTS: this run shows that the referee sees wrong numbers, and nothing else."


class Outcome(Protocol):
    """How one chapter ran on the same weights, as `book.run` reports it."""

    @property
    def chapter(self) -> object: ...
    @property
    def failed(self) -> bool: ...
    @property
    def message(self) -> str: ...


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
    versions: Mapping[str, str]

    @property
    def is_gpt2(self) -> bool:
        """Whether the weights are those that the published numbers are about."""
        return self.model.name == "gpt2" and self.model.sha256 == models.GPT2_SHA256

    def found(self, row: Row) -> bool:
        """Whether a published number was found: other weights match it only by chance."""
        return self.is_gpt2 and row.agrees

    @property
    def agrees(self) -> bool:
        """Whether every published number was measured on GPT-2 and found within its tolerance."""
        return bool(self.rows) and not self.failed and all(map(self.found, self.rows))

    @property
    def summary(self) -> str:
        """One sentence: how many numbers agree."""
        good = sum(map(self.found, self.rows))
        text = f"{good} of {len(self.rows)} published numbers agree with {self.model}."
        if self.failed:
            text += f" {len(self.failed)} quantities could not be measured."
        return text


def identity(folder: Path) -> list[tuple[str, str, str]]:
    """What tells GPT-2's files from others: a name, what is expected, and what a folder holds.

    Source: `openai-community/gpt2` on the Hugging Face hub, at the pinned revision.
    """
    weights, merges = folder / "model.safetensors", folder / "merges.txt"
    return [
        ("revision", models.GPT2_REVISION, folder.name),
        ("SHA-256 of model.safetensors", models.GPT2_SHA256, _sha256(weights)),
        ("bytes of model.safetensors", f"{GPT2_BYTES:,}", f"{_size(weights):,}"),
        ("SHA-256 of merges.txt", MERGES_SHA256, _sha256(merges)),
    ]


def _sha256(path: Path) -> str:
    return models.sha256(path) if path.is_file() else "no such file"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def identity_table(found: Sequence[tuple[str, str, str]]) -> str:
    """The files beside what they must be, as Markdown."""
    lines = ["| verdict | of the files | expected | found |", "| --- | --- | --- | --- |"]
    for name, expected, is_ in found:
        verdict = "agrees" if is_ == expected else "**differs**"
        lines.append(f"| {verdict} | {name} | {expected} | {is_} |")
    return "\n".join(lines) + "\n"


def refuse_others(found: Sequence[tuple[str, str, str]]) -> None:
    """Refuse files that are not GPT-2 small's, before anything is measured on them.

    Raises:
        NotGPT2Error: names what differs.
    """
    wrong = [name for name, expected, is_ in found if is_ != expected]
    if wrong:
        raise reference.NotGPT2Error(
            f"these are not the files of GPT-2 small (gpt2-random): {', '.join(wrong)} differ, so "
            f"nothing was measured; remove {models.GPT2_REPO} from the Hugging Face cache and run "
            "this again where the hub can be reached."
        )


def judge(
    model: TransformerBridge,
    references: Iterable[Reference] | None = None,
    even_if_random: bool = False,
    on_measured: Callable[[str], object] = lambda quantity: None,
    versions: Mapping[str, str] | None = None,
) -> Verdict:
    """Measure every published number on a model.

    Args:
        model: from `models.load("gpt2")`.
        references: default: all of the course.
        even_if_random: measure stand-in weights too; the verdict then says so, and never agrees.
        on_measured: called with each quantity when it is done.
        versions: of Python and of packages, which the verdict names.

    Raises:
        NotGPT2Error: other weights, and `even_if_random` was not asked for.
    """
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
    return Verdict(models.info(model), rows, failed, versions or {})


def unmeasured() -> str:
    """The page before the first run, as Markdown: which numbers will be measured."""
    everything = reference.everything()
    n = sum(len(one.published) for one in everything)
    lines = [NOT_YET, "", f"The command will measure these {n} numbers.", ""]
    lines += [
        "| quantity | of: published number | tolerance | source |",
        "| --- | --- | ---: | --- |",
        *(
            _cells(one.quantity, _published(one), f"{one.tolerance:g}", one.source)
            for one in everything
        ),
    ]
    return "\n".join(lines) + "\n"


def _published(one: Reference) -> str:
    return "; ".join(f"{part}: {in_words(printed)}" for part, printed in one.published.items())


def page(verdict: Verdict, outcomes: Sequence[Outcome] = ()) -> str:
    """The verdict as Markdown: a sentence, a row for each number, and how the chapters ran.

    Args:
        verdict: from `judge`.
        outcomes: of the chapters that were executed on the same weights.
    """
    lines = [] if verdict.is_gpt2 else [f"**{RANDOM}**", ""]
    versions = ", ".join(f"{name} {version}" for name, version in verdict.versions.items())
    lines += [verdict.summary, ""]
    lines += [f"Measured with {versions}.", ""] if versions else []
    lines += [
        "| verdict | quantity | of | published | found | tolerance | source |",
        "| --- | --- | --- | ---: | ---: | ---: | --- |",
        *(_line(row, verdict) for row in verdict.rows),
    ]
    for quantity, error in verdict.failed:
        lines += ["", f"Not measured: {quantity}. `{error}`"]
    return "\n".join([*lines, *_chapters(outcomes)]) + "\n"


def _chapters(outcomes: Sequence[Outcome]) -> Iterator[str]:
    if not outcomes:
        return
    failed = [outcome for outcome in outcomes if outcome.failed]
    yield ""
    yield f"{len(outcomes) - len(failed)} of {len(outcomes)} chapters ran to their end on it."
    for outcome in failed:
        yield ""
        yield f"`{outcome.chapter}` stopped: `{outcome.message.splitlines()[0]}`"


def _line(row: Row, verdict: Verdict) -> str:
    by_chance = row.agrees and not verdict.is_gpt2
    return _cells(
        "agrees" if verdict.found(row) else "**wrong weights**" if by_chance else "**differs**",
        row.quantity,
        row.part,
        row.printed,
        number(row.measured),
        f"{row.tolerance:g}",
        row.source,
    )


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
