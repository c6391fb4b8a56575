"""What a figure that lives shows, and what was stored of it, in the same form."""

import pytest


def rows(figure):
    """The words on screen with their per cent."""
    texts = figure.locator(".course-first-guesses li").all_inner_texts()
    pairs = [text.split("\n") for text in texts]
    return [(pair[0], float(pair[-1].removesuffix(" %"))) for pair in pairs]


def bars(figure):
    """How long each bar is, in per cent of the longest that it can be."""
    drawn = "bars => bars.map(bar => 100 * getComputedStyle(bar).getPropertyValue('--p'))"
    return figure.locator(".course-first-bar").evaluate_all(drawn)


def told(guesses):
    """Tokens with their probabilities as a figure shows them, to its rounding."""
    return [(word.strip(), pytest.approx(100 * p, abs=0.06)) for word, p in guesses]
