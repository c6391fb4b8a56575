"""The site prefers GPT-2: with its outputs stored, `pocket` is one click away and remembered.

GPT-2's outputs are made up here, in a folder of the test's own.
"""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from sphinx.errors import SphinxError

from mi_course.book.site import launch, model_sites
from support import browser
from support.sample_course import CHAPTER, all_outputs, store_outputs, write
from support.site_builds import build

PAGE = f"book/{CHAPTER}.html"
PROSE = "book/week2/02_prose.html"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The sample course with both models' outputs, as it is published."""
    folder = write(tmp_path_factory.mktemp("both") / "course")
    store_outputs(folder, all_outputs("GPT-2 small", 3.21987), "gpt2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(launch.VARIABLE, "octocat/course")
        result = build(folder, folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "_build/html"


def text(site, page):
    found = re.sub(r"<script.*?</script>|<[^>]*>", " ", (site / page).read_text("utf8"), flags=re.S)
    return " ".join(found.split())


def test_every_sentence_is_true_of_the_model_that_its_page_shows(site):
    gpt2, pocket = text(site, PAGE), text(site, f"pocket/{PAGE}")
    assert "The loss is 3.22 nats on GPT-2 small ." in gpt2
    assert "Outputs: GPT-2 small" in gpt2
    assert "The loss is 1.23 nats on pocket ." in pocket
    assert "Outputs: pocket, the small model" in pocket
    assert "a loss of 3.22 nats" in text(site, PROSE)
    assert "a loss of 1.23 nats" in text(site, f"pocket/{PROSE}")


def test_search_engines_and_the_search_are_led_to_the_main_page_alone(site):
    assert "/pocket/" not in (site / "sitemap.xml").read_text()
    assert "pocket/" not in re.search(r"docnames.*?\]", (site / "searchindex.js").read_text())[0]
    canonical = re.compile(r'<link rel="canonical" href="([^"]+)"')
    for page in (PAGE, f"pocket/{PAGE}"):
        found = canonical.findall((site / page).read_text("utf8"))
        assert found == [f"https://octocat.github.io/course/{PAGE}"]


def test_a_page_without_outputs_has_no_switch(site):
    assert "course-switch" not in (site / PROSE).read_text("utf8")
    assert "model-choice.js" not in (site / PROSE).read_text("utf8")


def test_when_no_chapter_shows_gpt2_any_more_the_second_site_goes(tmp_path):
    folder = write(tmp_path / "course")
    out = folder / "_build/html"
    (out / "pocket").mkdir(parents=True)  # of an earlier build
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), srcdir=folder, outdir=out)
    builds = model_sites.start_others(app)
    assert builds == []
    model_sites.finish_others(app, builds, None)
    assert not (out / "pocket").exists()


def test_a_site_that_fails_takes_the_one_beside_it_along(tmp_path):
    folder = write(tmp_path / "course")
    build = model_sites._start(folder, "pocket")
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=folder / "_build/html")
    model_sites.finish_others(app, [build], ValueError("the first site stopped"))
    assert build.process.returncode != 0
    assert not Path(build.folder.name).exists()
    assert not (folder / "_build/html/pocket").exists()


def test_a_second_site_that_does_not_build_fails_the_first_and_says_whose_it_is(tmp_path):
    folder = write(tmp_path / "course")
    build = model_sites._start(folder, "pocket")
    build.process.kill()
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=folder / "_build/html")
    with pytest.raises(SphinxError, match="outputs of pocket do not build"):
        model_sites.finish_others(app, [build], None)


@pytest.fixture(scope="module")
def opened(site):
    with browser.served(site) as base, browser.launched() as chromium:
        yield chromium, base


def outputs_line(page):
    return page.text_content(".course-outputs")


@pytest.mark.browser
def test_the_choice_is_one_click_keeps_the_section_and_is_remembered(opened):
    chromium, base = opened
    with browser.visit(chromium, base, f"{PAGE}#figures", browser.PHONE) as seen:
        page = seen.page
        assert "GPT-2 small" in outputs_line(page)
        page.get_by_text("Show pocket’s outputs instead.").click()
        page.wait_for_url(f"{base}pocket/{PAGE}#figures")
        assert "pocket, the small model" in outputs_line(page)
        page.goto(f"{base}{PROSE}")
        page.goto(f"{base}{PAGE}#figures")  # as from a bookmark
        page.wait_for_url(f"{base}pocket/{PAGE}#figures")
        page.get_by_text("Show GPT-2’s outputs instead.").click()
        page.wait_for_url(f"{base}{PAGE}#figures")
        page.reload()
        assert page.url == f"{base}{PAGE}#figures"
        assert "GPT-2 small" in outputs_line(page)
    assert seen.problems == []


@pytest.mark.browser
def test_without_scripts_the_main_page_shows_gpt2_and_the_link_leads_to_pocket(opened):
    chromium, base = opened
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(base + PAGE)
    assert "GPT-2 small" in outputs_line(page)
    page.click("a.course-switch")
    assert page.url == f"{base}pocket/{PAGE}"
    assert "pocket, the small model" in outputs_line(page)
    page.click("a.course-switch")
    assert page.url == f"{base}{PAGE}"
    context.close()


@pytest.mark.browser
def test_with_storage_that_is_off_the_switch_is_a_link(opened):
    chromium, base = opened
    with browser.visit(chromium, base, PAGE, browser.DESKTOP) as seen:
        broken = "{get() { throw new Error('off') }}"
        seen.page.add_init_script(f"Object.defineProperty(window, 'localStorage', {broken})")
        seen.page.reload()
        seen.page.click("a.course-switch")
        seen.page.wait_for_url(f"{base}pocket/{PAGE}")


def test_a_site_within_another_one_loads_from_there_what_both_have_alike(tmp_path):
    first, inner = tmp_path, tmp_path / "pocket"
    texts = {
        first / "_static/a.js": "same",
        first / "_static/own.js": "of the first",
        inner / "_static/a.js": "same",
        inner / "_static/own.js": "of the inner one",
        inner / "_static/alone.js": "same",
        inner / "index.html": '<script src="_static/a.js?v=1"></script>',
        inner / "book/week2/page.html": '<script src="../../_static/a.js"></script>'
        '<link href="../../_static/own.js"> and <a href="../../_static/alone.js">é _static/a.js',
    }
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")
    model_sites.share_static(inner, first)
    assert (inner / "index.html").read_text() == '<script src="../_static/a.js?v=1"></script>'
    page = (inner / "book/week2/page.html").read_text("utf8")
    assert 'src="../../../_static/a.js"' in page
    assert 'href="../../_static/own.js"' in page
    assert 'href="../../_static/alone.js">é _static/a.js' in page
    kept = sorted(path.name for path in (inner / "_static").iterdir())
    assert kept == ["alone.js", "own.js"]
    assert (first / "_static/a.js").read_text() == "same"
