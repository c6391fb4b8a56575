"""MyST directives as plain Markdown: what each becomes in a learner's notebook."""

from __future__ import annotations

import ast
from collections.abc import Callable

from mi_course.book.chapters import BOOK, ChapterError
from mi_course.book.notebook import images, predictions, roles
from mi_course.book.notebook.markdown import Converter, Directive

ADMONITIONS = (
    "attention",
    "caution",
    "danger",
    "error",
    "hint",
    "important",
    "note",
    "seealso",
    "tip",
    "warning",
)
_TITLES = {"seealso": "See also"}
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def convert(converter: Converter, directive: Directive) -> str:
    """One directive as plain Markdown.

    Raises:
        ChapterError: a directive that has no plain form here, or whose file or object is missing.
    """
    handler = DIRECTIVES.get(directive.name)
    if handler is None and directive.name.startswith("prf:"):
        handler = _theorem
    if handler is None:
        raise ChapterError(
            f"directive {{{directive.name}}} has no plain form for notebooks; those that have: "
            f"{', '.join(sorted(DIRECTIVES))}"
        )
    return handler(converter, directive)


def _quote(title: str, body: str) -> str:
    """A box as a quotation with a bold first line."""
    text = f"**{title}**\n\n{body}" if title else body
    return "\n".join(f"> {line}".rstrip() for line in text.strip().split("\n"))


def _details(summary: str, body: str) -> str:
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


def _body(converter: Converter, directive: Directive) -> str:
    return converter.convert(directive.body, directive.body_line)


def _admonition(converter: Converter, directive: Directive) -> str:
    title = directive.argument or _TITLES.get(directive.name, directive.name.capitalize())
    body = _body(converter, directive)
    if "dropdown" in directive.options.get("class", ""):
        return _details(converter.html(title, directive.line), body)
    return _quote(converter.inline(title, directive.line), body)


def _dropdown(converter: Converter, directive: Directive) -> str:
    title = converter.html(directive.argument or "More", directive.line)
    return _details(title, _body(converter, directive))


def _theorem(converter: Converter, directive: Directive) -> str:
    kind = directive.name.removeprefix("prf:").capitalize()
    title = f"{kind}: {directive.argument}" if directive.argument else kind
    return _quote(converter.inline(title, directive.line), _body(converter, directive))


def _box(converter: Converter, directive: Directive) -> str:
    """A remark beside the text: a margin, a sidebar, an epigraph."""
    title = converter.inline(directive.argument, directive.line)
    return _quote(title, _body(converter, directive))


def _exercise(converter: Converter, directive: Directive) -> str:
    title = converter.inline(directive.argument or "Exercise", directive.line)
    label = directive.options.get("label", "").removeprefix("ex-")
    converter.exercises[label or title] = title
    number = len(converter.exercises)  # as on the page, where `site.numbering` counts
    return f"### Exercise {number}: {title}\n\n{_body(converter, directive)}"


def _solution_start(converter: Converter, directive: Directive) -> str:
    label = directive.argument.removeprefix("ex-")
    if label not in converter.exercises:
        raise ChapterError(f"a solution of {directive.argument!r}, which is no exercise above it")
    converter.solution = label
    return _solution_pointer(converter)


def _solution_end(converter: Converter, directive: Directive) -> str:
    if converter.solution is None:
        raise ChapterError("solution-end without solution-start")
    converter.solution = None
    return ""


def _solution(converter: Converter, directive: Directive) -> str:
    return _solution_pointer(converter)


def _solution_pointer(converter: Converter) -> str:
    doc = converter.page.doc
    address = converter.page.url(doc)
    built = f"this chapter's page: `make book` writes it, `_build/html/{BOOK}/{doc}.html`"
    page = f"[this chapter's page]({address})" if address else built
    return f"*Write your answer in the next cell. A solution to compare with is on {page}.*"


