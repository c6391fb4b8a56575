"""What week 3 concludes: on which prompts, by which numbers."""

from __future__ import annotations

import re

import pytest
import torch

from mi_course import circuit, ioi, ioi_data, patching
from mi_course.book.claims import words
from mi_course.claims import (
    CANNOT_TELL,
    NO,
    YES,
    ClaimError,
    catalogue,
    circuits,
    rerun,
    week3,
    week3_circuit,
    week3_heads,
)
from mi_course.models import registry
from support.outside import ROOT

CLAIMS = [one for name, one in catalogue.declared().items() if name.startswith("week3/")]
SMALL = 24  # prompts: enough for the machinery, not for a verdict


@pytest.mark.parametrize("one", CLAIMS, ids=lambda one: one.name)
def test_the_page_tells_every_claim_of_its_own(one):
    page = (ROOT / "book" / f"{one.doc}.md").read_text("utf8")
    assert len(re.findall(rf"\{{claim\}}`{one.name}`", page)) == 1


def test_the_pages_tell_no_claim_that_there_is_not():
    pages = (path.read_text("utf8") for path in (ROOT / "book/week3").glob("*.md"))
    told = {name for page in pages for name in re.findall(r"\{claim[-a-z]*\}`([^`]+)`", page)}
    assert told == {one.name for one in CLAIMS}


def test_heads_are_found_on_prompts_that_do_not_judge_them(pocket, monkeypatch):
    seeds = []
    real = ioi_data.dataset

    def watched(tokenizer, count, seed, *args, **kwargs):
        seeds.append((seed, args))
        return real(tokenizer, count, seed, *args, **kwargs)

    monkeypatch.setattr(ioi_data, "dataset", watched)
    circuits.found.cache_clear()
    circuits.dataset.cache_clear()
    circuits.found(pocket, 3000)
    circuits.dataset(pocket, SMALL, 3000, True)
    (finding, arguments), (judging, templates) = seeds
    assert finding != judging
    assert arguments == ()  # from the page's templates, also where others judge
    assert templates == (ioi_data.OTHER_TEMPLATES,)


def test_a_model_without_movers_or_guides_makes_no_claim(pocket, monkeypatch):
    def none(*_):
        raise ValueError("no head is a name mover: …")

    circuits.found.cache_clear()
    monkeypatch.setattr(circuit, "find", none)
    with pytest.raises(ClaimError, match="no head is a name mover"):
        circuits.found(pocket, 0)
    monkeypatch.setattr(circuit, "find", lambda *_: circuit.Found([(1, 2)], [], [], []))
    with pytest.raises(ClaimError, match="through the movers' queries"):
        circuits.guides(pocket, 0)
    circuits.found.cache_clear()


def test_the_largest_of_several_is_turned_to_lie_above_zero():
    values = torch.tensor([[1.0, -5.0], [2.0, -7.0]])
    assert circuits.largest(values).tolist() == [5.0, 7.0]


