"""A model more is an entry of the registry: its pages, its switch, and what is stale of it.

The model is made up, and so are its outputs, in a folder of the test's own.
"""

import dataclasses
import re

import pytest

from mi_course.book.chapters import Chapter
from mi_course.book.site import page_model
from mi_course.models import registry
from support import browser
from support.sample_course import CHAPTER, SAMPLE, TOC, all_outputs, store_outputs, write
from support.site_builds import build

pytestmark = pytest.mark.slow  # builds a site of its own

PAGE = f"book/{CHAPTER}.html"
PROSE = "book/week2/02_prose.html"
OTHER = "week2/03_other"
OTHER_PAGE = f"book/{OTHER}.html"
REGISTERED = """from dataclasses import replace

from mi_course.models import registry

third = replace(registry.GPT2, name="third", display="Third 1B", short="Third")
registry.MODELS = (registry.GPT2, third, registry.POCKET)


def setup(app):
    return {"parallel_read_safe": True, "parallel_write_safe": True}
"""
HIDDEN = (
    "Outputs of Third 1B are stored for this page, but its code has changed since; they are "
    "hidden until somebody runs it on Third 1B again."
)


def register(folder):
    """Let every build of this course know a third model, by an extension of its own."""
    (folder / "third_model.py").write_text(REGISTERED)
    config = (folder / "_config.yml").read_text("utf8")
    config = config.replace("  local_extensions:\n", "  local_extensions:\n    third_model: .\n")
    config = config.replace("      - myst_nb\n", "      - myst_nb\n      - third_model\n")
    assert config.count("third_model") == 2
    (folder / "_config.yml").write_text(config, "utf8")


def stale(stored):
    stored.write_text(stored.read_text("utf8").replace('"heatmap"', '"other"'), "utf8")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A chapter with fresh outputs of three models, and one whose third model's are stale."""
    folder = write(tmp_path_factory.mktemp("three") / "course")
    register(folder)
    (folder / f"book/{OTHER}.md").write_text(SAMPLE.replace("ex-sample", "ex-other"))
    (folder / "_toc.yml").write_text(f"{TOC}      - file: book/{OTHER}\n")
    store_outputs(folder, all_outputs("GPT-2 small", 3.21987), "gpt2")
    store_outputs(folder, all_outputs("Third 1B", 2.46811), "third")
    store_outputs(folder, all_outputs(), doc=OTHER)
    stale(store_outputs(folder, all_outputs("Third 1B", 9.99), "third", OTHER))
    result = build(folder, folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "_build/html"


def text(site, page):
    found = re.sub(r"<script.*?</script>|<[^>]*>", " ", (site / page).read_text("utf8"), flags=re.S)
    return " ".join(found.split())


def switches(site, page):
    link = r'<a class="course-switch[^"]*" href="([^"]*)">Show (\w[\w-]*)’s outputs instead'
    return {name: href for href, name in re.findall(link, (site / page).read_text("utf8"))}


def test_its_pages_say_what_is_true_of_it(site):
    third = text(site, f"third/{PAGE}")
    assert "The loss is 2.47 nats on Third 1B ." in third
    assert "Outputs: Third 1B (weights 248dfc39)." in third
    assert "It is not GPT-2 small, and its numbers are not GPT-2’s." in third
    assert "a loss of 2.47 nats" in text(site, f"third/{PROSE}")
    assert "The loss is 3.22 nats on GPT-2 small ." in text(site, PAGE)
    assert "The loss is 1.23 nats on pocket ." in text(site, f"pocket/{PAGE}")


def test_each_page_leads_to_its_twins_on_the_other_models(site):
    here = "../../book/week2/01_sample.html"
    up = f"../{here}"
    third, pocket = ("third/book/week2/01_sample.html", "pocket/book/week2/01_sample.html")
    assert switches(site, PAGE) == {"Third": f"../../{third}", "pocket": f"../../{pocket}"}
    assert switches(site, f"third/{PAGE}") == {"GPT-2": up, "pocket": f"../../../{pocket}"}
    assert switches(site, f"pocket/{PAGE}") == {"GPT-2": up, "Third": f"../../../{third}"}


def test_its_stale_outputs_are_hidden_with_the_reason(site):
    for page in (OTHER_PAGE, f"third/{OTHER_PAGE}", f"pocket/{OTHER_PAGE}"):
        shown = text(site, page)
        assert "The loss is 1.23 nats on pocket ." in shown
        assert HIDDEN in shown
        assert switches(site, page) == {}


@pytest.mark.slow
@pytest.mark.browser
def test_the_choice_among_three_is_remembered(site):
    with browser.served(site) as base, browser.launched() as chromium:
        with browser.visit(chromium, base, f"{PAGE}#figures", browser.DESKTOP) as seen:
            page = seen.page
            page.get_by_text("Show Third’s outputs instead.").click()
            page.wait_for_url(f"{base}third/{PAGE}#figures")
            page.goto(f"{base}{PAGE}")  # as from a bookmark
            page.wait_for_url(f"{base}third/{PAGE}")
            page.get_by_text("Show pocket’s outputs instead.").click()
            page.wait_for_url(f"{base}pocket/{PAGE}")
            page.goto(f"{base}{PAGE}")
            page.wait_for_url(f"{base}pocket/{PAGE}")
            page.get_by_text("Show GPT-2’s outputs instead.").click()
            page.wait_for_url(f"{base}{PAGE}")
            page.reload()
            assert page.url == f"{base}{PAGE}"
        assert seen.problems == []


@pytest.fixture
def course(tmp_path, monkeypatch):
    """The sample course, with a third model that anyone can run."""
    third = dataclasses.replace(registry.GPT2, name="third", display="Third 1B", found="package")
    monkeypatch.setattr(registry, "MODELS", (registry.GPT2, third, registry.POCKET))
    return write(tmp_path / "course")


def test_stale_outputs_are_a_complaint_where_anyone_can_mend_them(course):
    chapter = Chapter(course, CHAPTER)
    assert page_model.choose(chapter).reason is None  # it may lack what the chapter studies
    stored = store_outputs(course, all_outputs("Third 1B"), "third")
    assert page_model.choose(chapter).model == "third"
    stale(stored)
    what = page_model.choose(chapter)
    assert what.model == "pocket"
    assert what.reason.endswith("run `mi-course run week2/01_sample --model third`")
    assert what.hidden is None


def test_a_build_that_prefers_a_model_shows_the_next_one_where_it_has_nothing(course):
    chapter = Chapter(course, CHAPTER)
    store_outputs(course, all_outputs("GPT-2 small"), "gpt2")
    assert page_model.choose(chapter, "third").model == "gpt2"
    store_outputs(course, all_outputs("Third 1B"), "third")
    assert page_model.choose(chapter, "third").model == "third"
    assert page_model.choose(chapter, "third").others == ("gpt2", "pocket")
