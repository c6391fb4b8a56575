"""A figure that lives: one prompt, what `pocket` says next, and switches for parts of the model.

What it shows as it starts, and after each single switch, stands in the page; the model itself is
fetched on the first click (`live-figure.js`). The first page has one (`landing`), and so have
chapters (`small_playground`). This module makes the HTML, from states that were stored.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from sphinx.application import Sphinx

from mi_course.book.site import browser_model, playground, scripts
from mi_course.models.registry import POCKET_DIR

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge

    from mi_course.hooks import Hook

SCRIPT = "live-figure.js"
CLASS = "course-first"
STALE = "{file} was made with other weights: run {how}"
Guesses = list[list[Any]]
"""The most probable next tokens, each with its probability."""
N_GUESSES = 4


@dataclass(frozen=True)
class Switch:
    """A button of a figure.

    Attributes:
        change: what it does, as the playground's address writes it: `0.2:zero`.
        name: what it changes, in words. `label`: what stands on the button.
        state: what stands beside the names when it is pressed: `Off: {}, set to zero.`
    """

    change: str
    name: str
    label: str
    state: str = "Off: {}, set to zero."


@dataclass(frozen=True)
class Figure:
    """What a figure shows.

    Attributes:
        prompt, source: the texts; the second one is what patches are taken from, or empty.
        switches: in the order of the page, `per_row` in a row.
        guesses: by change, `""` for none.
        marked: the change of which paper tells what it does. `shown`: its button stands out.
        ask: stands above the switches. `begins`: stands below them before a click.
    """

    prompt: str
    switches: tuple[Switch, ...]
    guesses: dict[str, Guesses]
    marked: str
    ask: str
    begins: str
    source: str = ""
    per_row: int = 4
    shown: bool = False

    def html(self) -> str:
        """The figure in its first state, as HTML that needs no script."""
        told = {s.change: {"name": s.name, "state": s.state} for s in self.switches}
        data = {"prompt": self.prompt, "source": self.source, "switches": told}
        text = json.dumps({**data, "guesses": self.guesses}, ensure_ascii=False)
        rows = "".join(_row(word, p) for word, p in self.guesses[""])
        buttons = "".join(
            _button(switch, self.shown and switch.change == self.marked) for switch in self.switches
        )
        prompt = f'<span>{escape(self.prompt)}</span> <b aria-hidden="true">…</b>'
        return f"""<div class="{CLASS}" role="group"
 aria-label="A model with switches for its parts">
<p class="course-first-prompt">{prompt}</p>
<ol class="course-first-guesses" aria-label="The most probable next words">{rows}</ol>
<p class="course-first-ask">{escape(self.ask)}</p>
<div class="course-first-heads" style="--n:{self.per_row}">{buttons}</div>
<p class="course-first-said" role="status">{escape(self.begins)}</p>
<p class="course-first-still">{escape(self.still())}</p>
<noscript><p>{escape(self.still())} The switches need JavaScript.</p></noscript>
<p class="course-first-model">The model is <code>pocket</code>, which comes with the course. It is
not GPT-2.</p>
<script type="application/json">{text.replace("</", "<" + chr(92) + "/")}</script>
</div>"""

    def still(self) -> str:
        """What the marked switch does, in a sentence, for paper."""
        (switch,) = (s for s in self.switches if s.change == self.marked)
        after = ", ".join(
            f"{word.strip()} {100 * p:.1f} %" for word, p in self.guesses[self.marked][:2]
        )
        return f"{switch.state.format(switch.name)} Then the model says: {after}."


def _button(switch: Switch, marked: bool) -> str:
    css = " class=course-first-try" if marked else ""
    # who speaks to a computer says what is written on a button
    written = switch.label in switch.name
    name = switch.name if written else f"{switch.label}: {switch.name}"
    return (
        f'<button type="button" data-change="{escape(switch.change)}" aria-pressed="false" '
        f'aria-label="{escape(name)}"{css}>{escape(switch.label)}</button>'
    )


def _row(word: str, p: float) -> str:
    return (
        f'<li><span class="course-first-word">{escape(word.strip())}</span>'
        f'<span class="course-first-bar" style="--p:{p}" aria-hidden="true"></span>'
        f'<span class="course-first-p">{100 * p:.1f} %</span></li>'
    )


def guesses(
    model: TransformerBridge, tokens: Int[Tensor, "1 pos"], made: Sequence[tuple[str, Hook]]
) -> Guesses:
    """What the model says next while hooks are at work."""
    from mi_course import hooks

    logits = hooks.run_with_hooks(model, tokens, made)[0, -1].detach()
    best = logits.softmax(-1).topk(N_GUESSES)
    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return [[model.to_single_str_token(i), round(p, 4)] for i, p in pairs]


def weights_digest() -> str:
    """The SHA-256 of the weights that are shipped."""
    listed: dict[str, str] = json.loads((POCKET_DIR / "checksums.json").read_text("utf8"))
    return listed["model.safetensors"]


def add_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load what makes a figure live on the pages that have one."""
    if f'class="{CLASS}"' not in (context.get("body") or ""):
        return
    app.add_js_file(scripts.LAZY)
    app.add_js_file(SCRIPT)
    for name in (playground.BUNDLE, browser_model.FILE):
        app.add_js_file(f"{playground.FOLDER}/{name}", **scripts.LATER)


def setup(app: Sphinx) -> None:
    """Called by the course's extension."""
    app.connect("html-page-context", add_scripts, priority=900)
