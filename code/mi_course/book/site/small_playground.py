"""Sphinx extension: a small playground within a chapter, one prompt and one question.

    ```{small-playground}
    :prompt: " queen hat stone lamp queen hat stone"
    :changes: 0.2:zero, 1.1:zero
    Which of the two heads does the model need? Say it, then try.
    ```

It is a figure that lives (`live_figure`), always on `pocket`, with a switch for each of `changes`,
which are written as in the playground's address. On paper stands what the first one does.
Where a patch is among them, `:source:` is the prompt that it comes from. What the model says is
stored in `small_playgrounds.json`: after a new figure, or after training, run `write(model, root)`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mi_course.book import chapters
from mi_course.book.chapters import ChapterError
from mi_course.book.site import live_figure, playground
from mi_course.book.site.live_figure import Figure, Guesses, Switch, weights_digest

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

STORED = Path(__file__).with_name("small_playgrounds.json")
NAME = "small-playground"
OPTIONS = ("prompt", "changes", "source")
HOW = "small_playground.write(model, root)"
PER_ROW = 4
_CHANGE = re.compile(r"(?:(\d+)\.(\d+)|(mlp|resid)(\d+)|(positions)):(zero|patch)(?:@(\d+))?")
_BLOCK = re.compile(rf"^```\{{{NAME}\}}[ \t]*\n((?::\w+:.*\n)+)", re.MULTILINE)
_OPTION = re.compile(r"^:(\w+):[ \t]*(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Asked:
    """What a figure is about: its prompt, its changes, and where patches come from."""

    prompt: str
    changes: tuple[str, ...]
    source: str = ""

    @classmethod
    def of(cls, options: Mapping[str, str]) -> Asked:
        """From the directive's options.

        Raises:
            ChapterError: an option that is unknown or missing, or a change that no switch makes.
        """
        if unknown := set(options) - set(OPTIONS):
            raise ChapterError(f"{NAME} does not know {sorted(unknown)}: it knows {OPTIONS}")
        if not options.get("prompt") or not options.get("changes"):
            raise ChapterError(f"{NAME} needs :prompt: and :changes:")
        changes = tuple(change.strip() for change in options["changes"].split(","))
        asked = cls(_text(options["prompt"]), changes, _text(options.get("source", "")))
        for change in changes:
            switch(change)
            if ":patch" in change and not asked.source:
                raise ChapterError(f"{change} needs :source:, the prompt that it comes from")
        return asked


def _text(option: str) -> str:
    """A prompt as it is written: in quotes where it begins with a space."""
    quoted = len(option) > 1 and option[0] == option[-1] == '"'
    return option[1:-1] if quoted else option


def switch(change: str) -> Switch:
    """The button for a change, written as in an address.

    Raises:
        ChapterError: it is none of those that a small playground knows.

    Example:
        >>> switch("0.2:zero").name
        'head 0.2'
    """
    match = _CHANGE.fullmatch(change)
    # A patch is of the stream, at a position; and only a patch is.
    if not match or not (match[6] == "patch") == (match[3] == "resid") == (match[7] is not None):
        raise ChapterError(
            f"{change!r} is no change of a small playground: write 0.2:zero, mlp0:zero, "
            "positions:zero or resid1:patch@14"
        )
    if match[3] == "resid":
        place = f"after layer {int(match[4]) - 1}" if int(match[4]) else "before layer 0"
        name = f"the stream {place}, position {match[7]}"
        return Switch(change, name, f"{place}, {match[7]}", "Patched: {}.")
    if match[5]:
        return Switch(change, "positional embeddings", "positions")
    name = f"head {match[1]}.{match[2]}" if match[1] else f"MLP {match[4]}"
    return Switch(change, name, name)


def states(model: TransformerBridge, asked: Asked) -> dict[str, Guesses]:
    """The best guesses after a prompt by change, `""` for none of them."""
    tokens = model.to_tokens(asked.prompt)

    def guesses(change: str) -> Guesses:
        return live_figure.guesses(model, tokens, _hooks(model, change, asked) if change else [])

    return {change: guesses(change) for change in ("", *asked.changes)}


def _hooks(model: TransformerBridge, change: str, asked: Asked) -> list[Any]:
    """A change as hooks of TransformerLens."""
    from mi_course import ablation

    match = _CHANGE.fullmatch(change)
    if match is None:
        raise ValueError(f"{change!r} is no change that the playground makes")
    if match[1]:
        head = (int(match[1]), int(match[2]))
        return ablation.ablation_hooks(model, model.to_tokens(asked.prompt), [head], "zero")
    if match[3] == "resid":
        layer, at = int(match[4]), int(match[7])
        name = f"blocks.{layer}.hook_resid_pre"
        if layer == model.cfg.n_layers:
            name = f"blocks.{layer - 1}.hook_resid_post"
        vector = model.run_with_cache(model.to_tokens(asked.source))[1][name][0, at].clone()
        return [(name, lambda value, hook: _replaced(value, at, vector))]
    name = f"blocks.{match[4]}.hook_mlp_out" if match[4] else "hook_pos_embed"
    return [(name, lambda value, hook: value * 0)]


def _replaced(value: Any, at: int, vector: Any) -> Any:
    """`value` [batch, pos, d_model] with another vector at one position."""
    value = value.clone()
    value[:, at] = vector
    return value


def used(root: Path) -> list[Asked]:
    """Every small playground of the book's chapters, in their order, each once."""
    found: dict[Asked, None] = {}
    for path in sorted((root / chapters.BOOK).rglob("*.md")):
        for block in _BLOCK.finditer(path.read_text("utf8")):
            found[Asked.of(dict(_OPTION.findall(block[1])))] = None
    return list(found)


