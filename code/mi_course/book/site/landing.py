"""Sphinx extension for the first page: a figure that lives, the line that gets the course, a map.

    ```{course-first-figure}
    ```

shows one prompt, what `pocket` says next, and a switch for each head (`live_figure`). What it shows
with all heads, and with each of them off, is stored in `first_figure.json`.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mi_course.book.site import launch, live_figure
from mi_course.book.site.live_figure import Figure, Guesses, Switch, weights_digest
from mi_course.learner import weeklog

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

STORED = Path(__file__).with_name("first_figure.json")
PROMPT = "When Mary and John went to the shops, John gave the bag to"
HEAD = "0.3"
"""The head that the page asks one to switch off."""
SCRIPT = "landing.js"
FIRST, NEXT = "book/intro", "book/week1/index"
_NOBODY = "Get the project’s folder, and in it run"


def states(model: TransformerBridge) -> dict[str, Any]:
    """What the figure shows: tokens, and the best guesses with all heads and without each.

    Returns:
        `prompt`, `tokens`, `heads`, and `guesses`: by head, `""` for none of them off, the four
        most probable next tokens with their probabilities.
    """
    from mi_course import ablation

    tokens = model.to_tokens(PROMPT)
    heads = [(i, j) for i in range(model.cfg.n_layers) for j in range(model.cfg.n_heads)]

    def guesses(*off: tuple[int, int]) -> Guesses:
        return live_figure.guesses(
            model, tokens, ablation.ablation_hooks(model, tokens, off, "zero")
        )

    found = {f"{layer}.{head}": guesses((layer, head)) for layer, head in heads}
    return {
        "prompt": PROMPT,
        "tokens": model.to_str_tokens(tokens[0])[1:],
        "heads": list(found),
        "guesses": {"": guesses(), **found},
    }


def stored() -> dict[str, Any]:
    """The stored states, with the digest of the weights that they came from."""
    read: dict[str, Any] = json.loads(STORED.read_text("utf8"))
    return read


def write(model: TransformerBridge) -> None:
    """Compute the states anew and store them: after the model was trained again."""
    content = {"sha256": weights_digest(), **states(model)}
    STORED.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf8")


class FirstFigure(SphinxDirective):
    """The figure in its first state, as HTML that needs no script."""

    def run(self) -> list[nodes.Node]:
        """One piece of HTML; a warning where the stored states are another model's."""
        shown = stored()
        if shown["sha256"] != weights_digest():
            why = live_figure.STALE.format(file=STORED.name, how="landing.write(model)")
            return [self.state.document.reporter.warning(why, line=self.lineno)]
        return [nodes.raw("", figure(shown).html(), format="html")]


def figure(shown: dict[str, Any]) -> Figure:
    """Prompt, guesses, a switch for each head, and all states."""
    switches = tuple(Switch(f"{head}:zero", f"head {head}", head) for head in shown["heads"])
    return Figure(
        prompt=shown["prompt"],
        switches=switches,
        guesses={f"{head}:zero" if head else "": g for head, g in shown["guesses"].items()},
        marked=f"{HEAD}:zero",
        ask=f"Switch off one of the model's {len(switches)} heads, which look at earlier words:",
        begins=f"Every head is on. What will the model say without head {HEAD}?",
        per_row=sum(head.startswith("0.") for head in shown["heads"]),
        shown=True,
    )


class Get(SphinxDirective):
    """`{course-get}`: the line that gets the project, where the site knows whose it is."""

    def run(self) -> list[nodes.Node]:
        """A block to copy; where nobody said whose the site is, a sentence."""
        name = launch.repository()
        if not name:
            return [nodes.paragraph("", _NOBODY)]
        lines = f"git clone {launch.home(name)}\ncd {name.split('/')[1]}"
        block = nodes.literal_block(lines, lines, language="sh")
        week1 = nodes.paragraph("", "Or open week 1 in ")
        week1 += nodes.reference("", "Colab", refuri=launch.colab(name, "week1/01_mlp_mnist"))
        week1 += nodes.Text(", with nothing installed. In the folder, run")
        return [block, week1]


class Map(SphinxDirective):
    """`{course-map}`: the four weeks, what is handed in, hours, and the reader's own progress."""

    def run(self) -> list[nodes.Node]:
        """A list of cards, which a script tells what the reader has done."""
        cards = "".join(_card(plan) for plan in weeklog.tracker()["weeks"])
        return [nodes.raw("", f'<ol class="course-map">{cards}</ol>', format="html")]


def _card(plan: dict[str, Any]) -> str:
    week, items = plan["week"], plan["items"]
    hours = sum(hours for _, hours in plan["parts"])
    parts = ", ".join(f"{escape(name)}\u00a0{h}\u00a0h" for name, h in plan["parts"])
    handed_in = ". ".join(
        escape(item["text"])
        for item in items
        if weeklog.SECTION.get(item["kind"]) == weeklog.DELIVERABLES
    )
    link = f'<a href="week{week}/index.html">Week {week}: {escape(plan["title"])}</a>'
    return f"""<li data-week="{week}">
<p class="course-map-week">{link}</p>
<p>{escape(plan["goal"])}</p>
<p><b>You hand in:</b> {handed_in}.</p>
<p class="course-map-hours"><b>{hours} hours:</b> {parts}.</p>
<p class="course-bar pst-js-only"><progress max="1" value="0"
 aria-label="Steps of week {week} done"></progress> <output>no steps done</output></p>
</li>"""


def complete(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """The first page's scripts, and week 1 as the page after it."""
    if pagename != FIRST:
        return
    app.add_js_file(SCRIPT)
    if NEXT in app.env.titles:
        title = app.builder.render_partial(app.env.titles[NEXT])["title"]  # type: ignore[attr-defined]
        link = app.builder.get_relative_uri(pagename, NEXT)
        context["next"] = {"link": link, "title": title}


def setup(app: Sphinx) -> None:
    """Called by the course's extension."""
    app.add_directive("course-first-figure", FirstFigure)
    app.add_directive("course-get", Get)
    app.add_directive("course-map", Map)
    app.connect("html-page-context", complete, priority=900)
