"""Launch and edit buttons lead to the right repository, branch and file, or are not there."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from mi_course.book import chapters
from mi_course.book.chapters import ChapterError
from mi_course.book.notebook import workbook
from mi_course.book.site import launch, site_address
from support import browser
from support.sample_course import CHAPTER, write
from support.site_builds import ROOT, build, real_site

HREF = re.compile(r'href="(https://(?:colab|mybinder|github)[^"]*)"')


@pytest.fixture(scope="module")
def forked(tmp_path_factory):
    folder = write(tmp_path_factory.mktemp("forked") / "course")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(launch.VARIABLE, "octocat/my.fork")
        result = build(folder, folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def links(folder: Path, page: str) -> set[str]:
    return set(HREF.findall((folder / f"_build/html/{page}.html").read_text("utf8")))


def test_a_chapter_opens_its_notebook_of_the_forks_branch_and_its_own_source(forked):
    assert links(forked, f"book/{CHAPTER}") == {
        f"https://colab.research.google.com/github/octocat/my.fork/blob/notebooks/{CHAPTER}.ipynb",
        f"https://mybinder.org/v2/gh/octocat/my.fork/notebooks?urlpath=lab/tree/{CHAPTER}.ipynb",
        f"https://github.com/octocat/my.fork/edit/main/book/{CHAPTER}.md",
        "https://github.com/octocat/my.fork",
    }


def test_a_page_without_code_can_be_edited_and_not_launched(forked):
    toc = (forked / "_toc.yml").read_text()
    plain = [
        doc
        for doc in re.findall(r"book/[\w/]+", toc)
        if not chapters.of_source(forked, forked / f"{doc}.md")
    ]
    assert plain
    for doc in plain:
        assert links(forked, doc) == {
            f"https://github.com/octocat/my.fork/edit/main/{doc}.md",
            "https://github.com/octocat/my.fork",
        }


@pytest.mark.slow
def test_every_chapter_of_the_course_launches_a_notebook_that_ci_publishes(tmp_path):
    docs = workbook.select(ROOT, None)
    workbook.write_all(ROOT, docs, tmp_path)
    for doc in docs:
        for address in (launch.colab("a/b", doc), launch.binder("a/b", doc)):
            assert f"/{launch.NOTEBOOKS}" in address
            file = unquote(re.split(r"/blob/notebooks/|lab/tree/", address)[1])
            assert (tmp_path / file).is_file()


def test_ci_publishes_to_the_branch_that_the_buttons_open():
    pages = (ROOT / ".github/workflows/pages.yml").read_text()
    assert f".ci/push-branch {launch.NOTEBOOKS} " in pages
    assert "MI_COURSE_REPOSITORY: ${{ github.repository }}" in pages
    assert f"branches: [{launch.BRANCH}]" in pages


def test_an_address_in_place_of_a_name_is_refused_in_one_sentence(monkeypatch):
    monkeypatch.setenv(launch.VARIABLE, "https://github.com/octocat/fork")
    with pytest.raises(ChapterError, match="expected owner/name"):
        launch.repository()


def test_the_published_site_has_a_sitemap_whose_pages_exist(forked):
    site = "https://octocat.github.io/my.fork/"
    listed = re.findall(r"<loc>(.*?)</loc>", (forked / "_build/html/sitemap.xml").read_text())
    assert f"{site}book/{CHAPTER}.html" in listed
    for address in listed:
        assert (forked / "_build/html" / address.removeprefix(site)).is_file()


def test_the_published_site_has_a_preview_and_a_page_for_wrong_addresses(forked):
    html = (forked / f"_build/html/book/{CHAPTER}.html").read_text("utf8")
    assert '<meta property="og:image" content="https://octocat.github.io/my.fork/_static' in html
    assert "not set" not in "".join(re.findall('<meta property="og[^>]*>', html))
    assert (ROOT / "book" / site_address.PREVIEW).is_file()
    lost = (forked / "_build/html/404.html").read_text("utf8")
    styles = re.findall(r'rel="stylesheet"[^>]*href="([^"]+)"', lost)
    assert styles
    assert all(style.startswith("/my.fork/") for style in styles)


@pytest.mark.browser
def test_a_wrong_address_deep_in_the_site_shows_a_page_with_style_and_a_way_home(forked, tmp_path):
    (tmp_path / "my.fork").symlink_to(forked / "_build/html")  # the folder that Pages serves
    lost = (forked / "_build/html/404.html").read_text("utf8")
    with browser.served(tmp_path) as base, browser.launched() as chromium:
        page = chromium.new_page()
        answers = {}
        page.on("response", lambda r: answers.update({r.url: r.status}))
        wrong = f"{base}my.fork/book/week9/no/such/page.html"
        page.route(
            wrong, lambda route: route.fulfill(status=404, body=lost, content_type="text/html")
        )
        page.goto(wrong, wait_until="load")
        assert answers.pop(wrong) == 404
        assert set(answers.values()) == {200}
        assert any(".css" in address for address in answers)
        page.locator("nav a, .navbar-brand").first.click()
        page.wait_for_url(f"{base}my.fork/**/intro.html")


def test_the_site_of_an_account_has_no_folder():
    assert site_address.address("Octocat/octocat.github.io") == "https://octocat.github.io/"
    assert site_address.address("Octocat/Course") == "https://octocat.github.io/Course/"


def test_a_site_that_nobody_publishes_has_none_of_it():
    site = real_site()
    assert not (site / "sitemap.xml").exists()
    assert 'property="og:' not in (site / "book/intro.html").read_text("utf8")
