"""Each week on one page: all chapters, figures drawn, answers at the end, ready for paper."""

import re

import pytest
from bs4 import BeautifulSoup

from mi_course.book.site import printable
from support import browser
from support.site_builds import ROOT, real_site

WEEKS = [*(f"week{n}" for n in (1, 2, 3, 4)), "labs"]


def soup(path):
    return BeautifulSoup(path.read_text("utf8"), "html.parser")


@pytest.fixture(scope="module")
def printed():
    return {week: soup(real_site() / f"print/{week}.html") for week in WEEKS}


def titles(week):
    """The titles of a week's pages, from the built pages themselves."""
    toc = (ROOT / "_toc.yml").read_text()
    docs = re.findall(rf"file: (book/{week}/\S+)", toc)
    return [soup(real_site() / f"{doc}.html").select_one("article h1") for doc in docs]


@pytest.mark.parametrize("week", WEEKS)
def test_every_page_of_the_week_is_there_in_order(printed, week):
    expected = [title.get_text().removesuffix("#") for title in titles(week)]
    found = [title.get_text() for title in printed[week].select("article h1")]
    assert len(expected) > (1 if week == "labs" else 3)
    assert found == [*expected, "Hints, answers and solutions"]


@pytest.mark.slow
@pytest.mark.parametrize("week", WEEKS)
def test_nothing_of_a_page_is_lost_on_the_way(printed, week):
    for part in ("div.exercise", ".course-fig", "div.cell_input", "table", "details.sd-dropdown"):
        on_pages = sum(
            len(soup(path).select(f"article {part}"))
            for path in (real_site() / f"book/{week}").glob("*.html")
        )
        if part == "details.sd-dropdown":
            part = ".course-print-answer"
            solutions = sum(
                len(soup(path).select("article .solution"))
                for path in (real_site() / f"book/{week}").glob("*.html")
            )
            on_pages += solutions
        assert len(printed[week].select(part)) == on_pages, part


@pytest.mark.parametrize("week", WEEKS)
def test_answers_stand_at_the_end_under_the_number_that_the_text_names(printed, week):
    page = printed[week]
    seen = page.select(".course-print-see a")
    answers = page.select(".course-print-answer")
    assert len(seen) == len(answers) > 5
    for link, answer in zip(seen, answers, strict=True):
        assert link["href"] == f"#{answer['id']}"
        assert link.get_text() == answer.h2.get_text()
    last = page.select("article")[-1]
    assert all(answer.find_parent("article") is last for answer in answers)
    assert page.select("article:not(:last-of-type) :is(.solution, .sd-dropdown)") == []


@pytest.mark.parametrize("week", WEEKS)
def test_every_link_leads_somewhere(printed, week):
    page = printed[week]
    ids = {tag["id"] for tag in page.select("[id]")}
    for tag in page.select("[href], [src]"):
        link = tag.get("href") or tag.get("src")
        if re.match("[a-z]+:", link):
            assert tag.name == "a", link
        elif link.startswith("#"):
            assert link[1:] in ids, link
        else:
            path = re.split(r"[?#]", link)[0]
            assert (real_site() / "print" / path).is_file(), link


@pytest.mark.parametrize("week", WEEKS)
def test_the_week_s_first_page_leads_to_it(week):
    index = soup(real_site() / f"book/{week}/index.html")
    link = index.select_one(".course-print-link a")["href"]
    assert (real_site() / f"book/{week}" / link).resolve() == (
        real_site() / f"print/{week}.html"
    ).resolve()


def test_addresses_within_the_week_stay_on_the_page_and_others_leave_it():
    docs = ["book/week1/index", "book/week1/01_a"]
    found = {
        link: printable.address(link, "book/week1/01_a", docs)
        for link in ("#top", "index.html", "../week2/b.html#x", "../../_images/c.svg", "mailto:d")
    }
    assert found == {
        "#top": "#01_a--top",
        "index.html": "#index--page",
        "../week2/b.html#x": "../book/week2/b.html#x",
        "../../_images/c.svg": "../_images/c.svg",
        "mailto:d": "mailto:d",
    }


@pytest.fixture(scope="module")
def opened():
    with browser.served(real_site()) as base, browser.launched() as chromium:
        yield chromium, base


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("week", WEEKS)
def test_the_week_becomes_a_pdf_with_all_its_figures(opened, week):
    chromium, base = opened
    with browser.visit(chromium, base, f"print/{week}.html", browser.DESKTOP) as seen:
        page = seen.page
        page.wait_for_function("!document.querySelector('.course-print-bar button').disabled")
        assert page.locator(".course-fig-failed").count() == 0
        page.emulate_media(media="print")
        assert not page.locator(".course-print-bar").is_visible()
        text = page.inner_text("main")
        for title in titles(week):
            assert title.get_text().removesuffix("#") in text
        pdf = page.pdf(prefer_css_page_size=True)
    assert seen.problems == []
    sheets = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert sheets > 15
    assert len(text.split()) / sheets > 150  # 190 to 250: no sheet for each cell or figure
