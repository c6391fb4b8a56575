"""What is kept of an output, what is dropped, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

from mi_course.book.outputs import CIRCUITSVIS, GLUE, PLOTLY, normalise, places, problems
from support.small_course import shown, text


def test_pieces_of_one_stream_are_joined():
    joined = normalise([text("a"), text("b\n"), shown({"text/plain": "x"}), text("c")])
    assert [o.get("text", "shown") for o in joined] == ["ab\n", "shown", "c"]


def test_progress_bars_are_dropped_and_what_they_parted_is_joined():
    bar = [text("\r 0%|   | 0/2", "stderr"), text("\r100%|###| 2/2\n", "stderr")]
    assert normalise([text("a\n"), *bar, text("b\n")]) == [text("a\nb\n")]


def test_a_redrawn_line_keeps_its_last_state():
    assert normalise([text("step 1\rstep 2\ndone\r\n")]) == [text("step 2\ndone\n")]


def test_other_text_on_stderr_is_kept_and_refused():
    (kept,) = outs = normalise([text("\r50%|#\nsomething is odd\n", "stderr")])
    assert kept.text == "something is odd\n"
    assert problems(outs) == ["it writes to stderr, which is not stored: 'something is odd'"]


@pytest.mark.parametrize("mime", [PLOTLY, CIRCUITSVIS])
def test_of_a_figure_only_its_data_is_kept(mime):
    figure = {mime: {"data": [1]}, "text/html": "<div id='a1b2c3d4'>", "text/plain": "Figure at 0x"}
    (kept,) = normalise([shown(figure | {"image/png": "AAAA"})])
    assert kept.data == {mime: {"data": [1]}}
    assert problems([kept]) == []


def test_the_address_of_plotlys_server_is_dropped():
    config = {"plotlyServerURL": "https://example.org", "responsive": True}
    (kept,) = normalise([shown({PLOTLY: {"data": [], "config": config}})])
    assert kept.data[PLOTLY] == {"data": [], "config": {"responsive": True}}


def test_a_table_is_kept_as_html_alone():
    (kept,) = normalise([shown({"text/html": "<table>", "text/plain": "  a\n0 1"})])
    assert kept.data == {"text/html": "<table>"}


def test_of_a_glued_value_text_and_name_are_kept():
    scrapbook = {"name": "loss", "mime_prefix": "application/papermill.record/"}
    metadata = NotebookNode(scrapbook=scrapbook, isolated=True)
    (kept,) = normalise(
        [shown({GLUE: "0.5", GLUE.replace("plain", "html"): "x"}, metadata=metadata)]
    )
    assert kept.data == {GLUE: "0.5"}
    assert kept.metadata == {"scrapbook": scrapbook}


def test_the_argument_is_not_changed():
    outs = [text("a"), text("b")]
    normalise(outs)
    assert outs == [text("a"), text("b")]


@pytest.mark.parametrize(
    ("held", "what"),
    [
        ("<object at 0x7f8a1c2b3d40>", "an address in memory"),
        ("/home/ada/course/x.py", "a path of this machine"),
        ("saved to /tmp/xyz", "a path of this machine"),
        ("/Users/ada/x", "a path of this machine"),
        ("C:\\Users\\ada", "a path of this machine"),
        ("lib/python3.11/site-packages/torch", "a path of this machine"),
        ("/var/log/ipykernel_1234/1.py", "a path of this machine"),
        ('<div id="circuits-vis-a1b2c3"></div>', "a random id"),
        ("<table id='T_5f0b1'>", "a random id"),
        ("3fa85f64-5717-4562-b3fc-2c963f66afa6", "a random id"),
        ("UserWarning: beware", "a warning"),
        ("WARNING: beware", "a warning"),
        ("Traceback (most recent call last):", "an error"),
        ("Unknown mime type: x", "`unknown mime type`"),
    ],
)
def test_noise_is_refused_wherever_it_stands(held, what):
    for output in (
        text(f"before\n{held}\n"),
        shown({"text/plain": held}),
        shown({"text/html": f"<p>{held}</p>"}),
        shown({PLOTLY: {"data": [{"text": [held]}]}}),
        shown({GLUE: repr(held)}),
    ):
        (found,) = problems([output])
        assert found.startswith(f"its output holds {what}: ")


@pytest.mark.parametrize(
    "harmless",
    [
        "see https://example.org/home/page and and/or",
        'id="loss-2020"',
        '<h2 id="added-heads">',
        "weights 248dfc391186",
        "Warnings are refused",
        "0x1F",
    ],
)
def test_ordinary_text_is_not_refused(harmless):
    assert problems([text(harmless)]) == []


def test_errors_pictures_and_unshowable_outputs_are_refused():
    error = new_output("error", ename="KeyError", evalue="'x'", traceback=["/tmp/x"])
    assert problems([error]) == ["it raised KeyError: 'x'"]
    (picture,) = problems(normalise([shown({"image/png": "AAAA"})]))
    assert "it shows a picture (image/png)" in picture
    (widget,) = problems(normalise([shown({"application/vnd.jupyter.widget-view+json": {}})]))
    assert "which a page cannot show" in widget


def test_the_projects_own_folder_is_refused():
    assert problems([text("/srv/ada/mi/book")], ["/srv/ada/mi"])
    assert str(Path("/srv/ada/mi")) in places(Path("/srv/ada/mi"))
    assert "/usr" not in places(Path("/srv/ada/mi"))


PICTURE = {"image/png": "AAAA", "text/plain": "<PIL.Image.Image image mode=RGB size=2x2>"}


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (PICTURE, "it shows a picture (image/png)"),
        ({"image/jpeg": "AAAA", "text/plain": "array"}, "it shows a picture (image/jpeg)"),
        ({"text/plain": PICTURE["text/plain"]}, "it shows a picture (<PIL.Image.Image image"),
        ({"text/plain": f"[{PICTURE['text/plain']}, 1]"}, "it shows a picture (<PIL.Image.Image"),
        ({"text/plain": "<Figure size 640x480 with 1 Axes>"}, "it shows a picture (<Figure size"),
        ({"text/plain": "<Axes: xlabel='x'>"}, "it shows a picture (<Axes: xlabel='x'>)"),
        ({"text/plain": "<IPython.core.display.Image object>"}, "it shows a picture"),
        ({"text/html": '<img src="data:image/png;base64,AAAA">'}, "its output holds a picture"),
        ({"text/markdown": "![](data:image/jpeg;base64,AAAA)"}, "its output holds a picture"),
        ({GLUE: "<x>", GLUE.replace("text/plain", "image/png"): "AAAA"}, "it shows a picture"),
        ({"text/plain": "<a.b.Thing object>"}, "it shows an object only by its type"),
        ({"text/plain": "{'a': <Thing object>}"}, "it shows an object only by its type"),
        (
            {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "IntSlider(value=0)"},
            "it shows only application/vnd.jupyter.widget-view+json, which a page cannot show",
        ),
        ({"audio/wav": "AAAA", "text/plain": "sound"}, "it shows only audio/wav, which a page"),
    ],
)
def test_plain_text_does_not_hide_what_is_refused(data, what):
    found = problems(normalise([shown(data)]))
    assert len(found) == 1, found
    assert found[0].startswith(what)


@pytest.mark.parametrize(
    "data",
    [
        {"text/plain": "<Color.RED: 1>"},
        {"text/plain": "<re.Match object; span=(0, 1), match='a'>"},
        {"text/plain": "<All keys matched successfully>"},
        {"text/plain": "'<|endoftext|> <b>x</b> a < b.c > d'"},
        {"text/html": "<table>", "image/png": "AAAA", "text/plain": "x"},
        {"image/svg+xml": "<svg/>", "image/png": "AAAA", "text/plain": "<Figure size 1x1>"},
        {"text/latex": "$x$", "image/png": "AAAA", "text/plain": "x"},
    ],
)
def test_what_says_what_it_holds_is_kept(data):
    assert problems(normalise([shown(data)])) == []
