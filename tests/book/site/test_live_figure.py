"""The HTML of a figure that lives, from a figure made up for it."""

from __future__ import annotations

import json

import pytest
from bs4 import BeautifulSoup

from mi_course.book.site.live_figure import Figure, Switch

SWITCHES = (
    Switch("0.2:zero", "head 0.2", "0.2"),
    Switch("1.3:mean", "head 1.3 </b>", "the mean", state="Held: {}, at its mean."),
)
GUESSES = {
    "": [[" Mary", 0.625], [" <b>", 0.25]],
    "0.2:zero": [[" John", 0.5], [" Mary", 0.125], [" the", 0.0625]],
    "1.3:mean": [["</script>", 0.75], [" it", 0.125]],
}


def figure(**changes):
    given = {"marked": "0.2:zero", "ask": "Which <i> one?", "begins": "Press", "per_row": 2}
    return Figure("Mary <i> John", SWITCHES, GUESSES, **(given | changes))


@pytest.fixture
def soup():
    return BeautifulSoup(figure(source="a source").html(), "html.parser")


def text(soup, name):
    return soup.select_one(f".course-first-{name}").get_text()


def test_it_begins_as_the_model_says_without_a_change(soup):
    rows = [tuple(part.get_text() for part in row("span")) for row in soup("li")]
    assert rows == [("Mary", "", "62.5 %"), ("<b>", "", "25.0 %")]
    assert [bar["style"] for bar in soup.select(".course-first-bar")] == ["--p:0.625", "--p:0.25"]
    assert text(soup, "prompt") == "Mary <i> John …"
    assert text(soup, "ask") == "Which <i> one?"
    assert text(soup, "said") == "Press"


def test_every_switch_is_a_button_with_its_label_that_is_not_pressed(soup):
    found = [
        (b["data-change"], b.get_text(), b["aria-label"], b["aria-pressed"]) for b in soup("button")
    ]
    assert found == [
        ("0.2:zero", "0.2", "head 0.2", "false"),
        ("1.3:mean", "the mean", "the mean: head 1.3 </b>", "false"),
    ]
    assert soup.select_one(".course-first-heads")["style"] == "--n:2"


@pytest.mark.parametrize(("shown", "tried"), [(False, []), (True, ["0.2:zero"])])
def test_the_marked_button_stands_out_where_the_figure_says_so(shown, tried):
    buttons = BeautifulSoup(figure(shown=shown).html(), "html.parser")("button")
    assert [b["data-change"] for b in buttons if "course-first-try" in b.get("class", [])] == tried


def test_paper_and_a_browser_without_scripts_tell_what_the_marked_switch_does(soup):
    still = "Off: head 0.2, set to zero. Then the model says: John 50.0 %, Mary 12.5 %."
    assert figure().still() == text(soup, "still") == still
    assert soup.noscript.get_text() == f"{still} The switches need JavaScript."
    other = figure(marked="1.3:mean").still()
    assert other.startswith("Held: head 1.3 </b>, at its mean. Then the model says: </script> 75.0")


def test_the_script_finds_all_states_and_no_word_ends_it_early(soup):
    data = json.loads(soup.script.get_text())
    assert data == {
        "prompt": "Mary <i> John",
        "source": "a source",
        "switches": {
            "0.2:zero": {"name": "head 0.2", "state": "Off: {}, set to zero."},
            "1.3:mean": {"name": "head 1.3 </b>", "state": "Held: {}, at its mean."},
        },
        "guesses": GUESSES,
    }
