"""The first page: the figure that lives, the line that gets the course, the map, the way on."""

import json

import pytest
from bs4 import BeautifulSoup

from mi_course import ablation, hooks
from mi_course.book.site import landing, launch, learner_ext, live_figure
from mi_course.learner import weeklog
from support import browser, small_site
from support.live_figures import rows, told
from support.site_builds import ROOT, real_site

PAGE = "book/intro.html"
EXTENSION = "mi_course.book.site.landing"


def soup():
    return BeautifulSoup((real_site() / PAGE).read_text("utf8"), "html.parser")


def test_stored_states_are_what_the_model_says(pocket):
    stored, computed = landing.stored(), landing.states(pocket)
    assert stored["sha256"] == landing.weights_digest()
    for key in ("prompt", "tokens", "heads"):
        assert stored[key] == computed[key]
    assert stored["guesses"].keys() == computed["guesses"].keys()
    for off, guesses in computed["guesses"].items():
        assert stored["guesses"][off] == [[word, pytest.approx(p, abs=2e-4)] for word, p in guesses]


def test_the_head_that_is_named_matters():
    guesses = landing.stored()["guesses"]
    (word, before), (_, after) = guesses[""][0], guesses[landing.HEAD][0]
    assert word == " Mary"
    assert before - after > 0.5


def test_states_of_other_weights_fail_the_build(tmp_path, monkeypatch):
    monkeypatch.setattr(landing, "weights_digest", lambda: "another")
    with (tmp_path / "said").open("w") as said:
        page = "# A\n\n```{course-first-figure}\n```\n"
        built = small_site.build(tmp_path, {"a": page}, EXTENSION, warnings=said)
    assert "other weights" in (tmp_path / "said").read_text()
    assert built["a"].select(".course-first") == []


@pytest.mark.browser
def test_a_click_shows_what_is_stored_and_then_the_model_computes(chromium, base, pocket):
    stored = landing.stored()["guesses"]
    context = chromium.new_context()
    page = context.new_page()
    held, asked = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.route("**/pocket.js*", lambda route: held.append(route))
    page.goto(base + PAGE)
    said = page.locator(".course-first-said")
    assert rows(page) == told(stored[""])
    assert not any("playground" in url for url in asked)  # before the first click

    page.get_by_role("button", name="head 0.3", exact=True).click()
    assert rows(page) == told(stored["0.3"])
    assert "Stored with the page" in said.inner_text()
    page.get_by_role("button", name="head 0.0", exact=True).click()
    assert "on its way" in said.inner_text()

    page.wait_for_timeout(200)
    held[0].continue_()
    page.wait_for_selector(".course-first[data-by=model]")
    tokens = pocket.to_tokens(landing.PROMPT)
    made = ablation.ablation_hooks(pocket, tokens, [(0, 0), (0, 3)], "zero")
    best = hooks.run_with_hooks(pocket, tokens, made)[0, -1].softmax(-1).topk(live_figure.N_GUESSES)
    words = [pocket.to_single_str_token(i) for i in best.indices.tolist()]
    assert rows(page) == told(zip(words, best.values.tolist(), strict=True))
    assert "head 0.0, head 0.3" in said.inner_text()
    for name in ("head 0.3", "head 0.0"):
        page.get_by_role("button", name=name, exact=True).click()
    assert rows(page) == told(stored[""])
    assert "Computed in this browser" in said.inner_text()
    context.close()


@pytest.mark.browser
def test_a_model_that_does_not_arrive_leaves_what_is_stored(chromium, base):
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/pocket.js*", lambda route: route.abort())
    page.goto(base + PAGE)
    page.get_by_role("button", name="head 0.3", exact=True).click()
    page.get_by_role("button", name="head 0.0", exact=True).click()
    page.get_by_text("The model did not arrive").wait_for()
    page.get_by_role("button", name="head 0.3", exact=True).click()
    assert rows(page) == told(landing.stored()["guesses"]["0.0"])
    context.close()


def test_without_scripts_the_figure_tells_both_states():
    figure = soup().select_one(".course-first")
    (first, p), *_ = landing.stored()["guesses"][landing.HEAD]
    assert f"{first.strip()} {100 * p:.1f} %" in figure.noscript.get_text()
    assert figure.select_one("ol").get_text(" ").split()[:2] == ["Mary", "99.8"]
    assert "pocket" in figure.select_one(".course-first-model").get_text()


def test_both_buttons_and_the_next_page_lead_where_they_say():
    page = soup()
    links = {link.get_text(): link["href"] for link in page.select(".course-begin a")}
    assert links == {"Start week 1": "week1/index.html", "Try it now": "playground.html"}
    assert page.select_one("a.right-next")["href"] == "week1/index.html"
    assert "Week 1" in page.select_one("a.right-next .prev-next-title").get_text()


@pytest.mark.browser
@pytest.mark.parametrize("size", [{"width": 360, "height": 640}, browser.PHONE, browser.DESKTOP])
def test_the_first_screen_says_what_it_is_and_where_to_begin(chromium, base, size):
    with browser.visit(chromium, base, PAGE, size) as seen:
        for words in ("A four-week course", "Start week 1", "Try it now"):
            box = seen.page.get_by_text(words).first.bounding_box()
            assert box["y"] + box["height"] <= size["height"], words


def test_the_line_that_gets_the_project_is_that_of_who_publishes_the_site(tmp_path, monkeypatch):
    page = {"a": "# A\n\n```{course-get}\n```\n"}
    monkeypatch.setenv(launch.VARIABLE, "octocat/my.fork")
    made = small_site.build(tmp_path, page, EXTENSION)["a"]
    assert made.pre.get_text().split("\n")[:2] == [
        "git clone https://github.com/octocat/my.fork",
        "cd my.fork",
    ]
    assert "octocat/my.fork/blob/notebooks/week1/" in made.select_one("a[href*=colab]")["href"]
    monkeypatch.delenv(launch.VARIABLE)
    made = small_site.build(tmp_path, page, EXTENSION)["a"]
    assert made.pre is None
    assert "Get the project’s folder" in made.get_text()


def test_the_map_names_what_each_week_hands_in_and_its_hours():
    cards = soup().select(".course-map > li")
    assert len(cards) == 4
    for plan, card in zip(weeklog.tracker()["weeks"], cards, strict=True):
        text = card.get_text()
        assert (real_site() / "book" / card.a["href"]).is_file()
        assert plan["title"] in text
        assert "12 hours" in text
        kept = [i["text"] for i in plan["items"] if i["kind"] == "deliverable"]
        assert kept
        assert all(item in text for item in kept)


@pytest.mark.browser
def test_the_map_counts_what_the_reader_has_ticked(chromium, base):
    free = [item["id"] for item in weeklog.plan(2)["items"] if not item.get("exercises")]
    first, second = free[:2]
    state = {"format": "mi-course-progress", "weeks": {"2": {"done": [first, second, "gone"]}}}
    with browser.visit(chromium, base, PAGE, browser.DESKTOP) as seen:
        keep = "text => localStorage.setItem('mi-course-progress', text)"
        seen.page.evaluate(keep, json.dumps(state))
        seen.page.reload()
        counts = seen.page.locator(".course-map output").all_inner_texts()
        values = seen.page.eval_on_selector_all(
            ".course-map progress", "all => all.map(p => p.value)"
        )
    steps = {}
    for plan in learner_ext.plan(ROOT):
        steps[plan["week"]] = len(plan["items"]) + len(plan["core"]) + len(plan["pages"])
    assert counts == [f"{2 * (week == 2)} of {n} steps done" for week, n in steps.items()]
    assert values == [0, 2, 0, 0]
