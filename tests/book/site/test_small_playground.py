"""Small playgrounds in chapters: stored states first, then the model, and always pocket."""

import json

import pytest
from bs4 import BeautifulSoup

from mi_course import hooks
from mi_course.book.chapters import Chapter, ChapterError
from mi_course.book.notebook import directives
from mi_course.book.notebook.markdown import Converter
from mi_course.book.notebook.targets import Page
from mi_course.book.site import launch, live_figure, small_playground
from mi_course.book.site.small_playground import Asked
from support import browser, small_site
from support.live_figures import bars, rows, told
from support.outside import ROOT
from support.site_builds import real_site

EXTENSION = small_playground.__name__
USED = small_playground.used(ROOT)
PHRASE = " queen hat stone lamp queen hat stone"
CHAPTER = "book/week2/02_induction_heads.html"
PATCHES = "book/week3/02_activation_patching.html"
BLOCK = """```{{small-playground}}
:prompt: "{prompt}"
:changes: {changes}
What will it say?
```
"""


def test_six_chapters_have_one_each():
    chapters = [
        path
        for path in (ROOT / "book").rglob("*.md")
        if BLOCK[:20].replace("{{", "{") in path.read_text("utf8")
    ]
    assert len(chapters) == len(USED) == 6


@pytest.mark.parametrize("asked", USED, ids=lambda asked: asked.changes[0])
def test_stored_states_are_what_the_model_says(asked, pocket):
    found = small_playground.figure(asked).guesses
    computed = small_playground.states(pocket, asked)
    assert found.keys() == computed.keys()
    for change, guesses in computed.items():
        assert found[change] == [[word, pytest.approx(p, abs=2e-4)] for word, p in guesses]


def test_each_figure_has_a_switch_that_matters():
    for asked in USED:
        guesses = small_playground.figure(asked).guesses
        (word, before), *_ = guesses[""]
        after = [dict(guesses[change]).get(word, 0) for change in asked.changes]
        assert min(after) < before - 0.01, asked


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"changes": "0.2:zero"}, "needs :prompt:"),
        ({"prompt": "a"}, "needs :prompt: and :changes:"),
        ({"prompt": "a", "changes": "0.2:zero", "head": "1"}, "does not know"),
        ({"prompt": "a", "changes": "0.2:mean"}, "no change"),
        ({"prompt": "a", "changes": "0.2:patch@3"}, "no change"),
        ({"prompt": "a", "changes": "resid1:zero"}, "no change"),
        ({"prompt": "a", "changes": "resid1:patch"}, "no change"),
        ({"prompt": "a", "changes": "mlp0:zero@3"}, "no change"),
        ({"prompt": "a", "changes": "resid1:patch@3"}, "needs :source:"),
    ],
)
def test_what_cannot_be_shown_is_an_error(options, message):
    with pytest.raises(ChapterError, match=message):
        Asked.of(options)


def test_a_figure_without_its_states_fails_the_build(tmp_path):
    asked = {
        "good": (PHRASE, "0.2:zero"),
        "text": ("Some other text", "0.2:zero"),
        "change": (PHRASE, "0.2:zero, 0.1:zero"),
        "unknown": (PHRASE, "0.2:mean"),
    }
    pages = {
        name: "# A\n\n" + BLOCK.format(prompt=prompt, changes=changes)
        for name, (prompt, changes) in asked.items()
    }
    with (tmp_path / "said").open("w") as said:
        built = small_site.build(tmp_path, pages, EXTENSION, warnings=said)
    lines = (tmp_path / "said").read_text().splitlines()
    warned = {name: " ".join(line for line in lines if f"/{name}.md" in line) for name in pages}
    assert [name for name in pages if built[name].select(".course-first")] == ["good"]
    assert warned["good"] == ""
    assert "holds no states" in warned["text"]
    assert "holds no states" in warned["change"]
    assert "no change" in warned["unknown"]


def test_states_of_other_weights_are_refused(monkeypatch):
    monkeypatch.setattr(small_playground, "weights_digest", lambda: "another")
    with pytest.raises(ChapterError, match="other weights"):
        small_playground.figure(USED[0])


def test_without_scripts_and_on_paper_it_is_a_sentence():
    for html in (real_site() / CHAPTER, real_site() / "print/week2.html"):
        page = BeautifulSoup(html.read_text("utf8"), "html.parser")
        figure = page.select_one(f'.course-first:-soup-contains("{PHRASE.strip()}")')
        (word, p), *_ = small_playground.figure(_phrase()).guesses["0.2:zero"]
        still = f"Off: head 0.2, set to zero. Then the model says: {word.strip()} {100 * p:.1f} %"
        assert still in figure.select_one(".course-first-still").get_text()
        assert still in figure.noscript.get_text()
        assert "pocket" in figure.select_one(".course-first-model").get_text()


def _phrase():
    return next(asked for asked in USED if asked.prompt == PHRASE and len(asked.changes) == 4)


