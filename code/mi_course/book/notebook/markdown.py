"""MyST as plain Markdown that reads well in Jupyter and on Colab.

The text is parsed as the site parses it; each block and each role is then rewritten where it stands
in the source, and everything else is copied as it is. What has no plain form is an error that names
file and line: raw MyST never reaches a learner.

What is to be rewritten, the site's own parser says; where it stands, regular expressions find, for
the parser keeps the lines of a block but no columns within a line. No library does this: mdformat
keeps MyST as it is, and a Sphinx builder that writes Markdown lays out anew what the author wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from mi_course.book import chapters
from mi_course.book.chapters import ChapterError
from mi_course.book.notebook import images, roles
from mi_course.book.notebook.targets import Page

_INFO = re.compile(r"\{([^\s}]+)\}\s*(.*)", re.DOTALL)
# Blocks that plain Markdown has too: their text is copied, their roles and links rewritten.
_COPIED = {
    "paragraph_open",
    "heading_open",
    "bullet_list_open",
    "ordered_list_open",
    "table_open",
    "blockquote_open",
    "html_block",
    "code_block",
    "hr",
    "amsmath",
    "math_block",
}
_DROPPED = {"myst_target", "myst_line_comment", "myst_block_break"}
_UNSUPPORTED_INLINE = {"footnote_ref", "substitution_inline"}


class _AnyOption(dict[str, Any]):
    """Takes every option for known, and leaves its value as it is written."""

    def __missing__(self, name: str) -> Any:
        return lambda value: value or ""


class _AnyDirective:
    """Tells myst-parser to read any argument, options and body."""

    required_arguments = 0
    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = _AnyOption(any=str)  # an empty one would mean: no options


@dataclass(frozen=True)
class Directive:
    """One directive of the text.

    Attributes:
        name: `admonition`.
        argument: what stands on its first line after the name.
        options: as written.
        body: the rest.
        line: in the `.md`, counted from 1.
        body_line: of the body's first line.
    """

    name: str
    argument: str
    options: dict[str, str]
    body: str
    line: int
    body_line: int


@dataclass
class Converter:
    """Converts the text cells of one chapter, in order.

    Attributes:
        page: the chapter.
        convert_directive: what makes plain Markdown of a directive: `directives.convert`, which
            converts a directive's text with this converter in turn.
        exercises: titles of the exercises met so far, by name.
        solution: the exercise whose solution is open, or None; text within a solution is dropped.
        asked: what takes the questions that the text asks.
    """

    page: Page
    convert_directive: Callable[[Converter, Directive], str]
    exercises: dict[str, str] = field(default_factory=dict)
    solution: str | None = None
    asked: Any = None

    def convert(self, text: str, line: int = 1) -> str:
        """Plain Markdown for a piece of MyST.

        Args:
            text: whole blocks.
            line: of its first line in the `.md`, counted from 1.

        Raises:
            ChapterError: names file and line of what has no plain form.
        """
        parts = [part.strip("\n") for part in self._blocks(text, line)]
        return "\n\n".join(part for part in parts if part.strip())

    def fail(self, line: int, why: str) -> ChapterError:
        """The error for a line of this chapter."""
        return ChapterError(f"{chapters.BOOK}/{self.page.doc}.md, line {line}: {why}")

    def inline(self, text: str, line: int) -> str:
        """A line of text, such as a title, with its roles rewritten."""
        tokens = parser().parseInline(text, {})
        return self._rewrite(text, tokens, line)

    def html(self, text: str, line: int) -> str:
        """A line of text as HTML, for where Markdown is not read (a `<summary>`)."""
        return MarkdownIt().renderInline(self.inline(text, line))

    def _blocks(self, text: str, line: int) -> Iterator[str]:
        tokens = parser().parse(text, {})
        lines = text.splitlines()
        for i, token in enumerate(tokens):
            if token.level or token.nesting < 0 or token.type in _DROPPED:
                continue
            start, end = token.map or (0, 0)
            source = "\n".join(lines[start:end])
            yield self._block(token, tokens[i:], source, line + start)

    def _block(self, token: Token, following: Sequence[Token], source: str, line: int) -> str:
        directive = self._directive(token, line)
        if directive is not None:
            return self._plain_directive(directive)
        if self.solution is not None:
            return ""
        if token.type == "fence":
            return source
        if token.type == "math_block_label":
            return f"$${token.content}$$"
        if token.type in _COPIED:
            own = _until_closed(following)
            source = self._nested(own, source, token, line)
            return self._rewrite(source, own, line)
        raise self.fail(line, f"{token.type.removesuffix('_open')} has no plain form for notebooks")

    def _directive(self, token: Token, line: int) -> Directive | None:
        """The directive that a fence holds, or None for a plain fence or another block."""
        if token.type not in ("fence", "colon_fence"):
            return None
        match = _INFO.fullmatch(token.info.strip())
        if match is None:
            return None
        try:
            return _parse_directive(match[1], match[2], token.content, line)
        except ChapterError as error:
            raise self.fail(line, str(error)) from error

    def _plain_directive(self, directive: Directive) -> str:
        closes = directive.name == "solution-end"
        if self.solution is not None and not closes:
            return ""
        try:
            return self.convert_directive(self, directive)
        except ChapterError as error:
            if str(error).startswith(f"{chapters.BOOK}/"):
                raise
            raise self.fail(directive.line, str(error)) from error

    def _nested(self, tokens: Sequence[Token], source: str, block: Token, line: int) -> str:
        """Rewrite the directives inside a list, keeping their indentation."""
        lines = source.split("\n")
        top = (block.map or [0, 0])[0]
        for token in reversed(tokens):
            if token.level == 0 or token.map is None:
                continue
            start, end = token.map[0] - top, token.map[1] - top
            directive = self._directive(token, line + start)
            if directive is None:
                continue
            indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
            if lines[start].lstrip().startswith((">", "-", "*", "1")):
                raise self.fail(line + start, "put the directive on a line of its own")
            plain = self._plain_directive(directive).split("\n")
            lines[start:end] = [indent + text if text else "" for text in plain]
        return "\n".join(lines)

    def _rewrite(self, text: str, tokens: Sequence[Token], line: int) -> str:
        """Replace, in the source of a block, its roles, its links to other pages and its images.

        The parser says what is there and in which order; each is looked for from where the last
        one ended, code spans included, so that a role shown as code is left alone.
        """
        done: list[str] = []
        at = 0
        for token in _inline_tokens(tokens):
            if token.type in _UNSUPPORTED_INLINE:
                raise self.fail(line, f"{token.type} has no plain form for notebooks")
            pattern = _pattern(token)
            if pattern is None:
                continue
            match = pattern.search(text, at)
            if match is None:
                if token.type == "code_inline":
                    continue
                raise self.fail(line, f"cannot find {token.content or token.attrs} in the source")
            done += [text[at : match.start()], self._replacement(token, match, line)]
            at = match.end()
        return "".join(done) + text[at:]

    def _replacement(self, token: Token, match: re.Match[str], line: int) -> str:
        try:
            if token.type == "myst_role":
                return roles.convert(self.page, token.meta["name"], token.content)
            if token.type == "link_open":
                return self._link(match[0], str(token.attrs["href"]))
            if token.type == "image":
                return images.embedded(self.page, str(token.attrs["src"]), token.content)
        except ChapterError as error:
            raise self.fail(
                line + match.string.count("\n", 0, match.start()), str(error)
            ) from error
        return match[0]

    def _link(self, written: str, href: str) -> str:
        """`](target)` with a page of the book replaced by its notebook or its page on the site."""
        if re.match(r"[a-z]+:", href) or href.startswith("#"):
            return written
        target, _, _ = href.partition("#")
        doc = chapters.doc_name(self.page.root, self.page.path.parent / target)
        linked = self.page.link("x", doc)
        if linked == "x":
            raise ChapterError(
                f"link to {href}: that page has no notebook, and _config.yml sets no html.baseurl; "
                "use {doc}, which falls back to the page's title"
            )
        return linked.removeprefix("[x")


def _until_closed(tokens: Sequence[Token]) -> Sequence[Token]:
    """The tokens of the block that the first one opens."""
    depth = 0
    for i, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            return tokens[: i + 1]
    return tokens


def _inline_tokens(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type == "inline":
            yield from token.children or []


def _pattern(token: Token) -> re.Pattern[str] | None:
    """What a token looks like in the source; None where it is copied without a look."""
    content = r"\s+".join(map(re.escape, token.content.split()))
    if token.type == "myst_role":
        name = re.escape(f"{{{token.meta['name']}}}")
        return re.compile(rf"{name}(`+)\s*{content}\s*\1")
    if token.type == "code_inline":
        return re.compile(rf"(?<!`)(`+)\s*{content}\s*\1(?!`)")
    if token.type == "link_open" and token.markup != "autolink":
        return re.compile(rf"\]\(\s*<?{re.escape(str(token.attrs['href']))}>?[^)]*\)")
    if token.type == "image":
        return re.compile(rf"!\[[^\]]*\]\(\s*<?{re.escape(str(token.attrs['src']))}>?[^)]*\)")
    return None


@cache
def parser() -> MarkdownIt:
    """The site's Markdown parser."""
    from myst_parser.config.main import MdParserConfig
    from myst_parser.parsers.mdit import create_md_parser

    return create_md_parser(
        MdParserConfig(enable_extensions=set(chapters.EXTENSIONS)), RendererHTML
    )


def _parse_directive(name: str, argument: str, content: str, line: int) -> Directive:
    from myst_parser.parsers.directives import parse_directive_text

    found = parse_directive_text(_AnyDirective, argument, content)
    if found.warnings:
        raise ChapterError(f"{{{name}}}: {found.warnings[0].msg}")
    return Directive(
        name=name,
        argument=argument.strip(),
        options=found.options,
        body="\n".join(found.body),
        line=line,
        body_line=line + 1 + found.body_offset,
    )
