"""Links to the playground, the file of its model, and the mistakes one can make with both."""

import json
import re
import shutil
from hashlib import sha256

import pytest

from mi_course import models
from mi_course.book.chapters import Chapter, ChapterError
from mi_course.book.notebook import roles
from mi_course.book.notebook.targets import Page
from mi_course.book.site import browser_model
from mi_course.book.site.playground import KEYS, query, split
from mi_course.cli.main import main
from support.outside import ROOT


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("", ""),
        ("prompt=Tom and Amy&head=1.2", "prompt=Tom%20and%20Amy&head=1.2"),
        ("prompt= a b a", "prompt=%20a%20b%20a"),
        ("prompt=Tom and\n  Amy", "prompt=Tom%20and%20Amy"),
        ("prompt=x&change=1.3:zero,resid1:patch@14", "prompt=x&change=1.3:zero,resid1:patch@14"),
        ("prompt=50% #1", "prompt=50%25%20%231"),
        ("prompt=é", "prompt=%C3%A9"),
    ],
)
def test_target_becomes_an_address(target, expected):
    assert query(target) == expected


@pytest.mark.parametrize("target", ["promt=Tom", "prompt=Tom&1.2", "head"])
def test_a_key_that_the_page_does_not_know_is_an_error(target):
    with pytest.raises(ValueError, match="the keys are prompt, answer"):
        query(target)


def test_text_and_target_are_told_apart():
    assert split("Try it <prompt=a < b>") == ("Try it", "prompt=a < b")
    assert split("Try it") == ("Try it", "")


def test_the_keys_are_those_of_the_page():
    script = (ROOT / "book/_static/playground/state.js").read_text()
    assert re.search(r"const KEYS = \[(.*?)\]", script)[1] == ", ".join(f'"{key}"' for key in KEYS)


def test_a_notebook_links_to_the_site_or_says_the_words(tmp_path):
    content = "Try it <prompt=Tom and Amy>"
    page = Page(Chapter(tmp_path, "week1/01_a"))
    said = "Try it (on the site's page *Playground*)"
    assert roles.convert(page, "playground", content) == said
    (tmp_path / "_config.yml").write_text("html:\n  baseurl: https://example.org/mi\n")
    assert roles.convert(Page(Chapter(tmp_path, "week1/01_a")), "playground", content) == (
        "[Try it](https://example.org/mi/book/playground.html?prompt=Tom%20and%20Amy)"
    )
    with pytest.raises(ChapterError, match="the keys are"):
        roles.convert(page, "playground", "Try it <promt=Tom>")


def test_the_command_writes_the_file_that_the_site_has(tmp_path, capsys):
    assert main(["export-browser", "--into", str(tmp_path)]) == 0
    assert "pocket.js: 2,2" in capsys.readouterr().out
    assert (tmp_path / "pocket.js").read_text() == browser_model.content()
    assert main(["export-browser", "--into", str(tmp_path / "pocket.js")]) == 1
    assert "expected a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("damage", "message"), [("weights", "is damaged"), ("size", "train a smaller model")]
)
def test_a_model_that_must_not_be_shown_stops_the_build(tmp_path, damage, message):
    folder = shutil.copytree(models.POCKET_DIR, tmp_path / "pocket")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"0" * 300_000)
    if damage == "size":
        digest = sha256(weights.read_bytes()).hexdigest()
        (folder / "checksums.json").write_text(json.dumps({"model.safetensors": digest}))
    with pytest.raises(ChapterError, match=message):
        browser_model.content(folder)
