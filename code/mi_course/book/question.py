"""Questions of a chapter: to predict a result before it is seen, and of recall at the end.

    ```{predict} loss before training
    :kind: number
    :answer: initial
    :unit: nats
    :form: .2f
    An untrained network gives each digit about the same probability. What loss does it have?
    ```

The text is the question. For a `choice` and an `order` a list follows, and what stands behind the
list is told once one has answered. What is right comes from glued values of the page's model: one
key for a number; for a choice one key, whose value lies within the bounds that stand behind an
option (`- about a tenth | 0.03..0.3`) or is an option's text; for both one key for each option,
with `first`, `largest` or `smallest`. What is exact is written with `exact`, a number or the
options' numbers, and the text behind the list, or `why`, says why.

With `veil` one sets what is hidden until one answers: all `after` the box, the default; the
`outputs` of the cells alone; `none`. With `later` nothing is, and what it is stands where `{told}`
names the question again, far below.

A `{recall}` is a choice whose answer is `right`, an option's number; `from` names the page that it
is about, where that is another one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mi_course.book.chapters import ChapterError

KINDS = ("number", "choice", "order")
VEILS = ("after", "outputs", "none", "later")
FIRST = ("largest", "smallest")
PREDICT_OPTIONS = (
    *("kind", "answer", "exact", "first", "unit", "form", "within", "veil", "why", "told"),
)
RECALL_OPTIONS = ("right", "from")
TITLE = "Predict before you run"
RECALL_TITLE = "Recall"
OF_AN_OPTION = -1
"""The first line of a part that stands in an option of the directive."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ,.+'-]{2,70}")
_BOUNDS = re.compile(r"(.*?)\s+\|\s+(\S*)\.\.(\S*)", re.DOTALL)
_WITHIN = re.compile(r"([0-9]*\.?[0-9]+)\s*(%?)")
_ROLE = re.compile(r"(?<!`)\{[\w:-]+\}`")


@dataclass(frozen=True)
class Part:
    """Lines of a question, and which line of its body is the first, from 0, or `OF_AN_OPTION`."""

    lines: tuple[str, ...]
    first: int

    @property
    def text(self) -> str:
        """The lines as Markdown."""
        return "\n".join(self.lines).strip("\n")


@dataclass(frozen=True)
class Option:
    """One line of a choice or an order.

    Attributes:
        text: in Markdown, on one line.
        line: of the body, from 0.
        bounds: between which a value makes this option the right one; None where it has no end.
    """

    text: str
    line: int
    bounds: tuple[float | None, float | None] | None = None

    @property
    def plain(self) -> str:
        """The text without marks: as it is kept in a log, and said in a notebook."""
        return re.sub(r"[`*$|\\]", "", self.text).strip()


@dataclass(frozen=True)
class Right:
    """What is right.

    Attributes:
        text: as it is shown.
        value: of a number.
        order: the numbers of options, from 1: of a choice the right one.
    """

    text: str
    value: float | None = None
    order: tuple[int, ...] = ()


@dataclass(frozen=True)
class Question:
    """A question, as a chapter asks it.

    Attributes:
        name: no other question of the book has it.
        kind: `number`, `choice`, `order` or `recall`.
        asked: the question.
        options: of every kind but a number.
        after: what is told once one has answered.
        keys: of the glued values that decide.
        exact: what is right, where no value decides.
        first: `largest` or `smallest`, where the options' own values decide.
        unit: of a number.
        form: how a number is shown.
        within: how far off a number may be and be right: `10 %` of the value, or as much as `0.5`.
        veil: what is hidden until one answers, one of `VEILS`.
        told: the value in a learner's notebook as a Python expression, where no cell names it.
        about: for recall, the page that it is about, if that is another one.
    """

    name: str
    kind: str
    asked: Part
    options: tuple[Option, ...]
    after: Part
    keys: tuple[str, ...] = ()
    exact: str = ""
    first: str = ""
    unit: str = ""
    form: str = ".3g"
    within: str = "10 %"
    veil: str = "after"
    told: str = ""
    about: str = ""

    def right(self, values: Mapping[str, Any]) -> Right:
        """What is right by a page's glued values.

        Raises:
            ChapterError: a value is missing, or decides nothing.
        """
        if self.exact:
            return self._exactly()
        for key in self.keys:
            if key not in values:
                raise ChapterError(f"{self.name!r}: no glued value {key!r} is stored")
        found = [values[key] for key in self.keys]
        if self.kind == "number":
            return self._number(found[0])
        if self.first:
            ranks = sorted(range(len(found)), key=lambda i: found[i], reverse=self.largest_first)
            order = [i + 1 for i in ranks]
            return self._options(order[:1] if self.kind == "choice" else order)
        return self._options([self._chosen(found[0])])

    @property
    def largest_first(self) -> bool:
        """Whether the option with the largest value comes first."""
        return self.first == "largest"

    def _exactly(self) -> Right:
        if self.kind == "number":
            return self._number(float(self.exact))
        return self._options([int(n) for n in self.exact.split(",")])

    def _number(self, value: Any) -> Right:
        if isinstance(value, str) or value != value:
            raise ChapterError(f"{self.name!r}: {value!r} is no number")
        return Right(format(value, self.form), float(value))

    def _options(self, order: Sequence[int]) -> Right:
        return Right("; ".join(self.options[n - 1].plain for n in order), order=tuple(order))

    def _chosen(self, value: Any) -> int:
        fits = [n for n, option in enumerate(self.options, 1) if _fits(option, value)]
        if len(fits) != 1:
            raise ChapterError(f"{self.name!r}: {value!r} is {len(fits)} of the options, not one")
        return fits[0]