def _figure(converter: Converter, directive: Directive) -> str:
    picture = _image(converter, directive)
    caption = _body(converter, directive)
    return f"{picture}\n\n*{caption}*" if caption else picture


def _math(converter: Converter, directive: Directive) -> str:
    body = directive.body or directive.argument
    return f"$$\n{body}\n$$"


def _code(converter: Converter, directive: Directive) -> str:
    return f"```{directive.argument}\n{directive.body}\n```"


def _literalinclude(converter: Converter, directive: Directive) -> str:
    """Source code of the package, or the object of it that `:pyobject:` names."""
    unknown = directive.options.keys() - {"pyobject", "language", "caption", "name", "linenos"}
    if unknown:
        raise ChapterError(f"literalinclude: option {sorted(unknown)} has no plain form")
    source = converter.page.read(directive.argument).decode("utf8")
    name = directive.options.get("pyobject")
    shown = python_object(source, name, directive.argument) if name else source.rstrip()
    return f"```{directive.options.get('language', 'python')}\n{shown}\n```"


def python_object(source: str, name: str, file: str) -> str:
    """The source of a function, class or method, with its decorators.

    Raises:
        ChapterError: there is none of this name.
    """

    def named(part: str, scope: ast.Module | Definition) -> Definition:
        for node in scope.body:
            if isinstance(node, Definition) and node.name == part:
                return node
        raise ChapterError(f"{file} defines no {name}")

    outermost, *inner = name.split(".")
    found = named(outermost, ast.parse(source))
    for part in inner:
        found = named(part, found)
    first = min([found.lineno, *(d.lineno for d in found.decorator_list)])
    lines = source.splitlines()[first - 1 : found.end_lineno]
    return "\n".join(line[found.col_offset :] for line in lines)


def _table(converter: Converter, directive: Directive) -> str:
    body = _body(converter, directive)
    title = converter.inline(directive.argument, directive.line)
    return f"**{title}**\n\n{body}" if title else body


def _tab(converter: Converter, directive: Directive) -> str:
    title = converter.inline(directive.argument, directive.line)
    return f"**{title}**\n\n{_body(converter, directive)}"


def _image(converter: Converter, directive: Directive) -> str:
    alt, width = (directive.options.get(name, "") for name in ("alt", "width"))
    return images.embedded(converter.page, directive.argument, alt, width)


def _small_playground(converter: Converter, directive: Directive) -> str:
    """The question, and where it can be tried: a notebook runs no figure that lives."""
    from mi_course.book.site import small_playground

    asked = small_playground.Asked.of(directive.options)
    link = roles.convert(
        converter.page, "playground", f"Try it here, on pocket <{small_playground.target(asked)}>"
    )
    return _quote("", f"{_body(converter, directive)}\n\n{link}.")


def _nothing(converter: Converter, directive: Directive) -> str:
    """Drop what only a site has: tables of contents, a bibliography, an index."""
    return ""


DIRECTIVES: dict[str, Callable[[Converter, Directive], str]] = {
    **dict.fromkeys((*ADMONITIONS, "admonition"), _admonition),
    **dict.fromkeys(("margin", "sidebar", "topic", "epigraph", "pull-quote"), _box),
    **dict.fromkeys(("code", "code-block", "sourcecode"), _code),
    **dict.fromkeys(("bibliography", "contents", "index", "tableofcontents", "toctree"), _nothing),
    "dropdown": _dropdown,
    "exercise": _exercise,
    "exercise-end": _nothing,
    "exercise-start": _exercise,
    "figure": _figure,
    "image": _image,
    "literalinclude": _literalinclude,
    "math": _math,
    "predict": predictions.convert_predict,
    "recall": predictions.convert_recall,
    "small-playground": _small_playground,
    "solution": _solution,
    "solution-end": _solution_end,
    "solution-start": _solution_start,
    "told": _nothing,
    "tab-item": _tab,
    "tab-set": lambda converter, directive: _body(converter, directive),
    "table": _table,
}
