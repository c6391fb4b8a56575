import re
from html.parser import HTMLParser

import pytest

from mi_course import plots
from mi_course.models import ModelLacksError
from mi_course.plots import hook_picture


@pytest.fixture(params=["tiny", "pocket"])
def model(request):
    return request.getfixturevalue(request.param)


def test_every_hook_point_of_the_model_is_in_the_picture_and_no_other(model):
    shown = {
        name.replace("{layer}", str(layer))
        for name in plots.hook_diagram(model).names
        for layer in range(model.cfg.n_layers)
    }
    assert shown == set(model.hook_dict)


def test_shapes_in_the_picture_are_those_of_the_activations(tiny):
    """Every point that runs; the picture's words for axes, replaced by this model's sizes."""
    tokens = tiny.to_tokens("abcd")
    _, cache = tiny.run_with_cache(tokens)
    cfg, length = tiny.cfg, tokens.shape[1]
    sizes = {
        "batch": 1, "pos": length, "query": length, "key": length, "head": cfg.n_heads,
        "d_model": cfg.d_model, "d_head": cfg.d_head, "d_mlp": cfg.d_mlp, "vocab": cfg.d_vocab,
        "1": 1,
    }  # fmt: skip
    seen = 0
    for places, prefix in (
        (hook_picture.BEFORE, ""),
        (hook_picture.BLOCK, "blocks.1."),
        (hook_picture.AFTER, ""),
    ):
        for place in places:
            name = prefix + place.name
            if name in cache:
                assert tuple(cache[name].shape) == tuple(sizes[a] for a in place.shape.split())
                seen += 1
    assert seen == len(hook_picture.BEFORE + hook_picture.BLOCK + hook_picture.AFTER) - 8


def test_points_that_are_off_name_their_switch_and_the_switch_exists(tiny):
    html = plots.hook_diagram(tiny)._repr_html_()
    switches = set(re.findall(r"Off until model\.(\w+)\(True\)", html))
    assert len(switches) == 4
    assert all(callable(getattr(tiny, switch)) for switch in switches)
    for place in hook_picture.BLOCK:
        switch = hook_picture._SWITCHES.get(place.name)
        point = tiny.hook_dict[f"blocks.0.{place.name}"]
        if switch is None:
            tiny.check_hooks_to_add(point, place.name, print)
        else:
            with pytest.raises(ValueError, match=switch):
                tiny.check_hooks_to_add(point, place.name, print)


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
    places = hook_picture.BEFORE + hook_picture.BLOCK + hook_picture.AFTER
    assert len(buttons) == len(places)
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


def test_picture_of_another_architecture_is_refused(tiny_llama):
    with pytest.raises(ModelLacksError, match="which this model does not have"):
        plots.hook_diagram(tiny_llama)