def _fits(option: Option, value: Any) -> bool:
    if option.bounds is None:
        return str(value).casefold() == option.plain.casefold()
    low, high = option.bounds
    return (low is None or value >= low) and (high is None or value < high)


def predict(name: str, options: Mapping[str, Any], body: Sequence[str]) -> Question:
    """A question of the directive `{predict}`.

    Args:
        name: the directive's argument.
        options: as written.
        body: the directive's lines.

    Raises:
        ChapterError: says what is wrong with it.
    """
    given = {key: " ".join(str(value).split()) for key, value in options.items()}
    keys = tuple(filter(None, (key.strip() for key in given.get("answer", "").split(","))))
    asked, listed, after = _parts(body)
    question = Question(
        name=_named(name),
        kind=given.get("kind", "choice" if listed else "number"),
        asked=asked,
        options=listed,
        after=Part((given["why"],), OF_AN_OPTION) if given.get("why") else after,
        keys=keys,
        **{key: given[key] for key in _PLAIN if given.get(key)},
    )
    problem = _problem(question)
    if problem:
        raise ChapterError(f"{{predict}} {name}: {problem}")
    return question


_PLAIN = ("exact", "first", "unit", "form", "within", "veil", "told")


def recall(name: str, options: Mapping[str, Any], body: Sequence[str]) -> Question:
    """A question of the directive `{recall}`; arguments and errors as those of `predict`."""
    asked, listed, after = _parts(body)
    right = str(options.get("right", "")).strip()
    about = str(options.get("from", "") or "").strip()
    none = "none"
    made = Question(
        _named(name), "recall", asked, listed, after, exact=right, veil=none, about=about
    )
    problem = _problem(made)
    if problem:
        raise ChapterError(f"{{recall}} {name}: {problem}")
    return made


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ChapterError(f"a question cannot be called {name!r}: give a few plain words")
    return name


def _problem(question: Question) -> str:
    """What is wrong with a question, or nothing."""
    n, kind = len(question.options), question.kind
    checks = {
        f"kind is {kind!r}, and there are {', '.join(KINDS)}": kind in (*KINDS, "recall"),
        "it asks nothing": bool(question.asked.text.strip()),
        "a list of two options or more is missing": kind == "number" or n >= 2,
        "a number has no list of options": kind != "number" or n == 0,
        "give either answer or exact (for recall: right)": bool(question.keys)
        != bool(question.exact),
        "say why, behind the list or with why": not question.exact or bool(question.after.text),
        f"exact is {question.exact!r}: one number, or an order of all options": not question.exact
        or _is_exact(question),
        f"first is one of {', '.join(FIRST)}": question.first in ("", *FIRST),
        f"veil is one of {', '.join(VEILS)}": question.veil in VEILS,
        f"within is {question.within!r}: write 10 % or 0.5": bool(
            _WITHIN.fullmatch(question.within)
        ),
        "give one key for each option with first, else one key": _keys_fit(question),
        "a glued number or a claim in an option would tell the answer": not any(
            _ROLE.search(option.text) for option in question.options
        ),
        "two options are the same": len({o.plain.casefold() for o in question.options}) == n,
    }
    return next((said for said, fine in checks.items() if not fine), "")


def _is_exact(question: Question) -> bool:
    n = len(question.options)
    if question.kind == "number":
        return re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", question.exact) is not None
    if not re.fullmatch(r"[0-9]+( *, *[0-9]+)*", question.exact):
        return False
    numbers = [int(number) for number in question.exact.split(",")]
    if question.kind == "order":
        return sorted(numbers) == list(range(1, n + 1))
    return len(numbers) == 1 and 1 <= numbers[0] <= n


def _keys_fit(question: Question) -> bool:
    if question.exact:
        return True
    if question.first:
        return len(question.keys) == len(question.options)
    return len(question.keys) == 1 and question.kind != "order"


def _parts(body: Sequence[str]) -> tuple[Part, tuple[Option, ...], Part]:
    """The question, the first list of the body, and what stands behind it."""
    starts = [i for i, line in enumerate(body) if line.startswith("- ")]
    first = starts[0] if starts else len(body)
    end = first
    while end < len(body) and re.match(r"- |  +\S", body[end]):
        end += 1
    options = []
    for i in (i for i in starts if i < end):
        until = next((j for j in starts if j > i), end)
        options.append(_option(" ".join(" ".join(body[i : min(until, end)])[2:].split()), i))
    return Part(tuple(body[:first]), 0), tuple(options), Part(tuple(body[end:]), end)


def _option(text: str, line: int) -> Option:
    found = _BOUNDS.fullmatch(text)
    if found is None:
        return Option(text, line)
    try:
        low, high = (float(end) if end else None for end in found.group(2, 3))
    except ValueError as error:
        raise ChapterError(f"bounds of {text!r}: write them as 0.03..0.3") from error
    return Option(found[1], line, (low, high))
