"""The site: shows stored outputs, executes nothing, asks no other host, and stays small."""

import re
import shutil
from pathlib import Path

import pytest

from support.sample_course import CHAPTER, all_outputs, heatmap, store_outputs, write
from support.site_builds import build, pages, real_site

MOST_BYTES = 300_000
LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc=["']([^"']+)"""
    r"""|<link\b(?=[^>]*\brel=["'](?:stylesheet|preload|icon|manifest)["'])[^>]*?\bhref=["']([^"']+)"""
)
IN_CSS = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    """The sample course, built; tests that change it work on a copy."""
    folder = write(tmp_path_factory.mktemp("sample") / "course")
    result = build(folder, folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def html(folder: Path, doc: str = CHAPTER) -> str:
    return (folder / f"_build/html/book/{doc}.html").read_text("utf8")


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def foreign(addresses) -> list[str]:
    return [a for a in addresses if re.match(r"(?:[a-z]+:)?//", a)]


def test_chapter_that_cannot_run_is_built_with_its_stored_outputs(sample):
    page = html(sample)
    assert "a_module_that_does_not_exist" in page
    assert "4 layers, 12 heads" in page
    assert "Error" not in text(page).replace("RuntimeError", "")


def test_glued_values_stand_in_the_prose_with_their_format(sample):
    assert "The loss is 1.23 nats on pocket ." in text(html(sample))


def test_line_about_the_outputs_follows_the_title(sample):
    page = html(sample)
    title, line, prose = (page.index(s) for s in ("<h1>", 'class="course-outputs', "The loss is"))
    assert title < line < prose


def test_where_only_pocket_is_stored_there_is_nothing_to_switch_to(sample):
    assert not (sample / "_build/html/pocket").exists()
    assert "course-switch" not in html(sample)
    assert "model-choice.js" not in html(sample)


def test_page_without_code_has_no_line_about_outputs(sample):
    assert "course-outputs" not in html(sample, "intro")


@pytest.mark.parametrize(
    ("doc", "expected"),
    [
        ("intro", []),
        ("week2/02_prose", ["tex-chtml.js"]),
        (CHAPTER, ["tex-chtml.js", "plotly-cartesian.min.js", "iife.js", "course-figs.js"]),
    ],
)
def test_page_loads_the_large_scripts_that_it_needs_and_no_others(sample, doc, expected):
    loaded = [
        address.split("?")[0].split("/")[-1] for address, _ in LOADED.findall(html(sample, doc))
    ]
    large = {"tex-chtml.js", "plotly-cartesian.min.js", "iife.js", "course-figs.js"}
    assert [name for name in loaded if name in large] == expected


def test_page_is_read_again_when_only_its_outputs_change(sample, tmp_path):
    folder = shutil.copytree(sample, tmp_path / "course", symlinks=True)
    assert build(folder, folder).returncode == 0  # the copy's paths differ: now all is up to date
    outs = all_outputs()
    outs[1] = [heatmap("Scores after another run")]
    store_outputs(folder, outs)
    assert build(folder, folder).returncode == 0
    assert "Scores after another run" in html(folder)


def test_changed_code_fails_the_build_and_names_page_cell_and_command(sample, tmp_path):
    folder = shutil.copytree(sample, tmp_path / "course", symlinks=True)
    path = folder / f"book/{CHAPTER}.md"
    path.write_text(path.read_text().replace("\ncurves\n", "\nother_curves\n"))
    result = build(folder, folder)
    assert result.returncode != 0
    assert CHAPTER in result.stderr
    assert "code cell 3" in result.stderr
    assert f"mi-course run {CHAPTER}" in result.stderr


def test_missing_outputs_fail_the_build_and_execute_nothing(sample, tmp_path):
    folder = shutil.copytree(sample, tmp_path / "course", symlinks=True)
    shutil.rmtree(folder / "book/outputs")
    result = build(folder, folder)
    assert result.returncode != 0
    assert f"no stored outputs; run `mi-course run {CHAPTER}`" in result.stderr
    assert "a_module_that_does_not_exist" in html(folder)
    assert "ModuleNotFoundError" not in html(folder)


def test_course_builds_without_a_warning():
    assert (real_site() / "index.html").is_file()


def test_no_page_loads_anything_from_another_host():
    for page in real_site().rglob("*.html"):
        found = [a or b for a, b in LOADED.findall(page.read_text("utf8"))]
        assert foreign(found) == [], page.name


def test_no_style_sheet_loads_anything_from_another_host():
    for sheet in real_site().rglob("*.css"):
        found = [a or b for a, b in IN_CSS.findall(sheet.read_text("utf8"))]
        assert foreign(found) == [], sheet.name


def test_every_page_is_small():
    sizes = {page.name: page.stat().st_size for page in pages(real_site())}
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES} == {}


def test_every_image_says_what_it_shows():
    for page in pages(real_site()):
        for image in re.findall(r"<img\b[^>]*>", page.read_text("utf8")):
            assert "alt=" in image, (page.name, image)
        article = re.search(r"<article.*</article>", page.read_text("utf8"), re.S)[0]
        for image in re.findall(r"<img\b[^>]*>", article):
            assert re.search(r'alt="[^"]{10,}"', image), (page.name, image)


def test_no_figure_is_stored_as_a_program():
    for page in pages(real_site()):
        body = page.read_text("utf8")
        assert "Plotly.newPlot" not in body, page.name
        assert "require([" not in body, page.name
