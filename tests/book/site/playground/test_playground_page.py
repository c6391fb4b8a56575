"""The playground as its reader meets it: in the built site, with the network cut."""

import re
import shutil
from urllib.parse import quote

import pytest

from mi_course import hooks
from support.playground import ROOT, browser
from support.site_builds import build

pytestmark = pytest.mark.browser

PAGE = "book/playground.html"
IOI = "When Mary and John went to the shops, John gave the bag to"
INTRO = """# Links

{playground}`Try it here <prompt=Tom and Amy went to the&head=1.2&change=0.2:zero>`, or
{playground}`the page as it starts`.
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site of two pages: links to the playground, and the playground."""
    folder = tmp_path_factory.mktemp("playground") / "course"
    (folder / "book").mkdir(parents=True)
    shutil.copy(ROOT / "_config.yml", folder)
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters:\n  - file: book/playground\n"
    )
    (folder / "code").symlink_to(ROOT / "code")
    (folder / "book/_static").symlink_to(ROOT / "book/_static")
    (folder / "book/references.bib").write_text("")
    (folder / "book/intro.md").write_text(INTRO)
    shutil.copy(ROOT / "book/playground.md", folder / "book")
    result = build(folder, folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "_build" / "html"


@pytest.fixture(scope="module")
def base(site):
    with browser.served(site) as address:
        yield address


@pytest.fixture(scope="module")
def seen(chromium, base):
    """One visit on a desktop; each test sets the page by its address."""
    with browser.visit(chromium, base, PAGE, browser.DESKTOP) as visit:
        ready(visit.page)
        yield visit


@pytest.fixture
def page(seen):
    """The page with the prompt that names Mary and John, and nothing changed."""
    seen.page.get_by_role("button", name="Reset", exact=True).click()
    name_the_two(seen.page)
    yield seen.page
    assert seen.problems == []


def ready(page):
    page.wait_for_selector("#pg-root[data-state]", timeout=20_000)
    assert page.get_attribute("#pg-root", "data-state") == "ready", page.inner_text("#pg-root")


def name_the_two(page):
    page.get_by_label("Pick a prompt").select_option(label="Who gets the bag? (Mary)")


def go(page, fragment):
    page.evaluate("hash => { location.hash = hash; }", fragment)
    page.wait_for_timeout(50)


def address(page):
    return page.evaluate("location.hash")


def difference(page):
    """The numbers under “Logit difference”, by their names."""
    pairs = page.eval_on_selector_all(
        ".pg-difference > div",
        "all => all.map(d => [d.querySelector('dt'), d.querySelector('dd')])"
        ".filter(([, b]) => b).map(([a, b]) => [a.innerText, b.innerText])",
    )
    return {name: float(value.replace("−", "-")) for name, value in pairs}


def typed(page, text):
    page.get_by_label("Prompt", exact=True).fill(text)
    page.wait_for_timeout(250)


def change(page, part):
    """Press the switch of a part: “Head 1.2”, “MLP of layer 0”."""
    page.get_by_role("button", name=re.compile(f"^{re.escape(part)}: ")).click()


def python_difference(pocket, hook_list=()):
    tokens = pocket.to_tokens(IOI)
    at_end = hooks.run_with_hooks(pocket, tokens, hook_list)[0, -1]
    mary, john = (hooks.single_token(pocket, name) for name in (" Mary", " John"))
    return float(at_end[mary] - at_end[john])


def without_head(layer, head):
    def hook(z, hook):
        z = z.clone()
        z[:, :, head] = 0
        return z

    return [(f"blocks.{layer}.attn.hook_z", hook)]


def test_first_sight_has_tokens_predictions_and_the_logit_difference(page, pocket):
    tokens = page.locator(".pg-strip").first.locator("button").all_inner_texts()
    assert [t.split("\n")[0] for t in tokens] == [
        t.replace("<|endoftext|>", "BOS").replace(" ", "␣")
        for t in pocket.to_str_tokens(pocket.to_tokens(IOI)[0])
    ]
    first = page.locator(".pg-table").first.locator("tbody tr").first.inner_text()
    assert first.split() == ["␣Mary", "99.8", "%"]
    found = difference(page)
    assert list(found.values()) == [pytest.approx(python_difference(pocket), abs=0.006)]


def test_one_click_on_a_switch_changes_the_model_the_address_and_later_patterns(page, pocket):
    change(page, "Head 0.2")
    found = difference(page)
    expected = python_difference(pocket, without_head(0, 2))
    assert found["with the changes"] == pytest.approx(expected, abs=0.006)
    assert found["before"] == pytest.approx(python_difference(pocket), abs=0.006)
    assert "&change=0.2:zero&" in address(page)
    moved = page.locator(".pg-moved").all_inner_texts()
    assert set(moved[:4]) == {"moved 0.00"}  # a head changes nothing in its own layer
    assert all(float(m.split()[1]) > 0 for m in moved[4:])
    change(page, "Head 0.2")
    assert "with the changes" not in difference(page)


@pytest.mark.slow
def test_an_address_shows_the_same_to_whoever_opens_it(chromium, base, page):
    page.get_by_label("its mean over the reference prompts").check()
    change(page, "MLP of layer 1")
    page.get_by_label("Enlarge", exact=False)
    page.get_by_role("button", name=re.compile("^Enlarge the pattern of head 1.3")).click()
    page.get_by_label("the difference").check()
    page.locator(".pg-strip").first.locator("button").nth(10).click()
    mine = address(page), difference(page), page.inner_text(".pg-says")
    with browser.visit(chromium, base, PAGE + mine[0], browser.PHONE, "dark") as other:
        ready(other.page)
        theirs = address(other.page), difference(other.page), other.page.inner_text(".pg-says")
        assert other.page.inner_text("section h3:has-text('Head')") == "Head 1.3, the difference"
        assert other.page.evaluate("document.documentElement.scrollWidth") == 390
    assert theirs == mine
    assert other.problems == []


def test_reset_is_one_click_and_empties_the_address(page):
    page.get_by_role("button", name="Reset", exact=True).click()
    before = page.inner_text("#pg-root")
    typed(page, "Tom and Amy")
    change(page, "Head 1.0")
    assert address(page) != ""
    page.get_by_role("button", name="Reset", exact=True).click()
    assert address(page) == ""
    assert page.inner_text("#pg-root") == before


def test_patching_from_the_second_prompt_turns_the_answer_round(page):
    page.get_by_text("A second prompt, to patch from").click()
    page.get_by_label("Residual stream").select_option(label="after layer 0")
    page.get_by_label("at position").select_option(label="14: ␣to")
    page.get_by_role("button", name="Patch it").click()
    assert difference(page)["with the changes"] < 0
    page.get_by_role("button", name="Undo residual stream").click()
    page.get_by_label("its value in the second prompt").check()
    change(page, "Head 0.0")
    assert difference(page)["change"] < -1
    assert "change=0.0:patch@all" in address(page)


def test_a_patch_that_does_not_fit_is_left_out_and_says_why(page):
    page.get_by_label("its value in the second prompt").check()
    page.get_by_label("Second prompt", exact=True).fill("Tom and Amy")
    page.wait_for_timeout(250)
    change(page, "Head 0.0")
    status = page.inner_text("#pg-root > [role=status]")
    assert "equal length: these have 15 and 5 tokens" in status
    assert "with the changes" not in difference(page)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The prompt is empty"),
        ("   ", "The prompt is empty"),
        ("dog " * 200, "The prompt is too long: "),
    ],
    ids=["empty", "blank", "long"],
)
def test_a_prompt_that_cannot_be_read_is_a_sentence(page, text, sentence):
    typed(page, text)
    assert sentence in page.inner_text("#pg-root")
    assert not page.get_by_role("heading", name="Tokens and predictions").is_visible()
    typed(page, "Tom")
    assert page.get_by_role("heading", name="Tokens and predictions").is_visible()
    assert sentence not in page.inner_text("#pg-root")


