"""`{predict}` and `{recall}` in a learner's notebook: a line to answer in, and a cell that tells.

The cell that tells stands where the page's value is made. It needs no line in the chapter: what a
cell glues under the question's key, it computes again from the learner's own results. A cell that
only glues is dropped from notebooks; of it, the lines are kept that the value needs.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mi_course.book import question
from mi_course.book.chapters import ChapterError
from mi_course.book.notebook.markdown import Converter, Directive
from mi_course.book.question import Option, Question
from mi_course.learner import predictions

_MARK = "<!-- predict {} -->"
_MARKED = re.compile(r"^<!-- predict (\d+) -->$", re.MULTILINE)
_IMPORT = "from mi_course import predict"
_STUB = """\
# In place of ... {what}.
# Behind it, how sure you are: "guess", "fairly" or "certain".
predict.{kind}({name}, ..., "fairly")"""
_WHAT = {
    "number": "write your number{unit}",
    "choice": "write the number of an option, 1 to {n}",
    "order": "write the options' numbers in your order, such as {example}",
}
_Cell = tuple[str, str]  # kind, markdown or code, and source


@dataclass
class Asked:
    """The questions of a chapter, and what becomes of them as its cells go by.

    Attributes:
        week: of the chapter.
        all: every question so far.
        glued: by key, the expression that was glued last and the lines that it needs.
        whys: by a question's name, what is told once it is answered.
        patterns: of keys that were glued in a loop: under a name made up there, or for one round.
        defined: names that the learner's cells have defined so far.
    """

    week: int
    all: list[Question] = field(default_factory=list)
    glued: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    whys: dict[str, str] = field(default_factory=dict)
    patterns: list[re.Pattern[str]] = field(default_factory=list)
    defined: set[str] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)
    _imported: bool = False

    def add(self, asked: Question, why: str) -> str:
        """Take a question, with what is told later; the mark that holds its place in the text."""
        self.all.append(asked)
        self.whys[asked.name] = why
        return _MARK.format(len(self.all) - 1)

    def cells(self, text: str) -> Iterator[_Cell]:
        """A text in pieces: what stands around the marks, and a cell for each mark."""
        pieces = _MARKED.split(text)
        for i, piece in enumerate(pieces):
            if i % 2:
                yield "code", self._stub(self.all[int(piece)])
            elif piece.strip():
                yield "markdown", piece.strip("\n")

    def _stub(self, asked: Question) -> str:
        n = len(asked.options)
        unit = f" ({asked.unit})" if asked.unit else ""
        example = str([*range(2, n + 1), 1])
        what = _WHAT[asked.kind].format(unit=unit, n=n, example=example)
        code = _STUB.format(what=what, kind=asked.kind, name=_text(asked.name))
        before = "" if self._imported else f"{_IMPORT}\n\n"
        self._imported = True
        return before + code

    def told_after(self, code: str, dropped: bool) -> Iterator[_Cell]:
        """The cells that tell what is known after a cell.

        Args:
            code: of the chapter's cell.
            dropped: whether learners do not get it.
        """
        glued, patterns = _glued(code, dropped)
        self.glued |= glued
        self.patterns += patterns
        if not dropped:
            self.defined |= set().union(*map(_defined, _tree(code).body))
        for asked in self.all:
            if asked.name not in self._told and (not dropped or not asked.exact):
                told = self._told_cell(asked)
                if told is not None:
                    self._told.add(asked.name)
                    yield "code", told
                    if why := self.whys[asked.name]:
                        folded = f"<details>\n<summary>Why</summary>\n\n{why}\n\n</details>"
                        yield "markdown", folded

    def _told_cell(self, asked: Question) -> str | None:
        """The cell of one question; None where its value is not there yet."""
        lines: tuple[str, ...] = ()
        if asked.told:
            there = all(map(self._is_made, asked.keys))
            if not there or not _free(asked.told) <= self.defined:
                return None
            values = [asked.told]
        elif asked.exact:
            right = asked.right({}).text if asked.options else asked.exact
            return self._call(asked, [f"sealed={_text(predictions.seal(right))}"], lines)
        else:
            known = [self.glued[key] for key in asked.keys if key in self.glued]
            if len(known) < len(asked.keys):
                return None
            values = [expression for expression, _ in known]
            lines = tuple(dict.fromkeys(line for _, needed in known for line in needed))
        return self._call(asked, [_value(asked, values)], lines)

    def _call(self, asked: Question, first: list[str], lines: Sequence[str]) -> str:
        more = {
            "unit": asked.unit,
            "form": asked.form if asked.form != Question.form and asked.kind == "number" else "",
            "within": asked.within if asked.within != Question.within else "",
            "first": asked.first,
        }
        options = first + [f"{key}={_text(value)}" for key, value in more.items() if value]
        if asked.options and not asked.first:
            options.append(f"among={_among(asked.options)}")
        options.append(f"week={self.week}")
        arguments = ",\n    ".join([_text(asked.name), *options])
        return "\n".join([_IMPORT, "", *lines, f"predict.told(\n    {arguments},\n)"])

    def _is_made(self, key: str) -> bool:
        return key in self.glued or any(made.fullmatch(key) for made in self.patterns)

    def left(self) -> list[str]:
        """Names of questions to which no cell tells the answer."""
        return [asked.name for asked in self.all if asked.name not in self._told]


def _text(value: str) -> str:
    """A text as Python writes it, in double quotation marks."""
    return f'"{value}"' if value.isprintable() and not set(value) & set('"\\') else repr(value)


def _value(asked: Question, values: Sequence[str]) -> str:
    if not asked.first or asked.told:
        return values[0]
    pairs = zip(asked.options, values, strict=True)
    return f"{{{_rows(f'{_text(option.plain)}: {value}' for option, value in pairs)}}}"


def _among(options: Sequence[Option]) -> str:
    if options[0].bounds is None:
        return f"[{_rows(_text(option.plain) for option in options)}]"
    return f"{{{_rows(f'{_text(option.plain)}: {option.bounds}' for option in options)}}}"


def _rows(items: Iterable[str]) -> str:
    """The items of a list in a call, each on a line."""
    return "".join(f"\n        {item}," for item in items) + "\n    "


# --- what a cell glues -------------------------------------------------------------------------


def _glued(
    code: str, dropped: bool
) -> tuple[dict[str, tuple[str, tuple[str, ...]]], list[re.Pattern[str]]]:
    """What a cell glues, by key, and of a cell that is dropped the lines that this needs.

    Returns:
        Those whose key is written out, and patterns of the other keys. After a loop its names hold
        what the last round left, so that a value made of them counts among the others.
    """
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    patterns: list[re.Pattern[str]] = []
    if "glue(" not in code:
        return found, patterns
    tree = _tree(code)
    of_one_round = _of_one_round(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Name("glue"), [ast.Constant(str(key)), _]) if node in of_one_round:
                patterns.append(re.compile(re.escape(key)))
            case ast.Call(ast.Name("glue"), [ast.Constant(str(key)), value]):
                needed = _needed(code, tree, value, node.lineno) if dropped else ()
                found[key] = (ast.get_source_segment(code, value) or "", needed)
            case ast.Call(ast.Name("glue"), [ast.JoinedStr(parts), _]):
                patterns.append(re.compile("".join(map(_pattern, parts))))
    return found, patterns


def _of_one_round(tree: ast.Module) -> set[ast.AST]:
    """The calls of `glue` in a loop whose value uses what the loop sets in each round."""
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While)]
    return {
        call
        for loop in loops
        for call in ast.walk(loop)
        if isinstance(call, ast.Call) and _used(call) & _stored(loop)
    }


def _tree(code: str) -> ast.Module:
    """What Python reads of a cell, without IPython's lines."""
    return ast.parse(re.sub(r"^\s*[%!].*$", "pass", code, flags=re.MULTILINE))


