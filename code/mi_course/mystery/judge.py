"""Measure an explanation: the model is run with places swapped, and held against the program.

An interchange intervention (Geiger et al. 2021, arXiv:2106.02997) takes a variable from another
input, in the program by its value and in the model by its place. If the model then answers what the
program does, on inputs that neither has seen, the place carries the variable.

What keeps chance out. Pairs are drawn anew each time, base and source apart from one another: on
pairs that share most of an input, different variables predict the same. An answer counts where the
program's differs from the base's *and* from the source's, so that to swap nothing, or everything,
agrees never. Beside it stand the same swap at random places, in random subspaces, with the values
of a third input, and in an untrained copy: a subspace can be learned for labels that mean nothing
(Arora et al. 2024, arXiv:2402.12560), and a swap can work through ways that the model does not use
(Makelov et al. 2023, arXiv:2311.17030).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from transformer_lens.tools.analysis.interchange import arbitrary_targets, random_basis

from mi_course.intervals import Interval, bootstrap
from mi_course.mystery_nets import interchange, places
from mi_course.mystery_nets.interchange import Swap
from mi_course.mystery_nets.places import Learned, Place

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

N_DRAWN = 1500
"""Triples of inputs that a submission draws."""
N_LEARN = 500
"""Of them, those on which subspaces are learned, and nothing is measured."""
N_PAIRS = 200
"""Pairs that a share is measured on, at most."""
FEWEST = 40
"""Pairs below which nothing is said."""
N_CONTROLS = 4
"""Random places, and random subspaces."""
MOST_PLACES = 16
"""Places that an explanation may name, so that a submission stays below a minute."""
LITTLE = 0.03
"""A place can be left out if the share falls by less than this without it."""


@dataclass(frozen=True)
class Variable:
    """What was measured of one variable.

    Attributes:
        name: as in the program.
        agreement: share of pairs on which the swapped model answers as the swapped program does,
            where that is neither the base's nor the source's answer; None with too few pairs.
        n: such pairs.
        usable: pairs drawn on which the program has an answer, with the variable swapped too.
        changed: pairs of them whose answer the swapped variable changes in the program.
        steady: the same share where the program's answer stays the base's, and the source's is
            another; None with too few pairs.
        random_place, random_subspace, arbitrary, untrained: the share of `agreement` in controls.
        stays: share of the pairs of `agreement` on which the swapped model answers as on the base.
        follows: the same share, as on the source.
        left_out: places that can be left out, where it has several.
        copy: a position whose symbol it is, under some name; None if it is computed from more.
        idle: share of pairs of its values that no input tells apart.
    """

    name: str
    agreement: Interval | None
    n: int
    usable: int
    changed: int
    steady: float | None
    random_place: float
    random_subspace: float | None
    arbitrary: float
    untrained: float
    stays: float
    follows: float
    left_out: int
    copy: int | None
    idle: float

    @property
    def control(self) -> float:
        """The best of the controls."""
        found = (self.random_place, self.random_subspace, self.arbitrary, self.untrained)
        return max(share for share in found if share is not None)

    @property
    def score(self) -> float:
        """Agreement above the best control, as a share of what there was to gain."""
        if self.agreement is None or self.control >= 1:
            return 0.0
        return max(0.0, (self.agreement.mean - self.control) / (1 - self.control))


@dataclass(frozen=True)
class Evidence:
    """What was measured of an explanation.

    Attributes:
        behaviour: share of inputs that the program answers as the model does.
        unlike: of the first that it answers otherwise its number, and the ids that the model and
            the program answer, -1 for none; None if there is no such input.
        variables: each variable by itself.
        faithful: share of agreeing answers on another input with all variables' places as on the
            base; None with too few pairs, and with one variable: there it is the agreement once
            more, base and source exchanged.
        lost: what is lost with the named places as on another input on which a variable differs:
            0 is nothing, 1 as much as guessing loses.
    """

    behaviour: float
    unlike: tuple[int, int, int] | None
    variables: tuple[Variable, ...]
    faithful: float | None
    lost: float


@dataclass(frozen=True)
class Examination:
    """A model, its untrained copy, and the triples of a submission.

    Attributes:
        model, untrained: in eval mode.
        bases, sources, thirds: token ids.
        seed: of the controls.
    """

    model: TransformerBridge
    untrained: TransformerBridge
    bases: Int[Tensor, "batch pos"]
    sources: Int[Tensor, "batch pos"]
    thirds: Int[Tensor, "batch pos"]
    seed: int

    def check(self, named: Iterable[Place]) -> None:
        """Refuse places that this model does not have.

        Raises:
            PlaceError: the first of them; or there are too many.
        """
        named = list(named)
        if len(named) > MOST_PLACES:
            raise places.PlaceError(f"{len(named)} places are too many: name at most {MOST_PLACES}")
        for place in named:
            places.check(
                place,
                n_layers=self.model.cfg.n_layers,
                n_heads=self.model.cfg.n_heads,
                width=interchange.width(self.model, place),
                n_pos=self.bases.shape[1],
            )

    def evidence(self, named: Mapping[str, list[Place]], found: Mapping[str, Any]) -> Evidence:
        """Everything that is measured.

        Args:
            named: the places of each variable.
            found: what the program gave on the same triples, from `program.run`.
        """
        swaps = {
            name: [
                Swap(place, torch.tensor(at[0]), torch.tensor(at[1]), interchange.basis_of(place))
                for place, at in zip(of, found["variables"][name]["positions"], strict=True)
            ]
            for name, of in named.items()
        }
        answers = {name: _ids(found[name]) for name in ("base", "source", "joint")}
        everywhere = [place for of in named.values() for place in of]
        variables, learned = [], {}
        for name in named:
            one = _OneVariable(self, swaps[name], found["variables"][name], answers)
            learned[name] = one.learned(self.model, one.targets)
            variables.append(one.measured(name, learned[name], everywhere))
        together = [swap for of in learned.values() for swap in of]
        said = interchange.answers(self.model, self.bases)
        return Evidence(
            behaviour=_share(said == answers["base"]),
            unlike=_unlike_model(said, answers["base"]),
            variables=tuple(variables),
            faithful=self._faithful(together, answers) if len(named) > 1 else None,
            lost=self._lost(together, said, _unlike(found["variables"].values())),
        )

    def _faithful(self, swaps: Sequence[Swap], answers: Mapping[str, Tensor]) -> float | None:
        joint, source = answers["joint"], answers["source"]
        which = _some((joint != source) & (joint >= 0) & self.measured)
        if len(which) < FEWEST:
            return None
        turned = [replace(s, base=s.source[which], source=s.base[which]) for s in swaps]
        said = interchange.swapped(self.model, self.sources[which], self.bases[which], turned)
        return _share(said == joint[which])

    def _lost(
        self, swaps: Sequence[Swap], said: Int[Tensor, "batch"], unlike: Bool[Tensor, "batch"]
    ) -> float:
        """On another input's values, not on means: a mean can be worth more than any value is."""
        which = (self.measured & unlike).nonzero()[:, 0]
        if not len(which):
            return 0.0
        some = [swap.rows(which) for swap in swaps]
        bases, sources, said = self.bases[which], self.sources[which], said[which]
        without = _share(interchange.swapped(self.model, bases, sources, some) == said)
        guessed = said.bincount().max().item() / len(said)
        return min(1.0, (1 - without) / (1 - guessed)) if guessed < 1 else 0.0

    @property
    def measured(self) -> Bool[Tensor, "batch"]:
        """The triples on which shares are measured; on the others subspaces are learned."""
        return torch.arange(len(self.bases)) >= N_LEARN


