"""A drawing that reacts stands in the page itself, and no link around it takes the taps."""

import re
import shutil

import pytest
from bs4 import BeautifulSoup

from mi_course.book.site import inline_svg
from support.outside import ROOT
from support.small_site import build

FIGURES = "book/_static/figures"
PICTURE = "```{{figure}} _static/figures/{0}\n:alt: x\n"
FORMS = [PICTURE + "```", PICTURE + ":width: 420px\n```", PICTURE + ":target: other.html\n```"]


@pytest.fixture
def shown(tmp_path):
    """The figure of a page that holds only this."""
    shutil.copytree(ROOT / FIGURES, tmp_path / FIGURES)

    def page(text):
        html = build(tmp_path, {"book/page": f"# Page\n\n{text}\n"}, inline_svg.__name__)
        return html["book/page"].figure

    return page


@pytest.mark.parametrize("form", FORMS, ids=["plain", "width", "target"])
def test_a_listed_drawing_replaces_its_picture_and_the_link_around_it(shown, form):
    figure = shown(form.format("ioi_circuit.svg"))
    assert [tag.name for tag in figure.find_all(recursive=False)] == ["svg"]
    assert len(figure.select("g.head[tabindex]")) == 26


@pytest.mark.parametrize("form", FORMS, ids=["plain", "width", "target"])
def test_other_pictures_stay_as_they_are(shown, form):
    figure = shown(form.format("mlp.svg"))
    assert figure.svg is None
    assert len(figure.find_parent().select(".course-wide img")) == 1  # a phone scrolls it
    assert figure.img["src"] == "../_images/mlp.svg"
    assert len(figure.select("a.image-reference > img")) == (form != FORMS[0])


def test_every_drawing_that_is_listed_exists():
    assert all((ROOT / drawing).is_file() for drawing in inline_svg.DRAWINGS)


def test_every_head_of_the_drawing_can_be_reached_by_keyboard_and_says_what_it_is():
    drawing = (ROOT / "book/_static/figures/ioi_circuit.svg").read_text("utf8")
    heads = re.findall(r'<g class="head" tabindex="0" role="img" aria-label="([^"]+)"', drawing)
    assert len(heads) == 26
    assert all(re.match(r"Head \d+\.\d+: layer \d+, head \d+, ", label) for label in heads)


def test_what_a_drawing_asks_for_is_put_in_and_escaped():
    svg = '<text class="a" x="8" data-glued="{n:.1f} of {kind}">none yet</text>'
    values = {"n": 2.345, "kind": "a < b"}
    shown = '<text class="a" x="8"><tspan x="8" dy="0">2.3 of a &lt; b</tspan></text>'
    assert inline_svg.fill(svg, values) == shown
    said = inline_svg.fill('<g data-step="1" data-says="These: {kind}. &lt;"></g>', values)
    assert said == '<g data-step="1" data-says="These: a &lt; b. &lt;"></g>'


@pytest.mark.parametrize(
    ("heads", "lines"),
    [
        ("none", ["none"]),
        ("9.9, 9.6, 10.0, 10.1, 10.2", ["9.9, 9.6, 10.0, 10.1,", "10.2"]),
        (", ".join(f"10.{i}" for i in range(12)), ["10.0, 10.1, 10.2,", "and 9 more"]),
    ],
)
def test_a_list_of_heads_is_broken_between_heads_and_its_rest_counted(heads, lines):
    svg = inline_svg.fill('<text x="1" data-glued="{heads}">-</text>', {"heads": heads})
    assert [span.get_text() for span in BeautifulSoup(svg, "html.parser").select("tspan")] == lines


def test_an_arrow_from_no_head_is_left_out():
    svg = '<path class="a" data-unless-none="guides" d="M1 2"/>'
    assert inline_svg.fill(svg, {"guides": "none"}) == ""
    assert inline_svg.fill(svg, {"guides": "0.1"}) == svg


def test_a_value_that_no_cell_glues_is_not_left_out_in_silence():
    with pytest.raises(KeyError, match="movers"):
        inline_svg.fill('<text data-glued="{movers}">x</text>', {"mover": "1.2"})
