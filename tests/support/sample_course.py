"""A course of three pages that uses everything a page may hold, with outputs stored by hand.

Its chapter's code raises on the first line, so a page that shows outputs was not executed.
"""

from __future__ import annotations

import base64
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_output

from mi_course.book import code_used, outputs, store
from mi_course.book.chapters import Chapter
from mi_course.models import registry
from support.outside import ROOT

MODEL = {"name": "pocket", "sha256": registry.known_sha256(registry.POCKET), "revision": ""}
VERSIONS = {"python": "3.11", "torch": "2.13.0"}
CHAPTER = "week2/01_sample"

TOC = """format: jb-book
root: book/intro
parts:
  - caption: Week 2
    chapters:
      - file: book/week2/01_sample
      - file: book/week2/02_prose
"""
INTRO = """# A sample course

Plain text, no code, no math.

| week | what |
| --- | --- |
| 1 | a table |
"""
PROSE = r"""# A page with math

Inline $\mathrm{softmax}(QK^\top/\sqrt{d})$, and $$\sum_{i=1}^n \mathcal{L}_i \in \mathbb{R}$$

The page before had a loss of {glue:text}`01_sample.md::loss:.2f` nats.
"""
SAMPLE = r"""---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# A sample chapter

The loss is {glue:text}`loss:.2f` nats on {glue:text}`model`.

```{code-cell} ipython3
import a_module_that_does_not_exist

raise RuntimeError("the build executed this cell")
```

## Figures

```{code-cell} ipython3
:tags: [hide-input]

heatmap
```

```{code-cell} ipython3
curves
```

```{code-cell} ipython3
attention
```

## An exercise

```{exercise-start} Continue the pattern
:label: ex-sample
```
*Easy, 15 minutes.* Write it, with $x^2$ in it, and a long name:
`blocks.0.attn.hook_attn_scores_before_mask`.
```{exercise-end}
```

```{dropdown} Hint 1: where to look
Walk backwards.
```

```{solution-start} ex-sample
:class: dropdown
```

```{code-cell} ipython3
:tags: [exercise-sample]

def sample(tokens):
    return tokens[-1]  # a line of code that is so long that a phone cannot show all of it
```

```{solution-end}
```

```{code-cell} ipython3
:tags: [remove-cell, glue-only]

glue("loss", 1.23456)
```

| a | wide | table | with | many | columns | that | a | phone | cannot | show | whole |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| 1.234567 | 2.345678 | 3.456789 | 4.567890 | 5.678901 | 6.789 | 7.890 | 8 | 9 | 10 | 11 | 12 |

```{admonition} Without looking
Which head looks back?
```
"""


def typed(rows: Sequence[Sequence[float]]) -> dict:
    """Numbers as plotly.py stores an array."""
    flat = [number for row in rows for number in row]
    data = base64.b64encode(struct.pack(f"<{len(flat)}d", *flat)).decode()
    return {"dtype": "f8", "bdata": data, "shape": f"{len(rows)}, {len(rows[0])}"}


def heatmap(title: str = "Scores of every head") -> NotebookNode:
    rows = [[((3 * i + j) % 7) / 6 for j in range(12)] for i in range(4)]
    trace = {
        "type": "heatmap",
        "z": typed(rows),
        "text": [[f"{i}.{j}" for j in range(12)] for i in range(4)],
        "texttemplate": "%{z:.2f}",
        "colorscale": "Blues",
    }
    return plotly([trace], {"title": {"text": title}, "height": 340})


def curves() -> NotebookNode:
    trace = {"type": "scatter", "mode": "lines", "x": [0, 1, 2, 3], "y": [3.0, 1.5, 0.2, 0.1]}
    return plotly([{**trace, "name": "first half"}], {"title": {"text": "Loss <i>in nats</i>"}})


def plotly(data: list[dict], layout: dict) -> NotebookNode:
    return new_output("display_data", data={outputs.PLOTLY: {"data": data, "layout": layout}})


def attention(component: str = "AttentionHeads") -> NotebookNode:
    pattern = [[1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.1, 0.8, 0.1, 0], [0, 0.9, 0.1, 0]]
    props = {
        "attention": [pattern, pattern],
        "tokens": ["<|endoftext|>", " A", " B", "</script>"],
        "attentionHeadNames": ["0.1", "1.2"],
    }
    data = {outputs.CIRCUITSVIS: {"component": component, "props": props}}
    return new_output("display_data", data=data)


def glued(name: str, text: str) -> NotebookNode:
    scrapbook = {"mime_prefix": "application/papermill.record/", "name": name}
    return new_output("display_data", data={outputs.GLUE: text}, metadata={"scrapbook": scrapbook})


def all_outputs(model: str = "pocket", loss: float = 1.23456) -> list[list[NotebookNode]]:
    """The outputs of the sample chapter, cell by cell."""
    printed = new_output("stream", name="stdout", text="4 layers, 12 heads\n")
    numbers = [glued("loss", str(loss)), glued("model", f"'{model}'")]
    return [[printed], [heatmap()], [curves()], [attention()], [], numbers]


def write(folder: Path, outs: list[list[NotebookNode]] | None = None) -> Path:
    """Write the sample course into an empty folder, with the project's own settings and style."""
    (folder / "book/week2").mkdir(parents=True)
    shutil.copy(ROOT / "_config.yml", folder)
    (folder / "_toc.yml").write_text(TOC)
    (folder / "code").symlink_to(ROOT / "code")
    (folder / "book/_static").symlink_to(ROOT / "book/_static")
    (folder / "book/references.bib").write_text("")
    (folder / "book/intro.md").write_text(INTRO)
    (folder / "book/week2/02_prose.md").write_text(PROSE)
    (folder / f"book/{CHAPTER}.md").write_text(SAMPLE)
    store_outputs(folder, all_outputs() if outs is None else outs)
    return folder


def store_outputs(
    folder: Path, outs: list[list[NotebookNode]], model: str = "pocket", doc: str = CHAPTER
) -> Path:
    """Store outputs for a chapter, by default the sample, as `mi-course run` would."""
    chapter = Chapter(folder, doc)
    known = registry.find(model) or registry.GPT2  # whose entry a made-up model copies
    label = {"name": model, "sha256": registry.known_sha256(known), "revision": known.revision}
    code = "" if model == "pocket" else code_used.digest(chapter.cells, folder)
    normal = [outputs.normalise(o) for o in outs]
    result = store.Result(chapter.cells, normal, label, VERSIONS, code)
    path = chapter.stored(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(store.to_bytes(store.build(result, "2026-01-02")))
    return path
