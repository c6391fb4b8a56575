"""A learner's notebook: plain Markdown, stubs for solutions, and no raw MyST."""

from __future__ import annotations

import base64
import re

import nbformat
import pytest
from nbformat import NotebookNode

from mi_course.book import chapters
from mi_course.book.chapters import ChapterError
from mi_course.book.notebook import bibliography, directives, learner_notebook
from mi_course.book.notebook.markdown import Converter
from mi_course.book.notebook.targets import Page
from mi_course.book.outputs import GLUE
from mi_course.book.site import launch
from support import stored_claims
from support.small_course import cell, label, shown

EXERCISE = """```{exercise-start} Double a *number*
:label: ex-double
```
*Easy, 5 minutes.* Write `double(x)`.
```{exercise-end}
```

:::{dropdown} Hint 1: the `*` sign
Two times {math}`x`.
:::

```{solution-start} ex-double
:class: dropdown
```

This prose gives the solution away.

:::{note}
So does a box that gives the solution away.
:::

"""
SOLUTION = '''def double(x: int) -> int:
    """Twice x."""
    ### BEGIN SOLUTION
    secret = 2
    return secret * x
    ### END SOLUTION'''
AFTER = """
```{solution-end}
```

Text after it.

"""
BIBLIOGRAPHY = """@article{wang2023,
  title = {A {GPT-2} Circuit},
  author = {Wang, Kevin and Variengien, A and Conmy, A},
  year = 2023,
  eprint = {2211.00593},
  archiveprefix = "arXiv"
}
@misc{vig, author = {Jesse Vig and Yonatan Belinkov}, year = {2019}, url = {https://x.org}}
"""
RAW = re.compile(r"^\s*(`{3,}|:{3,})\{|\{[\w:-]+\}`|^\([\w-]+\)=$|^\+\+\+", re.MULTILINE)


@pytest.fixture
def convert(project):
    """Convert a piece of MyST of a chapter `week1/01_a`."""
    project.write("week1/01_a", cell("1"))
    page = Page(project.chapter("week1/01_a"))
    return lambda text, line=1: Converter(page, directives.convert).convert(text, line)


def code_of(notebook) -> list[str]:
    return [c.source for c in notebook.cells if c.cell_type == "code"][1:]


def text_of(notebook) -> str:
    return "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def test_a_solution_becomes_a_stub_with_signature_and_docstring(project):
    project.write(
        "week1/01_a",
        f"# A\n\n{EXERCISE}{cell(SOLUTION, 'exercise-double')}{AFTER}{cell('double(2)')}",
    )
    notebook = learner_notebook.learner_notebook(project.chapter("week1/01_a"))
    solution, after = code_of(notebook)
    assert after == "double(2)"
    assert "secret" not in solution
    namespace: dict = {}
    exec(compile(solution, "cell", "exec", dont_inherit=True), namespace)
    assert namespace["double"].__doc__ == "Twice x."
    assert namespace["double"].__annotations__ == {"x": int, "return": int}
    with pytest.raises(NotImplementedError, match="Exercise double: write your code here"):
        namespace["double"](1)


def test_exercise_hints_and_pointer_read_well_and_the_solutions_prose_is_gone(project):
    project.write("a", f"# A\n\n{EXERCISE}{cell(SOLUTION, 'exercise-double')}{AFTER}{cell('1')}")
    text = text_of(learner_notebook.learner_notebook(project.chapter("a")))
    assert "### Exercise 1: Double a *number*\n\n*Easy, 5 minutes.* Write" in text
    assert "<summary>Hint 1: the <code>*</code> sign</summary>\n\nTwo times $x$." in text
    assert "gives the solution away" not in text
    assert "Note" not in text
    assert "A solution to compare with is on this chapter's page" in text
    assert "Text after it." in text
    assert text.endswith(
        "## Checklist\n\nEach of these checks says *passed*:\n\n- [ ] Exercise 1: Double a *number*"
    )


def test_the_first_cell_installs_the_course_where_it_is_missing(project, monkeypatch):
    project.write("a", cell("1"))
    (project.root / "pyproject.toml").write_text('[project]\nname = "mi-course"\nversion = "1.2"\n')
    monkeypatch.setenv(launch.VARIABLE, "octocat/fork")
    wheel = "octocat/fork/notebooks/mi_course-1.2-py3-none-any.whl"
    first = learner_notebook.learner_notebook(project.chapter("a")).cells[0]
    assert 'if importlib.util.find_spec("mi_course") is None:' in first.source
    assert f"%pip install -q https://raw.githubusercontent.com/{wheel}" in first.source
    monkeypatch.delenv(launch.VARIABLE)
    own = learner_notebook.learner_notebook(project.chapter("a")).cells[0]
    assert "%pip" not in own.source
    assert "its README says how" in own.source