def test_the_longest_prompt_is_shown_whole(page):
    typed(page, " dog" * 127)
    assert page.locator(".pg-strip").first.locator("button").count() == 128
    assert page.evaluate("document.documentElement.scrollWidth") == 1280


def test_a_token_that_is_several_is_a_sentence(page):
    page.get_by_label("minus token").fill("hippopotamus")
    page.wait_for_timeout(250)
    assert "choose a word that is one" in page.inner_text("#pg-root > [role=status]")


def test_an_address_that_asks_for_the_unknown_says_so(page):
    go(page, "#prompt=Tom&change=9.9:zero,nonsense&colour=red&head=7.7&at=55")
    status = page.inner_text("#pg-root > [role=status]")
    assert "nonsense" in status
    assert "colour" in status
    assert page.get_by_role("heading", name="Tokens and predictions").is_visible()


def test_hovering_a_token_shows_where_it_looks(page):
    page.get_by_role("button", name=re.compile("^Enlarge the pattern of head 1.2")).click()
    assert "␣to (14) looks at ␣Mary (2) 0.81" in page.inner_text(".pg-says")
    strip = page.get_by_role("group", name="Tokens: choose one to see its attention")
    strip.get_by_role("button", name=" Mary, position 2").hover()
    says = page.inner_text(".pg-says")
    assert says.startswith("␣Mary (2) looks at ")
    assert "Looked at by ␣to (14) 0.81" in says


