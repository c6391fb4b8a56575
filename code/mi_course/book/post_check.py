"""Look at a post's text: typed numbers, sentences of the template, and what every post must say.

The text is all that is looked at. What was measured, and how, is the business of
`mi_course.research`: a post shows its verdict in a cell, and tells its numbers by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mi_course.book import new_post
from mi_course.book.chapters import Chapter, ChapterError

WORDS = (450, 550)
NOT_JUDGED = (
    "No program can judge whether the plot carries the claim, whether the limits are those that "
    "matter, whether a number is written out as a word, and whether a reader can follow: let "
    "somebody mark it by the rubric."
)
_MUST_TELL = {
    "effect": "the effect",
    "low": "the lower end of its interval",
    "high": "the upper end of its interval",
    "n": "how many prompts it is over",
    "seed": "the seed",
    "tries": "how many variants you ran",
    "held_out_effect": "what the held-out prompts gave",
}
_CONVENTIONS = {"0", "95"}  # a position, and the level of an interval: neither was measured
_NOT_PROSE = re.compile(
    r"```.*?```|<!--.*?-->|\{[\w:-]+\}`[^`]*`|`[^`]*`|\$[^$]*\$|(?<=\])\([^)]*\)|<[^>]+>|https?://\S+",
    re.DOTALL,
)
_HEADING = re.compile(r"^#.*$", re.MULTILINE)
_ITEM = re.compile(r"^\s*\d+[.)]\s", re.MULTILINE)
_TYPED = re.compile(r"\S*\d\S*")
_FALSE_IF = re.compile(r"would be false if\s+[^\s.…]", re.IGNORECASE)


def problems(post: Chapter) -> list[str]:
    """One sentence for each thing that is missing or should not be there.

    Raises:
        ChapterError: the page cannot be read.
    """
    return [*_typed(post), *_of_the_template(post), *_unsaid(post), *_length(post)]


def _typed(post: Chapter) -> Iterator[str]:
    for line, text in _prose(post):
        for word in _TYPED.findall(text):
            number = word.strip(".,;:!?()[]*_\"'“”%–-")
            if number not in _CONVENTIONS and not any(c.isalpha() for c in number):
                yield (
                    f"line {line}: the number {number} is typed: glue it in a cell, and write "
                    "{glue:text}`its_name`"
                )


def _of_the_template(post: Chapter) -> Iterator[str]:
    kept = {line for line in _lines(new_post.TEMPLATE.read_text("utf8")) if len(line) > 40}
    for number, line in enumerate(post.source.read_text("utf8").splitlines(), 1):
        if line.strip() in kept:
            yield f"line {number}: this is the template's own: {line.strip()[:50]}…"


def _lines(text: str) -> Iterator[str]:
    """The lines of a page that are prose."""
    for i, part in enumerate(re.split(r"^```.*$", text, flags=re.MULTILINE)):
        if i % 2 == 0:
            yield from (line.strip() for line in part.splitlines())


def _unsaid(post: Chapter) -> Iterator[str]:
    text = "\n".join(cell.source for cell in post.notebook.cells if cell.cell_type == "markdown")
    if not _FALSE_IF.search(text):
        yield "no sentence says what would show it false: “This would be false if …”"
    if not any("research.check(" in cell.source for cell in post.cells):
        yield (
            "no cell calls research.check(report), so control, interval, seed and held-out prompts "
            "were not looked at"
        )
        return
    told = {name.partition(":")[0] for name in re.findall(r"\{glue:\w+\}`([^`]+)`", text)}
    for name, what in _MUST_TELL.items():
        if name not in told:
            yield f"the text does not tell {what}: {{glue:text}}`{name}`"


def _length(post: Chapter) -> Iterator[str]:
    try:
        words = new_post.count_words(post)
    except ChapterError as error:
        yield f"its words cannot be counted: {error}"
        return
    if not WORDS[0] <= words <= WORDS[1]:
        yield f"it has {words} words, and should have between {WORDS[0]} and {WORDS[1]}"


def _prose(post: Chapter) -> Iterator[tuple[int, str]]:
    """Each line of prose with its number, without roles, code, links' targets and headings."""
    lines = post.source.read_text("utf-8-sig").splitlines()
    starts = post.notebook.metadata["source_map"]
    for cell, start in zip(post.notebook.cells, starts, strict=True):
        if cell.cell_type != "markdown":
            continue
        text = cell.source
        for pattern in (_NOT_PROSE, _HEADING, _ITEM):
            text = pattern.sub(lambda found: "\n" * found[0].count("\n") + " ", text)
        first = next(i for i in range(start, len(lines)) if lines[i].strip())
        yield from enumerate(text.split("\n"), first + 1)