def _free(expression: str) -> set[str]:
    """The names that an expression takes from the notebook."""
    tree = ast.parse(expression, mode="eval")
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return _used(tree) - _stored(tree) - arguments - set(dir(builtins))


def _pattern(part: ast.expr) -> str:
    """What a part of an f-string may be; what is filled in has no underscore."""
    return re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[^_]+"


def _needed(code: str, tree: ast.Module, value: ast.expr, before: int) -> tuple[str, ...]:
    """The statements of a cell, above a line, that define what an expression uses."""
    wanted = _used(value)
    kept: list[str] = []
    for statement in reversed([s for s in tree.body if s.lineno < before]):
        if _defined(statement) & wanted and "glue" not in _used(statement) | _defined(statement):
            kept.insert(0, ast.get_source_segment(code, statement) or "")
            wanted |= _used(statement)
    return tuple(kept)


def _used(tree: ast.AST) -> set[str]:
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _defined(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.FunctionDef(name) | ast.ClassDef(name):
            return {name}
        case ast.Import(names) | ast.ImportFrom(names=names):
            return {(a.asname or a.name).partition(".")[0] for a in names}
    return _stored(statement)


def _stored(tree: ast.AST) -> set[str]:
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


# --- the directives ------------------------------------------------------------------------------


def convert_predict(converter: Converter, directive: Directive) -> str:
    """The question as a quotation, and the place of the cell that answers it."""
    asked = question.predict(directive.argument, directive.options, _lines(directive))
    mark = converter.asked.add(asked, _after(converter, directive, asked))
    return f"{_question(converter, directive, asked, question.TITLE)}\n\n{mark}"


def convert_recall(converter: Converter, directive: Directive) -> str:
    """The question and its options, with the answer folded up below."""
    asked = question.recall(directive.argument, directive.options, _lines(directive))
    right = asked.right({}).order[0]
    after = _after(converter, directive, asked)
    folded = f"<details>\n<summary>The answer</summary>\n\nIt is {right}. {after}\n\n</details>"
    return f"{_question(converter, directive, asked, question.RECALL_TITLE)}\n\n{folded}"


def _lines(directive: Directive) -> list[str]:
    return directive.body.split("\n")


def _after(converter: Converter, directive: Directive, asked: Question) -> str:
    line = directive.body_line + max(asked.after.first, 0)
    return converter.convert(asked.after.text, line) if asked.after.text else ""


def _question(converter: Converter, directive: Directive, asked: Question, title: str) -> str:
    line = directive.body_line
    text = converter.convert(asked.asked.text, line)
    options = [
        f"{n}. {converter.inline(option.text, line + option.line)}"
        for n, option in enumerate(asked.options, 1)
    ]
    listed = "\n".join(options)
    whole = "\n\n".join(part for part in (f"**{title}: {asked.name}**", text, listed) if part)
    return "\n".join(f"> {each}".rstrip() for each in whole.split("\n"))


def refuse_untold(asked: Asked) -> None:
    """Every question must come to an answer in the notebook.

    Raises:
        ChapterError: names the questions that no cell answers.
    """
    if names := asked.left():
        raise ChapterError(
            f"in the notebook nothing tells the answer to {', '.join(names)}: glue its value in a "
            "cell below it, under a key that is written out, or give the directive `told`, a "
            "Python expression"
        )
