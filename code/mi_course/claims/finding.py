"""What a claim is, what it finds, and the rule by which that is a yes, a no, or neither.

Nothing here imports torch: the site reads claims without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mi_course.errors import CourseError

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

    from mi_course.models.registry import Model

YES, NO, CANNOT_TELL = "yes", "no", "cannot tell"
VERDICTS = (YES, NO, CANNOT_TELL)
POWER = 2.8
"""Standard errors of the smallest effect that is seen in 80 of 100 experiments: 1.96 + 0.84."""

shared = lru_cache(maxsize=8)
"""For an experiment behind several claims, `(model, n, seed, held_out)`: run once for a draw."""


class ClaimError(CourseError, ValueError):
    """A claim that must not be made: what is missing for it, and how to mend it."""


@dataclass(frozen=True)
class Rule:
    """What is decided before anything is measured.

    Attributes:
        kind: is the effect `more` or `less` than the bound, or the `same`?
        bound: the threshold.
        within: for `same`, how far from the bound still counts as the same. For `more` and `less`
            the equivalence bound: an effect that exceeds `bound` by no more than this does not
            matter. With 0 there is no such bound, and no effect that is near it is ever a "no".
    """

    kind: Literal["more", "less", "same"]
    bound: float = 0.0
    within: float = 0.0

    def __post_init__(self) -> None:
        if self.within < 0 or (self.kind == "same" and self.within == 0):
            raise ClaimError(
                f"an equivalence bound of {self.within} is none: say beforehand how large a "
                "difference does not matter, as a number above 0"
            )

    def verdict(self, low: float, high: float) -> str:
        """What an interval says.

        `more`: no, where the whole interval lies below `bound + within`; else yes, where it lies
        above `bound`. `less` is its mirror image. `same`: yes where the whole interval lies within
        the bounds, no where it lies outside them.
        """
        low, high = low - self.bound, high - self.bound
        if self.kind == "less":
            low, high = -high, -low
        if self.kind == "same":
            inside = -self.within < low and high < self.within
            outside = low > self.within or high < -self.within
            return YES if inside else NO if outside else CANNOT_TELL
        return NO if high < self.within else YES if low > 0 else CANNOT_TELL


@dataclass(frozen=True)
class Finding:
    """What one run of a claim found.

    Attributes:
        effect: the mean of what was measured.
        low, high: the bounds of its interval.
        unit: of these three.
        n: over how many prompts (or tokens, heads, …) the interval runs.
        rule: by which it is judged.
        level: the share of repetitions that the interval is made for.

    Raises:
        ClaimError: no interval around the effect.
    """

    effect: float
    low: float
    high: float
    unit: str
    n: int
    rule: Rule
    level: float = 0.95

    def __post_init__(self) -> None:
        if not self.low < self.high or not self.low <= self.effect <= self.high:
            raise ClaimError(
                f"an effect of {self.effect:.3g} with the interval {self.low:.3g} to "
                f"{self.high:.3g} says nothing of how sure it is: where every value is the same "
                "the result is exact, and no claim"
            )

    @property
    def verdict(self) -> str:
        """`yes`, `no` or `cannot tell`."""
        return self.rule.verdict(self.low, self.high)

    @property
    def smallest(self) -> float:
        """The smallest effect that it would have seen 80 times in 100.

        Half of the interval and 0.84 standard errors: 2.8 of them at a level of 95 %, more where
        the interval is wider because several questions were asked.
        """
        width = NormalDist().inv_cdf((1 + self.level) / 2)
        standard_error = (self.high - self.low) / (2 * width)
        return (width + NormalDist().inv_cdf(0.8)) * standard_error


Function: TypeAlias = "Callable[..., Finding]"


@dataclass(frozen=True)
class Claim:
    """A conclusion that a page draws from a measurement.

    Attributes:
        name: `week4/position_costs_mlps_more_on_ioi`.
        doc: the chapter that draws it, such as `week4/02_positional_embeddings`.
        n: how many of `of` the page measures.
        of: what n counts: `prompts`, `sentences`, `images`.
        sentences: what the page says, for each verdict.
        templates: whether the prompts have templates, so that others can be held out.
        needs: what a model must have, as attributes of `registry.Model`.
        made_in: module and name of its function, relative to the package: `claims.week4:costs`.
        function: `(model, n, seed, held_out)` to what was found.
    """

    name: str
    doc: str
    n: int
    of: str
    sentences: Mapping[str, str]
    templates: bool = False
    needs: Mapping[str, str] = field(default_factory=dict)
    made_in: str = ""
    function: Function | None = None

    def __post_init__(self) -> None:
        missing = [verdict for verdict in VERDICTS if not self.sentences.get(verdict, "").strip()]
        if missing:
            raise ClaimError(
                f"the claim {self.name} has no sentence for the verdict {', '.join(missing)}: "
                "write what the page says then, since another model may come to it"
            )
        if unknown := sorted(set(self.sentences) - set(VERDICTS)):
            raise ClaimError(f"the claim {self.name} has a sentence for no verdict: {unknown}")
        if self.n < 5:
            raise ClaimError(
                f"the claim {self.name} rests on {self.n} {self.of}, and an interval over so few "
                "says nothing: give at least 5"
            )

    def fits(self, model: Model) -> bool:
        """Whether a model of the registry has what the claim needs."""
        return all(getattr(model, key) == value for key, value in self.needs.items())

    def run(self, model: TransformerBridge, n: int, seed: int, held_out: bool = False) -> Finding:
        """What the claim finds on one draw."""
        if self.function is None:
            raise ClaimError(f"the claim {self.name} has no function")
        return self.function(model, n, seed, held_out)


registered: dict[str, Claim] = {}
"""The claims of the modules that were imported, by name."""


def claim(name: str, **what: Any) -> Callable[[Function], Function]:
    """Register a function as a claim; `what` are the attributes of `Claim`, as literals.

    Raises:
        ClaimError: the name is taken, or a verdict has no sentence.
    """

    def register(function: Function) -> Function:
        module = function.__module__.partition(".")[2]
        made_in = f"{module}:{function.__name__}"
        if name in registered and registered[name].made_in != made_in:
            raise ClaimError(f"two claims are named {name}: choose another name for one")
        registered[name] = Claim(name, **what, made_in=made_in, function=function)
        return function

    return register
