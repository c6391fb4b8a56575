import re
from html.parser import HTMLParser

import pytest

from mi_course import plots
from mi_course.models import ModelLacksError
from mi_course.plots import hook_picture, hook_places
from mi_course.plots.hook_places import BLOCK_TITLE


@pytest.fixture(params=["tiny", "pocket", "tiny_llama"])
def model(request):
    return request.getfixturevalue(request.param)


def test_every_hook_point_of_the_model_is_in_the_picture_and_no_other(model):
    shown = {
        name.replace("{layer}", str(layer))
        for name in plots.hook_diagram(model).names
        for layer in range(model.cfg.n_layers)
    }
    assert shown == set(model.hook_dict)


NEVER = {"tiny": 2, "tiny_llama": 4}  # points through which nothing passes, whatever is switched on
SWITCHED = 6  # points that wait for a switch


@pytest.mark.parametrize(("name", "family"), [("tiny", "GPT2"), ("tiny_llama", "LLAMA")])
def test_shapes_in_the_picture_are_those_of_the_activations(name, family, request):
    """Every point that runs; the picture's words for axes, replaced by this model's sizes."""
    model = request.getfixturevalue(name)
    tokens = model.to_tokens("abcd")
    _, cache = model.run_with_cache(tokens)
    cfg, length = model.cfg, tokens.shape[1]
    sizes = {
        "batch": 1, "pos": length, "query": length, "key": length, "head": cfg.n_heads,
        "d_model": cfg.d_model, "d_head": cfg.d_head, "d_mlp": cfg.d_mlp, "vocab": cfg.d_vocab,
        "group": cfg.n_key_value_heads, "1": 1,
    }  # fmt: skip
    parts = getattr(hook_places, family)
    places = [(part.title, place) for part in parts for place in part.places]
    seen = 0
    for title, place in places:
        point = ("blocks.1." if title == BLOCK_TITLE else "") + place.name
        if point in cache:
            assert tuple(cache[point].shape) == tuple(sizes[a] for a in place.shape.split()), point
            seen += 1
        else:
            assert not place.shape or place.name in hook_picture._SWITCHES, point
    assert seen == len(places) - NEVER[name] - SWITCHED


@pytest.mark.parametrize(("name", "family"), [("tiny", "GPT2"), ("tiny_llama", "LLAMA")])
def test_points_that_are_off_name_their_switch_and_the_switch_exists(name, family, request):
    model = request.getfixturevalue(name)
    html = plots.hook_diagram(model)._repr_html_()
    switches = set(re.findall(r"Off until model\.(\w+)\(True\)", html))
    assert len(switches) == 4
    assert all(callable(getattr(model, switch)) for switch in switches)
    (block,) = (part for part in getattr(hook_places, family) if part.title == BLOCK_TITLE)
    for place in block.places:
        switch = hook_picture._SWITCHES.get(place.name)
        point = model.hook_dict[f"blocks.0.{place.name}"]
        if switch is None:
            model.check_hooks_to_add(point, place.name, print)
        else:
            with pytest.raises(ValueError, match=switch):
                model.check_hooks_to_add(point, place.name, print)


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_every_point_is_a_button_and_nothing_comes_from_outside(pocket):
    html = plots.hook_diagram(pocket)._repr_html_()
    tags = Tags()
    tags.feed(html)
    buttons = [attrs for tag, attrs in tags.found if tag == "button"]
    assert len(buttons) == sum(len(part.places) for part in hook_places.GPT2)
    assert {tag for tag, _ in tags.found}.isdisjoint({"script", "link", "img", "iframe"})
    assert "http" not in html
    assert "url(" not in html


def test_hook_point_without_a_place_is_an_error(tiny, monkeypatch):
    known = dict(tiny.hook_dict)
    more = known | {"blocks.0.hook_new": object()}
    monkeypatch.setattr(type(tiny), "hook_dict", property(lambda self: more))
    with pytest.raises(
        ValueError, match=r"no place in the picture for blocks\.\{layer\}\.hook_new"
    ):
        plots.hook_diagram(tiny)
    del more["blocks.0.hook_new"], more["hook_embed"], more["embed.hook_out"]
    with pytest.raises(ValueError, match="this model has no hook point hook_embed"):
        plots.hook_diagram(tiny)


def test_picture_of_another_architecture_is_refused(tiny_llama, monkeypatch):
    monkeypatch.setattr(tiny_llama.cfg, "gated_mlp", False)
    with pytest.raises(ModelLacksError, match=r"built otherwise: see model\.hook_dict"):
        plots.hook_diagram(tiny_llama)


def test_the_picture_of_a_llama_counts_groups_and_knows_no_layernorm(tiny_llama):
    html = plots.hook_diagram(tiny_llama)._repr_html_()
    assert "(batch, pos, group 2, d_head 4)" in html
    assert "LayerNorm" not in html
    assert "for N from 0 to 2" in html
