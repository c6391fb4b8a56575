"""Sphinx extension: `{predict}`, `{told}` and `{recall}` (`book.question`), which take an answer.

A box is a form, and what follows it in its section, up to the next heading, exercise or box, is put
into a veil. Both are plain text and open until `predict.js` says otherwise: on paper, and where no
script runs, the options are a list and nothing is hidden. At the end of a week's first page stands
what its predictions came to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from mi_course.book import question
from mi_course.book.chapters import BOOK, ChapterError
from mi_course.book.notebook.targets import stored_values
from mi_course.book.question import Option, Part, Question, Right
from mi_course.book.site.printable import week_of
from mi_course.learner import predictions

STYLE, SCRIPT = "predict.css", "predict.js"
OF_A_WEEK = ("predictions.js", "predict-week.js")
_SURE = {"guess": "A guess", "fairly": "Fairly sure", "certain": "Certain"}
_KINDS = {
    "number": "Your number",
    "choice": "Your choice",
    "order": "Your order: tap them one after the other",
    "recall": "Your answer",
}
_VEIL_SCRIPT = "<script>window.coursePredict?.veil(document.currentScript.parentNode)</script>"
_BOX_SCRIPT = "<script>window.coursePredict?.box(document.currentScript.parentNode)</script>"
_TOLD = """<p class="course-said-so course-told" data-told="{name}" role="status"></p>
<script>window.coursePredict?.told(document.currentScript.previousElementSibling)</script>
"""
_WEEK = """<section class="course-predict-week" data-week="{week}">
<h2>What you predicted</h2>
<p><output>Nothing yet: the boxes of these chapters ask before they show.</output></p>
</section>
"""


class markup(nodes.General, nodes.Element):
    """An HTML element, `tag` with `attributes`, around its children."""


class veil(markup):
    """What is hidden until a question, `predict`, is answered."""


class Predict(SphinxDirective):
    """`{predict} NAME`: a question whose answer stands below it."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = dict.fromkeys(
        question.PREDICT_OPTIONS, directives.unchanged
    )
    title = question.TITLE
    css = "tip"
    parse = staticmethod(question.predict)

    def run(self) -> list[nodes.Node]:
        """The box; where something is wrong with the question, a warning, which fails a build."""
        try:
            asked = self.parse(self.arguments[0], self.options, list(self.content))
            right = self._right(asked)
            _note(self.env, asked)
        except ChapterError as error:
            return [self.state.document.reporter.warning(str(error), line=self.lineno)]
        return [self._box(asked, right)]

    def _right(self, asked: Question) -> Right | None:
        """What is right on this page; None where no outputs are shown that could say it."""
        if asked.exact:
            return asked.right({})
        shown = self.env.temp_data.get("mi_course_shown")
        if shown is None or shown.stored is None:
            return None
        return asked.right(stored_values(shown.stored))

    def _box(self, asked: Question, right: Right | None) -> nodes.Element:
        slug = nodes.make_id(f"predict-{asked.name}")
        classes = f"admonition {self.css} course-predict course-ask-{asked.kind}"
        attributes = {"class": classes, "id": slug, "data-predict": asked.name}
        if right is not None:
            data = _data(asked, right, self.env.docname)
            attributes["data-question"] = json.dumps(
                data, ensure_ascii=False, separators=(",", ":")
            )
        box = markup("", tag="div", attributes=attributes)
        box += markup("", nodes.Text(self.title), tag="p", attributes={"class": "admonition-title"})
        box["predict"], box["veil"] = asked.name, asked.veil if right else "none"
        if asked.veil == "later":
            attributes["data-later"] = ""
        if asked.about:
            box += self._about(asked.about)
        self._parse(asked.asked, box)
        if asked.options:
            plain = nodes.bullet_list(classes=["course-plain"])
            plain += [nodes.list_item("", *self._option(option)) for option in asked.options]
            box += plain
        if right is not None:
            box += self._form(asked, slug)
            box += _raw('<p class="course-said-so" role="status" tabindex="-1"></p>')
        if asked.after.text.strip():
            box += self._after(asked, right)
        box += _raw(_BOX_SCRIPT if right is not None else "")
        return box

    def _after(self, asked: Question, right: Right | None) -> nodes.Element:
        """What is told once one has answered; folded, for who prints or has no script."""
        after = markup("", tag="details", attributes={"class": "sd-dropdown course-after"})
        after += _raw(
            '<summary class="sd-summary-title"><span class="sd-summary-text">The answer</span>'
            "</summary>"
        )
        inner = markup("", tag="div", attributes={"class": "sd-summary-content"})
        if right is not None:
            text = (
                f"“{right.text.removesuffix('.')}”"
                if right.order
                else f"{right.text} {asked.unit}".strip()
            )
            inner += nodes.paragraph("", f"It is {text}.", classes=["course-plain"])
        self._parse(asked.after, inner)
        after += inner
        return after

    def _about(self, page: str) -> nodes.Element:
        """The page that a question of recall is about, with a link to it."""
        target = {"refdomain": "std", "reftype": "doc", "refexplicit": False, "refwarn": True}
        link = addnodes.pending_xref(
            "", nodes.inline("", ""), reftarget=f"/{BOOK}/{page}", **target
        )
        link["refdoc"] = self.env.docname
        return nodes.paragraph("", "From ", link, nodes.Text(":"), classes=["course-about"])

    def _parse(self, part: Part, into: nodes.Element) -> None:
        if part.first == question.OF_AN_OPTION:
            into += nodes.paragraph("", "", *self._inline(part.text))
        elif part.lines:
            lines = self.content[part.first : part.first + len(part.lines)]
            self.state.nested_parse(lines, self.content_offset + part.first, into)

    def _option(self, option: Option) -> list[nodes.Node]:
        return [nodes.paragraph("", "", *self._inline(option.text))]

    def _inline(self, text: str) -> list[nodes.Node]:
        found, messages = self.state.inline_text(text, self.lineno)
        return [*found, *messages]

    # --- the form ---------------------------------------------------------------------------------

    def _form(self, asked: Question, slug: str) -> nodes.Element:
        form = markup("", tag="form", attributes={"class": "course-predict-form", "novalidate": ""})
        fields = markup("", tag="fieldset", attributes={})
        legend = {"class": "visually-hidden"} if asked.kind in ("choice", "recall") else {}
        fields += markup("", nodes.Text(_KINDS[asked.kind]), tag="legend", attributes=legend)
        fields += self._fields(asked, slug)
        form += fields
        form += _raw('<p class="course-predict-wrong" role="alert"></p>')
        if asked.kind != "recall":
            form += _raw(_buttons(asked, slug))
        return form

    def _fields(self, asked: Question, slug: str) -> list[nodes.Element]:
        if asked.kind == "number":
            label = f'<label for="{slug}-number" class="visually-hidden">Your number</label>'
            unit = f" <span>{escape(asked.unit)}</span>" if asked.unit else ""
            return [
                _raw(
                    f'<p class="course-number">{label}<input type="text" inputmode="decimal" '
                    f'id="{slug}-number" size="10" autocomplete="off">{unit} '
                    f'<span class="course-within">{_near(asked.within)}</span></p>'
                )
            ]
        return [
            self._field(asked.kind, option, n, slug) for n, option in enumerate(asked.options, 1)
        ]

    def _field(self, kind: str, option: Option, n: int, slug: str) -> nodes.Element:
        text = markup("", *self._inline(option.text), tag="span", attributes={})
        if kind == "choice":
            made = markup("", tag="label", attributes={"class": "course-option"})
            made += _raw(f'<input type="radio" name="{slug}" value="{n}">')
        else:
            do = "place" if kind == "order" else "recall"
            attributes = {"type": "button", "class": "course-option", "value": n, "data-do": do}
            if kind == "order":
                attributes["aria-pressed"] = "false"
            made = markup("", tag="button", attributes=attributes)
            made += _raw('<span class="course-place"></span>' if kind == "order" else "")
        made += text
        return made