class _OneVariable:
    """A variable on the triples of an examination."""

    def __init__(
        self,
        examination: Examination,
        swaps: Sequence[Swap],
        found: Mapping[str, Any],
        answers: Mapping[str, Tensor],
    ) -> None:
        self.on, self.swaps, self.found = examination, swaps, found
        self.targets, self.arbitrary = _ids(found["swapped"]), _ids(found["arbitrary"])
        self.base, source = answers["base"], answers["source"]
        base, self.source = self.base, source
        usable = examination.measured & (self.targets >= 0) & (base >= 0) & (source >= 0)
        self.usable = int(usable.sum())
        changed = usable & (self.targets != base)
        self.changed = int(changed.sum())
        self.telling = _some(changed & (self.targets != source))
        self.still = _some(usable & (self.targets == base) & (source != base))

    def learned(self, model: TransformerBridge, targets: Int[Tensor, "batch"]) -> list[Swap]:
        """The swaps, with subspaces learned where the learner asked for that."""
        which = torch.arange(N_LEARN)[targets[:N_LEARN] >= 0]
        return [
            replace(
                swap,
                basis=interchange.learn(
                    model,
                    self.on.bases[which],
                    self.on.sources[which],
                    targets[which],
                    swap.rows(which),
                    self.on.seed,
                ),
            )
            if isinstance(swap.place.subspace, Learned) and len(which)
            else swap
            for swap in self.swaps
        ]

    def said(
        self, swaps: Sequence[Swap], which: Tensor, model: TransformerBridge | None = None
    ) -> Int[Tensor, "pair"]:
        """What the model answers on some of the pairs, with places swapped."""
        on, some = self.on, [swap.rows(which) for swap in swaps]
        return interchange.swapped(model or on.model, on.bases[which], on.sources[which], some)

    def share(self, swaps: Sequence[Swap], model: TransformerBridge | None = None) -> float:
        """The share of agreeing answers on the pairs that tell."""
        return _share(self.said(swaps, self.telling, model) == self.targets[self.telling])

    def measured(self, name: str, swaps: Sequence[Swap], named: Sequence[Place]) -> Variable:
        """Everything that is measured of it alone."""
        n, facts = len(self.telling), (self.found["copies"], self.found["idle"])
        counted = (n, self.usable, self.changed)
        if n < FEWEST:
            return Variable(name, None, *counted, None, 0.0, None, 0.0, 0.0, 0.0, 0.0, 0, *facts)
        said, targets = self.said(swaps, self.telling), self.targets[self.telling]
        agreement = bootstrap((said == targets).float(), seed=self.on.seed)
        steady = None
        if len(self.still) >= FEWEST:
            steady = _share(self.said(swaps, self.still) == self.targets[self.still])
        return Variable(
            name,
            agreement,
            *counted,
            steady,
            random_place=self._random_place(named),
            random_subspace=self._random_subspace(swaps),
            arbitrary=self._arbitrary(said),
            untrained=self.share(self.learned(self.on.untrained, self.targets), self.on.untrained),
            stays=_share(said == self.base[self.telling]),
            follows=_share(said == self.source[self.telling]),
            left_out=self._left_out(swaps, agreement),
            copy=facts[0],
            idle=facts[1],
        )

    def _random_place(self, named: Sequence[Place]) -> float:
        rng = random.Random(self.on.seed)
        n, n_pos = self.on.bases.shape
        free = others(self.on.model, self.swaps[0].place.kind, n_pos, named)
        if not free:
            return 0.0
        found = []
        for _ in range(N_CONTROLS):
            drawn = rng.sample(free, min(len(self.swaps), len(free)))
            at = [torch.full((n,), position) for _, position in drawn]
            found.append(
                self.share([Swap(place, p, p) for (place, _), p in zip(drawn, at, strict=True)])
            )
        return sum(found) / len(found)

    def _random_subspace(self, swaps: Sequence[Swap]) -> float | None:
        if all(swap.basis is None for swap in swaps):
            return None
        found = []
        for draw in range(N_CONTROLS):
            turned = [replace(s, basis=_like(s.basis, self.on.seed + draw)) for s in swaps]
            found.append(self.share(turned))
        return sum(found) / len(found)

    def _arbitrary(self, said: Int[Tensor, "pair"]) -> float:
        """Agreement with the values of a third input; or with labels that a subspace learned.

        Those are an arbitrary function of the variable's value and the base's answer.
        """
        if not any(isinstance(swap.place.subspace, Learned) for swap in self.swaps):
            return _share(said == self.arbitrary[self.telling])
        keys = list(zip(self.found["classes"], self.base.tolist(), strict=True))
        labels = arbitrary_targets(keys, int(self.on.model.cfg.d_vocab), self.on.seed)
        swaps = self.learned(self.on.model, labels)
        return _share(self.said(swaps, self.telling) == labels[self.telling])

    def _left_out(self, swaps: Sequence[Swap], whole: Interval) -> int:
        """How many of several places the swap can do without; of a swap that does little, none."""
        if len(swaps) < 2 or whole.mean < 0.5:
            return 0
        rest = itertools.combinations(swaps, len(swaps) - 1)
        return sum(whole.mean - self.share(some) < LITTLE for some in rest)