def test_the_first_cell_says_which_model_the_page_shows(project):
    project.write("a", cell("from mi_course import models\nmodel = models.load()"))

    def first() -> str:
        return learner_notebook.learner_notebook(project.chapter("a")).cells[0].source

    assert "page_shows" not in first()  # nothing is stored
    project.save("a", [[]])
    assert first().endswith('from mi_course import models\n\nmodels.page_shows("pocket")')
    project.save("a", [[]], label("smollm2"), folder="smollm2")
    assert first().endswith('models.page_shows("smollm2")')
    compile(first(), "first cell", "exec")
    project.write("a", cell("1"))  # no model is loaded
    assert "page_shows" not in first()


def test_glue_cells_are_dropped_and_their_values_stand_in_the_text(project):
    body = "# A\n\n" + cell("x = 0.5") + cell("glue('x', x)", "remove-cell, glue-only")
    project.write("a", body + "Loss {glue:text}`x:.2f` of {glue:text}`head`.\n")
    glued = [
        shown({GLUE: repr(value)}, metadata=NotebookNode(scrapbook={"name": name}))
        for name, value in {"x": 0.512, "head": "10.10"}.items()
    ]
    project.save("a", [[], glued])
    notebook = learner_notebook.learner_notebook(project.chapter("a"))
    assert code_of(notebook) == ["x = 0.5"]
    assert "Loss 0.51 of 10.10." in text_of(notebook)
    assert "# A\n\n*The numbers in the text come from a run that is kept" in text_of(notebook)


def test_a_claim_stands_in_the_text_as_on_the_page(project, convert):
    stored_claims.store(project.root)
    said = convert(
        f"So: {{claim}}`{stored_claims.NAME}` Or {{claim-effect}}`{stored_claims.NAME}`."
    )
    assert "at its mean (effect 0.40 logits, 95 % interval 0.20 to 0.60; held in 20 of 20" in said
    assert said.strip().endswith("Or 0.40 logits.")


def test_an_unknown_claim_names_its_line(convert):
    with pytest.raises(ChapterError, match=r"01_a\.md, line 2: no claim is named 'week4/x'"):
        convert("Text\nand {claim}`week4/x`", 1)


def test_a_value_that_is_not_stored_names_the_command(convert):
    with pytest.raises(ChapterError, match=r"01_a\.md, line 7: no glued value 'y'.*mi-course run"):
        convert("Text\nand {glue:text}`y`", 6)


def test_a_name_that_only_a_dropped_cell_defines_is_an_error(project):
    project.write("a", cell("from x import y", "glue-only") + "\n" + cell("y + 1"))
    with pytest.raises(ChapterError, match="y defined only in a glue-only cell"):
        learner_notebook.learner_notebook(project.chapter("a"))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def f():\n    return 1", "expected ### BEGIN SOLUTION"),
        ("def f():\n    ### BEGIN SOLUTION\n    return 1", "expected ### BEGIN SOLUTION"),
        ("### END SOLUTION\n1\n### BEGIN SOLUTION", "where the other marker was expected"),
        ("### BEGIN SOLUTION\ndef f():\n    ### END SOLUTION\n    return 1", "is no Python"),
    ],
)
def test_markers_that_do_not_fit_are_an_error(code, message):
    with pytest.raises(ChapterError, match=message):
        learner_notebook.stub(code, "f")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (cell(SOLUTION), "without the tag exercise-NAME"),
        (cell(SOLUTION, "exercise-double"), "no exercise ex-double above it"),
        (EXERCISE + cell("1"), "a cell within a solution needs the tag"),
        (EXERCISE + cell(SOLUTION, "exercise-double"), "solution of 'double' is not closed"),
        ("```{solution-start} ex-x\n```\n" + cell("1"), "'ex-x', which is no exercise above it"),
        ("```{mermaid}\nx\n```\n" + cell("1"), r"line 6: directive \{mermaid\} has no plain form"),
        ("Text {pydoc}`x`.\n\n" + cell("1"), r"line 6: role \{pydoc\} has no plain form"),
        ("Text[^1].\n\n[^1]: Note.\n\n" + cell("1"), "footnote_ref has no plain form"),
        ("{cite:p}`nobody`\n\n" + cell("1"), "no reference 'nobody' in the bibliography"),
        ("{ref}`nowhere`\n\n" + cell("1"), "no label 'nowhere' in the book"),
    ],
)
def test_what_has_no_plain_form_names_file_and_line(project, body, message):
    project.write("a", body)
    with pytest.raises(ChapterError, match=message) as error:
        learner_notebook.learner_notebook(project.chapter("a"))
    assert "book/a.md" in str(error.value)