def test_a_mover_that_works_in_one_order_only_is_found(pocket, monkeypatch):
    clean = circuits.dataset(pocket, SMALL, 0, False).clean
    io_first = (clean.io_pos < clean.s1_pos).float()
    drops = torch.stack([torch.full((SMALL,), 20.0), 10 + 30 * (1 - io_first)], 1)
    drops = drops + 0.01 * torch.randn(drops.shape, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(week3_heads, "_direct_drops", lambda *_: drops)
    found = week3_heads.a_mover_prefers_an_order(pocket, SMALL, 0)
    assert found.effect == pytest.approx(30, abs=0.1)


def test_on_pabc_nothing_tells_the_names_at_io_and_s1_apart(pocket):
    """So that movers look at both alike is no finding, but for the first and the second place."""
    abc = circuits.dataset(pocket, 120, 0, False).abc
    first, second, at_s2 = week3_heads._abc_attention(pocket, 120, 0, False)
    io_first = abc.io_pos < abc.s1_pos
    assert io_first.sum() == 60
    assert float(first.mean() + second.mean() + at_s2.mean()) < 1
    tokens = {tuple(names) for names in torch.stack([abc.io, abc.s], 1).tolist()}
    assert all(io != s for io, s in tokens)


@pytest.mark.parametrize("layer", [0, 1])
def test_no_patch_before_the_first_token_that_differs_changes_anything(pocket, layer):
    """Why two thirds of the map are 0, whatever S1 and IO are worth."""
    data = ioi_data.dataset(pocket.tokenizer, 12, 1, [ioi.P8_FORM])
    clean, s2 = data.clean, int(data.clean.s2_pos[0])
    name = f"blocks.{layer}.hook_resid_pre"
    streams = []
    for tokens in (clean.tokens, data.flipped.tokens):
        _, cache = pocket.run_with_cache(tokens, names_filter=name)
        streams.append(cache[name][:, :s2])
    assert torch.equal(*streams)
    patched = patching.residual(pocket, data.flipped.tokens, clean.tokens, clean.answers)
    flipped = ioi.model_logit_diff(pocket, data.flipped.tokens, clean.answers)
    before = flipped[:, None].expand(-1, s2)
    assert torch.allclose(patched[:, layer, :s2], before, atol=1e-5)


def test_another_name_at_s1_does_reach_the_answer(pocket):
    at_first, at_last = week3._s1_replaced(pocket, SMALL, 0, False)
    data, clean_ld, _ = week3._one_template(pocket, SMALL, 0, False)
    base = data.clean.tokens.clone()
    base[torch.arange(SMALL), data.clean.s1_pos] = data.abc.s
    start = ioi.model_logit_diff(pocket, base, data.clean.answers)
    assert torch.allclose(at_first, clean_ld - start, atol=1e-4)  # the clean prompt, exactly
    answers, s1, rows = data.clean.answers, data.clean.s1_pos, torch.arange(SMALL)
    swept = patching.residual(pocket, base, data.clean.tokens, answers) - start[:, None, None]
    assert torch.allclose(at_first, swept[rows, 0, s1], atol=1e-4)
    assert torch.allclose(at_last, swept[rows, -1, s1], atol=1e-4)
    assert at_last.abs().mean() > 1


def test_what_the_replacements_write_is_luck_that_other_names_do_not_repeat(pocket):
    """The page's 0.24 logits were told as backup once."""
    one, other = (
        week3_circuit.replacements_write_little_of_the_answer(pocket, 500, seed)
        for seed in (0, 1000)
    )
    assert one.low > 0
    assert other.low < 0 < other.high


def test_the_ablation_decides_whether_the_circuit_does_better_alone(pocket):
    gaps = week3_circuit._alone(pocket, 120, 0, False)
    assert gaps["means"].mean() > 0.5 > -1 > gaps["zeros"].mean()


def test_heads_that_no_later_head_hears_work_through_none(pocket, monkeypatch):
    """The movers of pocket stand in its last layer: what the others write stays as it was."""
    claim = week3_circuit.guides_work_through_other_heads
    assert claim(pocket, SMALL, 0).verdict == YES
    monkeypatch.setattr(circuits, "guides", lambda model, seed: circuits.found(model, seed).movers)
    assert claim(pocket, SMALL, 0).verdict == NO


def test_few_prompts_conclude_nothing_about_what_is_made_up_for(pocket):
    found = week3_circuit.movers_are_made_up_for(pocket, SMALL, 0)
    assert found.verdict == CANNOT_TELL


def test_what_needs_no_movers_may_be_measured_on_any_model():
    """One about name movers is not, and a page on a model without them says so in a sentence."""
    free = {one.name for one in CLAIMS if one.fits(registry.SMOLLM2)}
    assert free >= {
        "week3/difference_goes_straight_to_end",
        "week3/the_name_at_s1_counts_against_the_answer",
        "week3/s1_is_read_where_it_stands",
    }
    about = catalogue.named("week3/every_mover_writes_the_answer")
    assert about.name not in free
    told = words.not_measured(about, registry.SMOLLM2)
    assert told.endswith("it is tried on models with learned positions and LayerNorm only.")


def test_what_a_claim_needs_can_be_told():
    wanted = {value for one in catalogue.declared().values() for value in one.needs.values()}
    assert wanted <= set(words.NEEDS)


@pytest.mark.slow
@pytest.mark.parametrize("one", CLAIMS, ids=lambda one: one.name)
def test_every_claim_runs_on_the_pages_draw(pocket, one):
    (loaded,) = rerun.load([one])
    assert rerun.once(pocket, loaded, rerun.Run("page", 0)).finding is not None
