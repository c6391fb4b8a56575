"""A drawing that reacts stands in the page itself, and no link around it takes the taps."""

import re
import shutil

import pytest

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
    assert figure.img["src"] == "../_images/mlp.svg"
    assert len(figure.select("a.image-reference > img")) == (form != FORMS[0])


def test_every_drawing_that_is_listed_exists():
    assert all((ROOT / drawing).is_file() for drawing in inline_svg.DRAWINGS)


def test_every_head_of_the_drawing_can_be_reached_by_keyboard_and_says_what_it_is():
    drawing = (ROOT / "book/_static/figures/ioi_circuit.svg").read_text("utf8")
    heads = re.findall(r'<g class="head" tabindex="0" role="img" aria-label="([^"]+)"', drawing)
    assert len(heads) == 26
    assert all(re.match(r"Head \d+\.\d+: layer \d+, head \d+, ", label) for label in heads)
