"""A drawing that reacts stands in the page itself, and no link around it takes the taps."""

import re
from types import SimpleNamespace

import pytest

from mi_course.book.site import inline_svg
from support.outside import ROOT

IMAGE = '<img alt="x" src="../../_images/{0}" style="width: 420px;" />'
LINK = '<a class="reference internal image-reference" href="../../_images/{0}">' + IMAGE + "</a>"


def shown(body):
    context = {"body": body}
    inline_svg.put_inline(SimpleNamespace(srcdir=str(ROOT)), "p", "page.html", context, None)
    return context["body"]


@pytest.mark.parametrize("form", [IMAGE, LINK])
def test_a_listed_drawing_replaces_its_picture_and_the_link_around_it(form):
    body = shown(f"<figure>{form.format('ioi_circuit.svg')}</figure>")
    assert re.fullmatch(r"<figure><svg\b.*</svg>\s*</figure>", body, re.DOTALL)


@pytest.mark.parametrize("form", [IMAGE, LINK])
def test_other_pictures_stay_as_they_are(form):
    body = f"<figure>{form.format('induction.svg')}</figure>"
    assert shown(body) == body


def test_every_head_of_the_drawing_can_be_reached_by_keyboard_and_says_what_it_is():
    drawing = (ROOT / "book/_static/figures/ioi_circuit.svg").read_text("utf8")
    heads = re.findall(r'<g class="head" tabindex="0" role="img" aria-label="([^"]+)"', drawing)
    assert len(heads) == 26
    assert all(re.match(r"Head \d+\.\d+: layer \d+, head \d+, ", label) for label in heads)