class Recall(Predict):
    """`{recall} NAME`: a question about what was read, with an explanation once it is answered."""

    option_spec: ClassVar[dict[str, Any]] = dict.fromkeys(
        question.RECALL_OPTIONS, directives.unchanged
    )
    title = question.RECALL_TITLE
    css = "note"
    parse = staticmethod(question.recall)


class Told(SphinxDirective):
    """`{told} NAME`: what was predicted above, beside the result; nothing where nothing was."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """A line that the script fills; a warning where no question above has this name."""
        name = self.arguments[0]
        names: dict[str, str] = self.env.__dict__.get("mi_course_questions", {})
        if names.get(name.casefold()) != self.env.docname:
            warn = self.state.document.reporter.warning
            return [warn(f"{{told}}: no question {name!r} above", line=self.lineno)]
        return [_raw(_TOLD.format(name=escape(name)))]


def _buttons(asked: Question, slug: str) -> str:
    sure = "".join(
        f'<button type="button" data-do="answer" data-sure="{value}">{text}</button>'
        for value, text in _SURE.items()
    )
    start = (
        f'<div class="course-sure" role="group" aria-labelledby="{slug}-sure">'
        f'<span id="{slug}-sure">How sure? One tap answers.</span> {sure}'
    )
    if asked.veil == "later":
        return f"{start}</div>"
    veiled = "<span>What follows is veiled until you answer.</span>"
    return (
        f'{start}<button type="button" class="course-show-me" data-do="show">Show me</button></div>'
        f'<p class="course-everything">{veiled if asked.veil != "none" else ""}'
        '<label><input type="checkbox" role="switch"> Show everything, on every page</label></p>'
    )


def _near(within: str) -> str:
    """How far off a number may be, in words."""
    if within.endswith("%"):
        return f"Within {within} of it counts as right."
    return f"Give or take {within} counts as right." if float(within) else "Exactly."


def _data(asked: Question, right: Right, docname: str) -> dict[str, Any]:
    """What the script needs to judge an answer."""
    week = "".join(c for c in docname.split("/")[1] if c.isdigit()) if "/" in docname else ""
    data: dict[str, Any] = {"kind": asked.kind, "week": int(week or 0), "text": right.text}
    if right.value is None:
        return data | {
            "unit": "",
            "options": [option.plain for option in asked.options],
            "right": list(right.order),
        }
    within = predictions.tolerance(asked.within, right.value)
    return data | {"unit": asked.unit, "value": right.value, "within": within}


def _raw(html: str) -> nodes.Node:
    return nodes.raw("", html, format="html")


# --- the names ------------------------------------------------------------------------------------


def _note(env: BuildEnvironment, asked: Question) -> None:
    """Every question of the book has a name of its own, under which its answer is kept."""
    names: dict[str, str] = env.__dict__.setdefault("mi_course_questions", {})
    key = asked.name.casefold()
    if key in names:
        raise ChapterError(f"{asked.name!r} is the name of a question of {names[key]} already")
    names[key] = env.docname


def forget_page(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """A page that is read again asks its questions anew."""
    names: dict[str, str] = env.__dict__.get("mi_course_questions", {})
    for key in [key for key, page in names.items() if page == docname]:
        del names[key]


def merge_names(app: Sphinx, env: BuildEnvironment, docs: list[str], other: Any) -> None:
    """Where several processes read the pages."""
    env.__dict__.setdefault("mi_course_questions", {}).update(
        other.__dict__.get("mi_course_questions", {})
    )


# --- the veils ------------------------------------------------------------------------------------


def put_veils(app: Sphinx, doctree: nodes.document) -> None:
    """Put what follows each box into its veil."""
    for box in [node for node in doctree.findall(markup) if _has_veil(node)]:
        parent = box.parent
        start = parent.index(box) + 1
        end = start
        while end < len(parent) and not _ends_veil(parent[end]):
            end += 1
        if end > start:
            inside = parent[start:end]
            made = veil("", _raw(_VEIL_SCRIPT), *inside, tag="div")
            css = " course-veil-outputs" if box["veil"] == "outputs" else ""
            made["attributes"] = {"class": f"course-veil{css}", "data-for": box["predict"]}
            parent[start:end] = [made]


def _has_veil(node: markup) -> bool:
    return node.get("veil", "none") not in ("none", "later")


def _ends_veil(node: nodes.Node) -> bool:
    is_box = isinstance(node, markup) and "predict" in node
    is_exercise = "exercise" in type(node).__name__
    return isinstance(node, nodes.section) or is_box or is_exercise


def name_contents(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Note on each veil what a link may lead to that must not be hidden: its section, its parts."""
    for made in doctree.findall(veil):
        inside = [name for node in made.findall(nodes.Element) for name in node.get("ids", ())]
        section = made.parent.get("ids", []) if isinstance(made.parent, nodes.section) else []
        top = isinstance(made.parent.parent, nodes.document)
        made["attributes"]["data-in"] = " ".join([*([] if top else section), *inside])