def test_the_pages_of_other_models_say_that_it_is_pocket():
    pages = [path for path in real_site().glob(f"*/{CHAPTER}")]
    for path in [real_site() / CHAPTER, *pages]:
        page = BeautifulSoup(path.read_text("utf8"), "html.parser")
        assert "The model is pocket" in page.select_one(".course-first").get_text()
    assert pages


def test_a_notebook_has_the_question_and_a_link_to_the_published_page(tmp_path, monkeypatch):
    def converted():
        page = Page(Chapter(tmp_path, "week1/01_a"))
        text = BLOCK.format(prompt=PHRASE, changes="0.2:zero")
        return Converter(page, directives.convert).convert(text)

    monkeypatch.delenv(launch.VARIABLE, raising=False)
    assert "Try it here, on pocket (on the site's page *Playground*)" in converted()
    assert "> What will it say?" in converted()
    monkeypatch.setenv(launch.VARIABLE, "octocat/my.fork")
    address = "https://octocat.github.io/my.fork/book/playground.html?prompt=%20queen%20hat%20stone"
    assert f"[Try it here, on pocket]({address}" in converted()
    assert "small-playground" in directives.DIRECTIVES


@pytest.mark.browser
def test_a_click_shows_what_is_stored_and_then_the_model_computes(chromium, base, pocket):
    stored = small_playground.figure(_phrase()).guesses
    context = chromium.new_context()
    page = context.new_page()
    held, asked = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.route("**/pocket.js*", lambda route: held.append(route))
    page.goto(base + CHAPTER)
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    page.evaluate(browser.UNVEIL)  # as after an answer to the question above it
    figure = page.locator(".course-first")
    figure.evaluate("e => e.scrollIntoView()")

    def press(name):
        figure.get_by_role("button", name=name, exact=True).evaluate("b => b.click()")

    assert rows(figure) == told(stored[""])
    assert not any("playground" in url for url in asked)  # before the first click
    press("head 0.2")
    assert rows(figure) == told(stored["0.2:zero"])
    assert bars(figure) == [p for _, p in told(stored["0.2:zero"])]
    said = page.locator(".course-first-said")
    assert said.inner_text() == "Off: head 0.2, set to zero. Stored with the page."
    press("head 1.3")
    page.wait_for_timeout(200)
    held[0].continue_()
    page.wait_for_selector(".course-first[data-by=model]")
    both = Asked(PHRASE, ("0.2:zero",)), Asked(PHRASE, ("1.3:zero",))
    made = [hook for one in both for hook in small_playground._hooks(pocket, one.changes[0], one)]
    logits = hooks.run_with_hooks(pocket, pocket.to_tokens(PHRASE), made)[0, -1]
    best = logits.softmax(-1).topk(live_figure.N_GUESSES)
    words = [pocket.to_single_str_token(i) for i in best.indices.tolist()]
    assert rows(figure) == told(zip(words, best.values.tolist(), strict=True))
    assert said.inner_text().startswith("Off: head 0.2, head 1.3, set to zero. Computed")
    press("head 1.3")
    press("head 0.2")
    assert rows(figure) == told(stored[""])
    assert said.inner_text().startswith("Nothing is changed. Computed")
    context.close()


@pytest.mark.browser
def test_without_the_model_what_is_stored_can_still_be_seen(chromium, base):
    stored = small_playground.figure(_phrase()).guesses
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/pocket.js*", lambda route: route.abort())
    page.goto(base + CHAPTER)
    page.evaluate(browser.UNVEIL)
    figure = page.locator(".course-first")
    before = figure.locator(".course-first-said").inner_text()
    assert before == "Nothing is changed. What will the model say after a click?"
    for change in ("0.2:zero", "1.3:zero"):
        figure.locator(f"[data-change='{change}']").click()
    figure.get_by_text("The model did not arrive.").wait_for()
    assert rows(figure) == told(stored["0.2:zero"])  # what was known last
    figure.locator("[data-change='0.2:zero']").click()
    assert rows(figure) == told(stored["1.3:zero"])
    context.close()


@pytest.mark.browser
@pytest.mark.slow
def test_a_patch_is_computed_as_it_was_stored(chromium, base):
    asked = next(asked for asked in USED if asked.source)
    stored = small_playground.figure(asked).guesses
    with browser.visit(chromium, base, PATCHES, browser.PHONE) as seen:
        seen.page.evaluate(browser.UNVEIL)  # as after an answer to the question above it
        figure = seen.page.locator(".course-first")
        for change in asked.changes:
            button = figure.locator(f"[data-change='{change}']")
            button.evaluate("b => b.click()")
            seen.page.wait_for_selector(".course-first[data-by=model]", state="attached")
            assert rows(figure) == told(stored[change])
            button.evaluate("b => b.click()")
        data = json.loads(figure.locator("script").text_content())
        assert data["source"] == asked.source
    assert seen.problems == []