def test_everything_can_be_reached_and_used_by_keyboard(page):
    page.get_by_label("Prompt", exact=True).focus()
    page.keyboard.press("Tab")
    focused = "document.activeElement.getAttribute('aria-label') || document.activeElement.id"
    assert page.evaluate(focused) == " to, position 14"
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == " John, position 10"  # the focus stays where it was
    assert "at=10" in address(page)
    for _ in range(60):
        page.keyboard.press("Tab")
        if (page.evaluate(focused) or "").startswith("Head 0.2: "):
            break
    page.keyboard.press("Space")
    assert "change=0.2:zero" in address(page)
    assert page.evaluate(focused).startswith("Head 0.2: set to zero")


def test_every_control_has_a_name_and_every_switch_its_state(page):
    page.evaluate("document.querySelectorAll('#pg-root details').forEach(d => { d.open = true; })")
    nameless = page.eval_on_selector_all(
        "#pg-root :is(button, select, input, textarea, [tabindex])",
        """all => all.filter(e => !(e.getAttribute('aria-label') || e.innerText
            || (e.labels && e.labels.length))).map(e => e.outerHTML)""",
    )
    assert nameless == []
    switches = page.locator(".pg-switch")
    assert switches.count() == 8 + 2 + 1
    assert {s.get_attribute("aria-pressed") for s in switches.all()} == {"false"}
    ids = page.eval_on_selector_all("[id]", "all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))


# The contrast of every text with what is painted under it, as WCAG 2 defines it.
CONTRAST = """() => {
    const options = {willReadFrequently: true};
    const canvas = document.createElement("canvas").getContext("2d", options);
    const paint = colors => {
        canvas.clearRect(0, 0, 1, 1);
        for (const c of colors) { canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); }
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const ground = e => e ? [...ground(e.parentElement), getComputedStyle(e).backgroundColor] : [];
    const light = rgb => rgb.map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
    const hasText = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    return [...document.querySelectorAll("#pg-root *")]
        .filter(e => e.offsetParent && hasText(e))
        .map(e => {
            const under = ground(e);
            const [a, b] = [[...under, getComputedStyle(e).color], under].map(c => light(paint(c)));
            return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.className, e.innerText];
        });
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page, theme):
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    change(page, "Head 0.2")
    page.wait_for_timeout(300)  # colours fade
    ratios = page.evaluate(CONTRAST)
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert len(ratios) > 100
    assert [r for r in ratios if r[0] < 4.5] == []


# Counts what the model does from then on, and the patterns that are drawn.
COUNTS = """() => {
    window.counted = { passes: 0, unembedded: 0, drawn: 0 };
    const count = (name, what) => {
        const own = Playground[name];
        Playground[name] = (...given) => {
            counted[what] += 1;
            return own(...given);
        };
    };
    count("run", "passes");
    count("forward", "passes");
    count("unembed", "unembedded");
    count("drawPattern", "drawn");
}"""


def test_another_theme_or_view_draws_anew_and_computes_nothing(chromium, base):
    with browser.visit(chromium, base, PAGE, browser.DESKTOP) as visit:
        page = visit.page
        ready(page)
        name_the_two(page)
        page.evaluate(COUNTS)

        def counted(action):
            """What an action costs: passes, unembedded streams, drawn patterns."""
            page.evaluate("Object.keys(counted).forEach(key => { counted[key] = 0; })")
            action()
            page.wait_for_timeout(100)
            return page.evaluate("[counted.passes, counted.unembedded, counted.drawn]")

        def theme(name):
            code = "name => { document.documentElement.dataset.theme = name; }"
            return lambda: page.evaluate(code, name)

        small = page.locator(".pg-thumb").count()
        assert counted(theme("dark")) == [0, 0, small + 1]
        assert counted(theme("light")) == [0, 0, small + 1]
        views = [
            page.get_by_role("button", name=re.compile("^Enlarge the pattern of head 1.3")).click,
            page.get_by_label("without them").check,
            page.get_by_label("its mean over the reference prompts").check,
            page.locator(".pg-strip").first.locator("button").nth(10).click,
            lambda: page.get_by_label("Each cell shows").select_option("difference"),
        ]
        for look in views:
            assert counted(look) == [0, 0, small + 1]
        assert counted(page.get_by_label("zero", exact=True).check) == [0, 0, small + 1]
        assert counted(lambda: change(page, "Head 0.2")) == [1, 2, small + 1]
    assert visit.problems == []


PUZZLES = [
    ("Find the previous-token head", "head=0.1", "Another head gives more"),
    ("Find the previous-token head", "head=0.2", "Right"),
    ("Break induction with one click", "", "Nothing is changed"),
    ("Break induction with one click", "change=1.1:zero", "still repeats"),
    ("Break induction with one click", "change=1.1:zero,1.0:zero", "2 parts are changed"),
    ("Break induction with one click", "change=positions:zero", "Right"),
    ("Break induction with one click", "change=0.2:mean", "Right"),
    ("Break induction with one click", "change=0.2:zero", "Right"),
    ("Find who moves the name", "head=0.0", "looks elsewhere"),
    ("Find who moves the name", "head=1.1", "looks elsewhere"),
    ("Find who moves the name", "head=1.2", "Right"),
    ("Find who moves the name", "head=1.3", "Right"),
    ("Turn the answer round, late", "change=resid0:patch@10", "another kind"),
    ("Turn the answer round, late", "change=resid1:patch@10", "still Mary"),
    ("Turn the answer round, late", "change=resid1:patch@14", "Right"),
    ("Find a head that stands in the way", "change=1.2:zero", "another head"),
    ("Find a head that stands in the way", "change=1.1:mean", "to zero"),
    ("Find a head that stands in the way", "change=1.1:zero", "Right"),
    ("Find a head that stands in the way", "prompt=Tom", "another prompt"),
]


@pytest.mark.parametrize(("title", "asked", "verdict"), PUZZLES)
def test_a_puzzle_judges_what_was_done(page, title, asked, verdict):
    page.evaluate("document.querySelectorAll('.pg-puzzle').forEach(d => { d.open = true; })")
    box = page.locator(f".pg-puzzle:has(> summary:text-is('{title}'))")
    box.get_by_role("button", name="Set it up").click()
    held = dict(pair.split("=", 1) for pair in address(page).lstrip("#").split("&") if pair)
    held.update(pair.split("=", 1) for pair in asked.split("&") if pair)
    go(page, "#" + "&".join(f"{key}={value}" for key, value in held.items()))
    box.get_by_role("button", name="Check").click()
    assert verdict in box.locator(".pg-verdict").inner_text()
    assert box.locator(".pg-hint > summary").is_visible()


def opened(chromium, url, *, body=None, abort=False, before="", javascript=True):
    """The text of the page where its surroundings fail it."""
    context = chromium.new_context(java_script_enabled=javascript)
    try:
        page = context.new_page()
        if before:
            page.add_init_script(before)
        if abort:
            page.route("**/pocket.js", lambda route: route.abort())
        if body is not None:
            page.route("**/pocket.js", lambda route: route.fulfill(body=body))
        page.goto(url)
        if javascript:
            page.wait_for_selector("#pg-root[data-state]", timeout=20_000)
        return page.inner_text("#pg-root")
    finally:
        context.close()


def test_a_download_that_fails_is_a_sentence(chromium, base):
    assert "The model did not arrive" in opened(chromium, base + PAGE, abort=True)


def test_a_download_that_ends_early_is_a_sentence(chromium, base, site):
    half = (site / "_static/playground/pocket.js").read_text()[:1_000_000]
    assert "The model did not arrive" in opened(chromium, base + PAGE, body=half)


def test_a_model_that_is_not_whole_is_a_sentence(chromium, base, site):
    text = (site / "_static/playground/pocket.js").read_text()
    short = re.sub(r'("weights":".{4000}).*"', r'\1"', text)
    found = opened(chromium, base + PAGE, body=short)
    assert "The playground could not start (3000 of " in found


def test_an_unsupported_browser_is_a_sentence(chromium, base):
    before = "delete window.TextEncoder;"
    assert "This browser cannot run the playground" in opened(chromium, base + PAGE, before=before)


def test_without_javascript_there_is_a_sentence(chromium, base):
    found = opened(chromium, base + PAGE, javascript=False)
    assert "switched off in this browser" in found


def test_the_page_works_when_opened_from_the_disk(chromium, site):
    asked = f"#prompt={quote(IOI)}&answer=Mary&other=John"
    found = opened(chromium, (site / PAGE).as_uri() + asked)
    assert "Tokens and predictions" in found
    assert "99.8 %" in found


def test_a_link_in_a_chapter_opens_the_page_with_its_prompt_and_settings(chromium, base):
    with browser.visit(chromium, base, "book/intro.html", browser.DESKTOP) as visit:
        assert visit.page.get_by_role("link", name="the page as it starts").count() == 1
        visit.page.get_by_role("link", name="Try it here").click()
        ready(visit.page)
        assert visit.page.get_by_label("Prompt", exact=True).input_value() == (
            "Tom and Amy went to the"
        )
        assert visit.page.get_by_role("button", name="Undo head 0.2: zero").count() == 1
        assert "?" not in visit.page.url
        assert address(visit.page).startswith("#prompt=Tom%20and%20Amy%20went%20to%20the&change=")
    assert visit.problems == []
