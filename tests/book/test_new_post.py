"""A post is started without harm to what exists, and its page is in the learner's site."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
import yaml

from mi_course.book import chapters, new_post, store
from mi_course.cli.main import main
from support import sample_course, site_builds

ODD = 'What\'s in  a\n{title}? "Ünïcode", $x_1$, [a](b) <b> & `c` *d* # é'


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A small course; the command is called in its folder."""
    root = sample_course.write(tmp_path / "course", sample_course.all_outputs())
    monkeypatch.chdir(root)
    return root


def everything(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Do MLPs read the position?", "do-mlps-read-the-position"),
        (ODD, "what-s-in-a-title-unicode-x-1-a-b-b-c-d-e"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\con", "c-con"),
        ("Позиция в слоях", "позиция-в-слоях"),
        ("  --help  ", "help"),
        ("x" * 200, "x" * 60),
        ("word " * 40, "-".join(["word"] * 12)),
    ],
)
def test_a_title_becomes_a_file_name_that_stays_in_its_folder(title, name):
    assert new_post.file_name(title) == name
    assert len(name) <= 60
    assert Path(name).name == name


@pytest.mark.parametrize("title", ["???", "", "_", "—"])
def test_a_title_without_letters_is_one_sentence_and_changes_nothing(course, title, capsys):
    before = everything(course)
    assert main(["new-post", title]) == 1
    assert capsys.readouterr().err == (
        f"mi-course: the title {title!r} has no letter or digit to name a file after\n"
    )
    assert everything(course) == before


def test_an_existing_post_is_left_as_it_is(course, capsys):
    assert main(["new-post", "My", "post", "--no-run"]) == 0
    post = course / "book/posts/my-post.md"
    post.write_text("# My post\n\nThree words more.\n", encoding="utf8")
    before = everything(course)
    capsys.readouterr()
    assert main(["new-post", "my post!"]) == 1
    assert capsys.readouterr().err == (
        "mi-course: book/posts/my-post.md exists already, with 5 words, and was left as it is: "
        "edit it, or choose another title\n"
    )
    assert everything(course) == before


def test_outside_of_a_course_nothing_is_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(chapters, "__file__", str(tmp_path / "a/b/c/chapters.py"))
    (tmp_path / "empty").mkdir()
    assert main(["new-post", "My post", "--root", str(tmp_path / "empty")]) == 1
    assert "no course here" in capsys.readouterr().err
    assert main(["new-post", "My post", "--root", str(tmp_path / "missing")]) == 1
    assert "no such folder" in capsys.readouterr().err
    assert list(tmp_path.rglob("*.md")) == []


def test_posts_gather_in_a_part_of_their_own_and_the_rest_of_the_contents_stays():
    one = new_post.with_post(sample_course.TOC, "book/posts/one")
    assert one == sample_course.TOC + (
        "  - caption: Your posts\n    chapters:\n      - file: book/posts/one\n"
    )
    moved = one.replace(
        "  - caption: Week 2",
        "  - caption: Before\n    chapters:\n      - file: x\n  - caption: Week 2",
    )
    two = new_post.with_post(moved, "book/posts/two")
    assert two == moved + "      - file: book/posts/two\n"
    assert new_post.with_post(two, "book/posts/one") == two
    first = "parts:\n  - caption: Your posts\n    chapters:\n      - file: a\n  - caption: B\n"
    assert yaml.safe_load(new_post.with_post(first, "c"))["parts"][0]["chapters"] == [
        {"file": "a"},
        {"file": "c"},
    ]


@pytest.mark.parametrize(
    ("toc", "words"),
    [
        ("format: jb-book\nroot: book/intro\n", "holds no list of parts"),
        ("parts: [\n", "holds no list of parts"),
        (
            "parts:\n- caption: A\n  chapters:\n  - file: b\n",
            "add book/posts/my-post to it by hand",
        ),
        (
            "parts:\n  - caption: A\n    chapters:\n      - file: b\nroot: book/intro\n",
            "add book/posts/my-post to it by hand",
        ),
    ],
)
def test_contents_of_another_form_are_left_alone(course, toc, words, capsys):
    (course / "_toc.yml").write_text(toc, encoding="utf8")
    before = everything(course)
    assert main(["new-post", "My post"]) == 1
    assert words in capsys.readouterr().err
    assert everything(course) == before


def test_windows_line_ends_of_the_contents_are_kept():
    toc = sample_course.TOC.replace("\n", "\r\n")
    assert new_post.with_post(toc, "book/posts/one").count("\r\n") == toc.count("\r\n") + 3


def test_words_are_those_that_a_reader_reads(course):
    text = (
        "---\nkernelspec: {name: python3}\n---\n\n# Two words\n\n"
        "A [link](https://example.org/a-long-path) and *one* more - no dash.\n\n"
        "```{code-cell} ipython3\nx = 'code is no prose'\n```\n"
    )
    (course / "book/posts").mkdir()
    (course / "book/posts/a.md").write_text(text, encoding="utf8")
    assert new_post.count_words(chapters.Chapter(course, "posts/a")) == 9


def test_the_model_post_has_about_500_words_and_types_no_number():
    root = site_builds.ROOT
    assert 450 <= new_post.count_words(chapters.Chapter(root, "week4/model_post")) <= 550
    prose = "\n".join(
        cell.source
        for cell in chapters.Chapter(root, "week4/model_post").notebook.cells
        if cell.cell_type == "markdown"
    )
    computed = re.compile(r"\{(?:glue:text|claim[\w-]*)\}`[^`]*`")
    glued = computed.sub("", prose)
    digits = re.findall(r"\S*\d\S*", re.sub(r"\]\([^)]*\)", "]", glued))
    # names of models, the position of BOS, and conventions of statistics: none was measured
    assert set(digits) <= {"GPT-2-style", "0", "95"}
    assert len(computed.findall(prose)) > 20


@pytest.mark.slow
def test_a_new_post_runs_and_stands_in_the_site_with_outputs_of_its_own(course, capsys):
    assert main(["new-post", ODD]) == 0
    told = capsys.readouterr().out
    doc = f"posts/{new_post.file_name(ODD)}"
    assert f"new        {doc} (pocket, " in told
    assert f"`mi-course run {doc}` runs its cells again" in told
    chapter = chapters.named(course, doc)
    assert store.stale_reason(chapter, "pocket") is None

    result = site_builds.build(course, course)
    assert result.returncode == 0, result.stderr
    page = (course / f"_build/html/book/{doc}.html").read_text("utf8")
    assert 'class="course-fig course-plotly"' in page
    text = " ".join(html.unescape(re.sub(r"<[^>]*>", "", page)).split())
    assert "prompts the logit difference of pocket goes from" in text
    plain = text.translate(str.maketrans("“”’", '""\''))  # as the site sets quotation marks
    assert " ".join(ODD.split()) in plain
    intro = (course / "_build/html/book/intro.html").read_text("utf8")
    assert f"{doc}.html" in intro  # in the sidebar
