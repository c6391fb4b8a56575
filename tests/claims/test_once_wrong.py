"""What pages once concluded wrongly: what is true of it, so that it does not come back.

The conclusions that are claims have tests of their own, in `test_week1` to `test_week3`; here is
what is no claim, and what was missing there.
"""

from __future__ import annotations

import re

import pytest
import torch

from mi_course import attribution, copying, ioi_data, models
from mi_course.book.claims import table
from mi_course.claims import CANNOT_TELL, YES, catalogue
from mi_course.models import registry
from support.outside import ROOT

BOOK = ROOT / "book"
CLAIMS = list(catalogue.declared().values())


def text(page):
    """A page of the book, its lines joined."""
    return " ".join((BOOK / f"{page}.md").read_text("utf8").split())


@pytest.fixture(scope="module")
def stored():
    return table.load(ROOT, registry.POCKET.name)


# --- every conclusion stands on its page


@pytest.mark.parametrize("one", CLAIMS, ids=lambda one: one.name)
def test_every_claim_is_told_on_its_page(one):
    assert f"{{claim}}`{one.name}`" in text(one.doc)


# --- week 4: a null from an experiment that could not see the effect


def test_the_first_look_at_the_position_is_no_null(stored):
    """It sees effects from several times what would be too small to matter: it cannot say no."""
    first = stored["week4/first_look_on_ioi"].page
    assert first.verdict == CANNOT_TELL
    assert first.smallest > 3 * first.rule.within


def test_the_longer_run_that_tells_the_position_sees_what_it_tells(stored):
    longer = stored["week4/position_costs_mlps_more_on_ioi"]
    assert longer.page.verdict == YES
    assert longer.page.effect > longer.page.smallest
    assert longer.is_told


@pytest.mark.parametrize("page", ["week4/02_positional_embeddings", "week4/model_post"])
def test_the_old_null_is_told_as_what_was_said_once_and_never_as_a_verdict(page):
    said = re.findall(r".{60}no more than random directions", text(page))
    assert all("the page said" in one for one in said)
    assert len(said) == (page != "week4/model_post")


# --- week 3: a score that all heads of a layer reach


def test_pockets_movers_score_as_high_as_the_other_heads_of_their_layer(pocket):
    """So "at least 1.00" says nothing of movers; the page counts the heads that reach it."""
    clean = ioi_data.dataset(pocket.tokenizer, 60, 0).clean
    scores = copying.copy_scores(pocket, clean)
    assert scores[1].min() > 0.95
    said = text("week3/03_figure_3")
    assert "Of the {glue:text}`n_later` heads after the first layer" in said
    assert "{glue:text}`n_copy` have a copy score of 0.9 or more" in said


# --- week 2: what needs folded weights is the library's function, not the sum


def test_by_hand_the_parts_of_a_bare_model_add_up(pocket):
    bare = models.load_bare(pocket)
    tokens = pocket.to_tokens("When John and Mary went to the shops, John gave the bag to")
    names = [pocket.to_single_token(name) for name in (" Mary", " John")]
    with torch.no_grad():
        logits, cache = bare.run_with_cache(tokens)
    parts = cache.decompose_resid(pos_slice=-1)
    given = cache.logit_attrs(parts, tokens=names[0], incorrect_tokens=names[1], pos_slice=-1).sum()
    whole = logits[0, -1, names[0]] - logits[0, -1, names[1]]

    norm = dict(bare.ln_final.named_parameters())
    weight, bias = (
        next(value for key, value in norm.items() if key.endswith(part))
        for part in ("weight", "bias")
    )
    towards = bare.W_U[:, names[0]] - bare.W_U[:, names[1]]
    read = (parts - parts.mean(-1, keepdim=True)) / cache["ln_final.hook_scale"][0, -1] * weight
    by_hand = (read @ towards).sum() + bias @ towards + bare.b_U[names[0]] - bare.b_U[names[1]]
    assert by_hand.item() == pytest.approx(whole.item(), abs=1e-3)
    assert abs(given - whole) > 1  # the library's function leaves the weight out


# --- where the paper says what


def test_the_copy_score_is_cited_from_where_it_stands():
    assert "section 3.1" in (copying.__doc__ or "")
    for module in (attribution, copying):
        assert "appendix C" not in (module.__doc__ or "")
    assert "**copy score** (section 3.1)" in text("week3/03_figure_3")


def test_the_papers_choice_of_queries_is_told_with_the_measurement_that_it_leans_on():
    answers = text("week3/01_paper")
    assert "that leans on a measurement, the copy score of section 3.1" in answers


# --- a verdict is a sentence


@pytest.mark.parametrize("one", CLAIMS, ids=lambda one: one.name)
def test_every_verdict_is_a_sentence_and_no_entry_of_a_form(one):
    for sentence in one.sentences.values():
        assert len(sentence.split()) >= 4, sentence
        assert sentence[0].isupper(), sentence
        assert not re.match(r"(Yes|No)\b[.,:]", sentence), sentence


def test_the_post_has_no_bare_verdict_in_it():
    assert "{claim-verdict}" not in text("week4/model_post")