@pytest.mark.parametrize(
    ("myst", "plain"),
    [
        (":::{note}\nRead `x`.\n:::", "> **Note**\n>\n> Read `x`."),
        ("```{admonition} A title\n:class: tip\nText.\n```", "> **A title**\n>\n> Text."),
        ("```{tip} Own title\nText.\n```", "> **Own title**\n>\n> Text."),
        ("```{margin}\nAside.\n```", "> Aside."),
        ("```{prf:definition} Head\nText.\n```", "> **Definition: Head**\n>\n> Text."),
        ("```{code-block} python\nx = 1\n```", "```python\nx = 1\n```"),
        ("```{math}\nx^2\n```", "$$\nx^2\n$$"),
        ("$$\nx^2\n$$ (eq-1)", "$$\nx^2\n$$"),
        ("(label)=\n## Heading", "## Heading"),
        ("% a remark\n\nText", "Text"),
        ("Above\n\n+++\n\nBelow", "Above\n\nBelow"),
        ("{abbr}`DLA (direct logit attribution)`", "DLA"),
        (
            "H{sub}`2` {kbd}`Enter` {term}`the heads <head>`",
            "H<sub>2</sub> <kbd>Enter</kbd> the heads",
        ),
        ("`{role}` and ``{ref}`x` `` stay", "`{role}` and ``{ref}`x` `` stay"),
        ("``{term}`x` `` shows {term}`x`", "``{term}`x` `` shows x"),
        ("A [link](https://example.org/a.md) stays", "A [link](https://example.org/a.md) stays"),
        ("```python\n{ref}`x`\n```", "```python\n{ref}`x`\n```"),
        ("| a {math}`x` |\n| --- |\n| {math}`y` |", "| a $x$ |\n| --- |\n| $y$ |"),
        ("> quoted {math}`x`", "> quoted $x$"),
        ("- item\n\n  ```{note}\n  Text.\n  ```", "- item\n\n  > **Note**\n  >\n  > Text."),
        ("````{tab-set}\n```{tab-item} One\nText.\n```\n````", "**One**\n\nText."),
        ("```{bibliography}\n```", ""),
        ("$\\{x\\}$ and \\$5", "$\\{x\\}$ and \\$5"),
    ],
)
def test_blocks_and_roles_in_plain_form(convert, myst, plain):
    assert convert(myst) == plain


def test_nested_boxes_keep_their_line_in_errors(convert):
    with pytest.raises(ChapterError, match="line 13: role"):
        convert("Text.\n\n:::{note}\n:class: x\n\nFine.\n\n{nope}`x`\n:::", 6)


def test_citations_link_to_the_paper(project):
    project.write("a", cell("1"))
    (project.root / "book/refs.bib").write_text(BIBLIOGRAPHY)
    convert = Converter(Page(project.chapter("a")), directives.convert).convert
    assert convert("{cite:p}`wang2023, vig`") == (
        "([Wang et al., 2023](https://arxiv.org/abs/2211.00593); "
        "[Vig and Belinkov, 2019](https://x.org))"
    )
    assert convert("{cite:t}`vig`") == "[Vig and Belinkov (2019)](https://x.org)"
    entry = bibliography.read(project.root / "book")["wang2023"]
    assert bibliography.title(entry) == "A GPT-2 Circuit"


def test_links_lead_to_notebooks_or_to_the_site(project):
    project.write("week1/01_a", "# First\n\n(lab)=\n## Labelled\n\n" + cell("1"))
    (project.root / "book/glossary.md").write_text("# Glossary\n")
    (project.root / "_config.yml").write_text("html:\n  baseurl: https://example.org/mi\n")
    project.write("week2/02_b", cell("1"))
    convert = Converter(Page(project.chapter("week2/02_b")), directives.convert).convert
    assert convert("{ref}`lab`") == "[Labelled](../week1/01_a.ipynb)"
    assert convert("{ref}`here <lab>`") == "[here](../week1/01_a.ipynb)"
    assert convert("{doc}`../week1/01_a`") == "[First](../week1/01_a.ipynb)"
    assert convert("[a](../week1/01_a.md#labelled)") == "[a](../week1/01_a.ipynb)"
    assert convert("[g](../glossary.md)") == "[g](https://example.org/mi/book/glossary.html)"
    assert convert("{doc}`g <../glossary>`") == "[g](https://example.org/mi/book/glossary.html)"