def _open(translator: Any, node: markup) -> None:
    attributes = "".join(f" {k}={_quoted(str(v))}" for k, v in node["attributes"].items())
    translator.body.append(f"<{node['tag']}{attributes}>")


def _quoted(value: str) -> str:
    """An attribute's value; JSON between single quotation marks, since its own are double."""
    if '"' not in value:
        return f'"{escape(value)}"'
    return "'" + escape(value, quote=False).replace("'", "&#x27;") + "'"


def _close(translator: Any, node: markup) -> None:
    translator.body.append(f"</{node['tag']}>")


def _asks(env: BuildEnvironment, week: str) -> bool:
    """Whether a chapter of a week, `week2`, has a question."""
    names: dict[str, str] = env.__dict__.get("mi_course_questions", {})
    return any(page.startswith(f"{BOOK}/{week}/") for page in names.values())


def add_script(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load the scripts and the style on the pages that need them."""
    if doctree is None:
        return
    if any("predict" in node for node in doctree.findall(markup)):
        app.add_css_file(STYLE)
        app.add_js_file(SCRIPT, priority=2)
    week = week_of(pagename)
    if week is not None and _asks(app.env, week):
        app.add_css_file(STYLE)
        for script in OF_A_WEEK:
            app.add_js_file(script, loading_method="defer", priority=600)
        context["body"] += _WEEK.format(week="".join(c for c in week if c.isdigit()) or 0)


def setup(app: Sphinx) -> None:
    """Called by the extension for what accompanies a learner."""
    both: tuple[Callable[..., None], Callable[..., None]] = (_open, _close)
    app.add_node(markup, html=both)
    app.add_node(veil, html=both)
    app.add_directive("predict", Predict)
    app.add_directive("recall", Recall)
    app.add_directive("told", Told)
    app.connect("env-purge-doc", forget_page)
    app.connect("env-merge-info", merge_names)
    app.connect("doctree-read", put_veils)
    app.connect("doctree-resolved", name_contents)
    app.connect("html-page-context", add_script, priority=900)