def others(
    model: TransformerBridge, kind: str, n_pos: int, named: Sequence[Place]
) -> list[tuple[Place, int]]:
    """The places of a kind that are not named, each with its position.

    A rule names no position beforehand: its layer and head are left out altogether.
    """
    taken = {
        (p.layer, p.head, at)
        for p in named
        if p.kind == kind
        for at in ([p.at % n_pos] if isinstance(p.at, int) else range(n_pos))
    }
    heads = range(model.cfg.n_heads) if kind == "head" else (0,)
    every = itertools.product(range(model.cfg.n_layers), heads, range(n_pos))
    return [(Place(kind, x, at, h), at) for x, h, at in every if (x, h, at) not in taken]


def _like(basis: Tensor | None, seed: int) -> Tensor | None:
    """A random subspace of the same size; all of a place stays all of it."""
    if basis is None:
        return None
    return random_basis(basis.shape[0], basis.shape[1], seed)


def _unlike_model(
    said: Int[Tensor, "batch"], told: Int[Tensor, "batch"]
) -> tuple[int, int, int] | None:
    """The first input that the program answers otherwise, and both answers."""
    rows = (said != told).nonzero()[:, 0].tolist()
    return (rows[0], int(said[rows[0]]), int(told[rows[0]])) if rows else None


def _unlike(variables: Iterable[Mapping[str, Any]]) -> Bool[Tensor, "batch"]:
    """The pairs on which some variable has another value on base and source."""
    return ~torch.tensor([one["same"] for one in variables]).all(0)


def _ids(answers: Sequence[int | None]) -> Int[Tensor, "batch"]:
    """Token ids; -1 where there is no answer."""
    return torch.tensor([-1 if answer is None else answer for answer in answers])


def _some(flags: Bool[Tensor, "batch"]) -> Int[Tensor, "some"]:
    """The first pairs of which something is true, as many as are measured."""
    return flags.nonzero()[:N_PAIRS, 0]


def _share(agrees: Bool[Tensor, "pair"]) -> float:
    return agrees.float().mean().item()