def test_figures_travel_within_the_notebook(project, convert):
    (project.root / "book/week1/x.svg").write_text("<svg/>")
    data = base64.b64encode(b"<svg/>").decode()
    figure = '```{figure} x.svg\n:alt: A "box"\n:width: 640px\n\nIts caption.\n```'
    assert convert(figure) == (
        f'<img src="data:image/svg+xml;base64,{data}" alt="A &quot;box&quot;" width="640">\n\n'
        "*Its caption.*"
    )
    colon = "```{image} x.svg\n:alt: From left to right: one, two\n:width: 9\n```"
    assert 'alt="From left to right: one, two" width="9">' in convert(colon)
    with pytest.raises(ChapterError, match=r"01_a\.md, line 1: \{image\}: .*# comments"):
        convert("```{image} x.svg\n:alt: a # b\n```")  # a comment would be lost
    assert convert("See ![b](x.svg).").startswith('See <img src="data:image/svg+xml;base64,')
    with pytest.raises(ChapterError, match=r"line 3: no file y\.svg"):
        convert("```{image} y.svg\n```", 3)


def test_source_of_the_package_is_shown_as_it_stands(project, convert):
    (project.root / "book/week1/m.py").write_text(
        "class A:\n    @property\n    def f(self):\n        return 1\n\n\ndef g():\n    pass\n"
    )
    include = "```{literalinclude} m.py\n:pyobject: A.f\n:language: python\n```"
    assert convert(include) == "```python\n@property\ndef f(self):\n    return 1\n```"
    with pytest.raises(ChapterError, match=r"line 1: m\.py defines no h"):
        convert("```{literalinclude} m.py\n:pyobject: h\n```")


def test_a_notebook_is_the_same_each_time_and_valid(project):
    project.write("a", f"# A\n\n{EXERCISE}{cell(SOLUTION, 'exercise-double')}{AFTER}{cell('1')}")
    one, two = (learner_notebook.learner_notebook(project.chapter("a")) for _ in range(2))
    assert one == two
    nbformat.validate(one)
    assert len({c.id for c in one.cells}) == len(one.cells)
    assert not RAW.search(text_of(one))


def test_the_readers_syntax_is_the_sites():
    import yaml

    from support.small_course import CODE

    config = yaml.safe_load((CODE.parent / "_config.yml").read_text())
    assert set(config["sphinx"]["config"]["myst_enable_extensions"]) == set(chapters.EXTENSIONS)


GIVEN = '''class Block(Module):
    def __init__(self, cfg, width):
        """Of a layer."""
        super().__init__()
        self.cfg = cfg
        self.eps = cfg.eps
        half = width // 2  # given
        ### BEGIN SOLUTION
        self.w = half
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return x
        ### END SOLUTION


depth = [0]
'''


def test_what_learners_are_given_may_stand_beside_a_solution():
    assert "half = width // 2" in learner_notebook.stub(GIVEN, "block")


@pytest.mark.parametrize(
    "code",
    [
        SOLUTION.replace("    ### BEGIN", "    secret = 2\n    ### BEGIN").replace(
            "BEGIN SOLUTION\n    secret = 2", "BEGIN SOLUTION"
        ),
        SOLUTION.replace(
            "    return secret * x\n    ### END SOLUTION", "    ### END SOLUTION\n    return secret"
        ),
        "def f(xs):\n    for secret in xs:\n        ### BEGIN SOLUTION\n        yield secret\n"
        "        ### END SOLUTION",
        "secret = 2\n### BEGIN SOLUTION\ntwice = 2 * secret\n### END SOLUTION",
        GIVEN.replace("self.eps = cfg.eps", "self.secret = Linear(cfg.width)"),
        GIVEN.replace("  # given", ""),
    ],
)
def test_a_line_of_a_solution_outside_the_markers_is_refused(code):
    with pytest.raises(ChapterError, match=r"learners would get '.*(secret|half).*'.*`# given`"):
        learner_notebook.stub(code, "f")