def stored() -> dict[str, Any]:
    """The stored states, with the digest of the weights that they came from."""
    read: dict[str, Any] = json.loads(STORED.read_text("utf8"))
    return read


def write(model: TransformerBridge, root: Path) -> None:
    """Compute the states of all figures anew and store them."""
    figures = [
        {"prompt": asked.prompt, "source": asked.source, "guesses": states(model, asked)}
        for asked in used(root)
    ]
    content = {"sha256": weights_digest(), "figures": figures}
    STORED.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf8")


def figure(asked: Asked) -> Figure:
    """The figure, with the states that are stored for it.

    Raises:
        ChapterError: none are, or they are another model's.
    """
    kept = stored()
    if kept["sha256"] != weights_digest():
        raise ChapterError(live_figure.STALE.format(file=STORED.name, how=HOW))
    for one in kept["figures"]:
        same = (one["prompt"], one["source"]) == (asked.prompt, asked.source)
        if same and set(asked.changes) <= set(one["guesses"]):
            return Figure(
                prompt=asked.prompt,
                source=asked.source,
                switches=tuple(map(switch, asked.changes)),
                guesses={change: one["guesses"][change] for change in ("", *asked.changes)},
                marked=asked.changes[0],
                ask="Press a switch:",
                begins="Nothing is changed. What will the model say after a click?",
                per_row=min(len(asked.changes), PER_ROW),
            )
    raise ChapterError(f"{STORED.name} holds no states of this small playground: run {HOW}")


def target(asked: Asked) -> str:
    """What the playground shall show, as the role `{playground}` writes it."""
    source = f"&source={asked.source}" if asked.source else ""
    return f"prompt={asked.prompt}{source}"


class SmallPlayground(SphinxDirective):
    """`{small-playground}`: a question, the figure, and a link to the large playground."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = dict.fromkeys(OPTIONS, directives.unchanged_required)

    def run(self) -> list[nodes.Node]:
        """The figure under its question; a warning, which fails a build, where it cannot be."""
        try:
            asked = Asked.of(self.options)
            html = figure(asked).html()
        except ChapterError as error:
            return [self.state.document.reporter.warning(str(error), line=self.lineno)]
        box = nodes.container(classes=["course-small-playground"])
        self.state.nested_parse(self.content, self.content_offset, box)
        more = nodes.paragraph(classes=["course-first-more"])
        link = nodes.reference("", "Open this prompt in the playground", internal=True)
        link["playground"], link["refuri"] = playground.query(target(asked)), ""
        more += link
        box += [nodes.raw("", html, format="html"), more]
        return [box]


def setup(app: Sphinx) -> None:
    """Called by the course's extension."""
    app.add_directive(NAME, SmallPlayground)
