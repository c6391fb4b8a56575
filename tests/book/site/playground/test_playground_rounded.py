"""The small file, with which the playground can be used before its exact weights are there."""

import pytest
import torch
from safetensors.torch import load, save

from mi_course import models
from mi_course.book.site import browser_model
from support.playground import bare_page, browser, call
from support.site_builds import real_site

SHIPPED = (models.POCKET_DIR / "model.safetensors").read_bytes()
PAGE = "book/playground.html"
IOI = "When Mary and John went to the shops, John gave the bag to"


def test_every_number_is_within_half_a_step_and_vectors_are_exact():
    exact, small = load(SHIPPED), load(browser_model.rounded(SHIPPED))
    for name, values in exact.items():
        if values.ndim == 1:
            assert torch.equal(small[name], values), name
            continue
        step = small[f"{name}.scale"]
        off = (small[name].float() * step - values).abs() / step
        assert small[name].abs().max() == 127
        assert off.max() < 0.5 + 1e-4, name


def test_a_column_of_zeros_stays_zeros():
    values = torch.tensor([[0.0, 1.0], [0.0, -2.0], [0.0, 0.5]])
    small = load(browser_model.rounded(save({"w": values})))
    assert (small["w"] * small["w.scale"])[:, 0].tolist() == [0, 0, 0]
    assert small["w"][:, 1].tolist() == [64, -127, 32]


def test_the_small_file_is_small():
    assert len(browser_model.rounded_content()) < 0.3 * len(browser_model.content())


@pytest.mark.browser
def test_logits_of_the_rounded_model_are_near_the_exact_ones(chromium, tmp_path, pocket):
    code = """text => {
        const { weights, read } = small;
        return [...Playground.forward(weights, read(text)).logits.slice(-weights.vocab)];
    }"""
    with bare_page(chromium, tmp_path) as page:
        page.add_script_tag(path=tmp_path / browser_model.ROUNDED)
        page.evaluate("() => { window.small = Playground.openModel(POCKET_8BIT); }")
        found = torch.tensor(call(page, code, IOI))
    expected = pocket(pocket.to_tokens(IOI))[0, -1]
    off = (found - expected).abs()
    assert 0 < off.max() < 0.3  # logits
    assert found.argmax() == expected.argmax()


@pytest.mark.browser
def test_the_page_is_used_with_rounded_weights_and_then_has_the_exact_ones(chromium, playground):
    context = chromium.new_context()
    page = context.new_page()
    held = []
    page.route("**/pocket.js", lambda route: held.append(route))
    page.goto(playground + PAGE, wait_until="commit")
    page.wait_for_selector("#pg-root[data-usable]")
    line = page.locator(".pg-precision")
    assert "rounded to 8 bits" in line.inner_text()
    page.get_by_role("button", name="Head 1.2: ").click()
    page.locator(".pg-puzzle summary").first.click()
    page.get_by_role("button", name="Check").first.click()
    assert "still on their way" in page.locator(".pg-verdict").first.inner_text()
    assert page.get_attribute("#pg-root", "data-state") is None
    rounded = page.locator(".pg-difference").inner_text()

    held[0].continue_()
    page.wait_for_selector("#pg-root[data-state=ready]")
    assert "exact weights" in line.inner_text()
    assert "change=1.2:zero" in page.url  # what was set stays
    assert page.locator(".pg-difference").inner_text() != rounded
    context.close()


@pytest.mark.browser
def test_without_the_small_file_the_whole_one_does(chromium, playground):
    context = chromium.new_context()
    page = context.new_page()
    page.route(f"**/{browser_model.ROUNDED}", lambda route: route.abort())
    page.goto(playground + PAGE)
    page.wait_for_selector("#pg-root[data-state=ready]")
    assert "exact weights" in page.locator(".pg-precision").inner_text()
    context.close()


@pytest.fixture(scope="module")
def playground():
    with browser.served(real_site()) as base:
        yield base
