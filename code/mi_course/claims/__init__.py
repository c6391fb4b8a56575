"""Conclusions that pages draw from measurements: functions that are run again on fresh draws.

A *claim* stands in `week1.py` to `week4.py`, the experiments behind it in the package's modules:

    @claim(
        "week4/position_costs_mlps_more_on_ioi",
        doc="week4/02_positional_embeddings",
        n=96,
        of="prompts",
        sentences={
            YES: "On IOI the MLPs miss the position more than random directions.",
            NO: "On IOI the position costs the MLPs at most {within} {unit} more than random "
            "directions.",
            CANNOT_TELL: "On IOI we cannot tell whether the MLPs miss the position: an effect "
            "below {smallest} {unit} can stay hidden.",
        },
        templates=True,
        needs={"positions": "learned"},
    )
    def position_costs_mlps_more_on_ioi(model, n, seed, held_out=False):
        harm = ...                                            # one number for each prompt
        return beyond_control(harm, random, drawn=seeds, unit="logits", within=0.1)

The page writes the verdict as ``{claim}`week4/position_costs_mlps_more_on_ioi` ``: the sentence of
the verdict, then "(effect 0.08 logits, 95 % interval -0.26 to 0.41; held in 19 of 20 fresh draws)".
`{claim-effect}`, `{claim-interval}`, `{claim-verdict}` and `{claim-held}` are its parts.

Rules for the function:

- `seed` 0 is the draw that the page shows: use the page's own seeds for it. Draw k has the seed
  1000 k, so `seed`, `seed + 1`, … are yours, for prompts and for everything random in a control.
- `n` is how many of `of` it runs on: it is run at the page's n and at three times that.
- `held_out=True`: with `prompts.templates(held_out)` instead of the page's. Declare
  `templates=True` where the prompts have templates, or the column says "no templates".
- The threshold stands in the function, before anybody looks: it must not depend on draw or data.
- No null without an equivalence bound (`within`): without one the verdict is "cannot tell".
- No control without a spread: `beyond_control` wants what was drawn, and refuses equal draws.
- No ratio over a denominator that may be zero: `ratio` refuses it.
- It works on any model of the registry, or `needs` says what not (attributes of `registry.Model`).
- Several claims of one experiment: put `@shared` on a helper `(model, n, seed, held_out)`; it is
  run once for a draw.
- Everything in `@claim(...)` is a literal: the site reads it without importing torch. Sentences
  may use {effect}, {low}, {high}, {smallest}, {bound}, {within}, {unit} and {n}.

What turns numbers into a `Finding` (`evidence`): `more_than`, `less_than`, `equivalent`,
`beyond_control`, `ratio`, `share`. `mi-course claims NAME` tries a claim and stores its table.
"""

from mi_course.claims.finding import (
    CANNOT_TELL,
    NO,
    YES,
    Claim,
    ClaimError,
    Finding,
    Rule,
    claim,
    shared,
)

__all__ = ["CANNOT_TELL", "NO", "YES", "Claim", "ClaimError", "Finding", "Rule", "claim", "shared"]
