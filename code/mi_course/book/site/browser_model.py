"""`pocket` for the playground, the page that runs the model in the reader's browser.

Two files: the model as it is, and a smaller one with its weights rounded to 8 bits, with which the
page can be used while the other is on its way. The first holds the shipped weights, float32 and bit
for bit, the tokenizer, and reference prompts for mean ablation. Both are scripts: a page that is
opened from the disk may load a script and nothing else. They are made whenever the site is built,
so they are never stale, and never committed.

No tensor is made here, so that the site can be built without torch.
"""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from mi_course.book.chapters import ChapterError
from mi_course.english import corpus
from mi_course.models.registry import POCKET_DIR

FILE = "pocket.js"
ROUNDED = "pocket-8bit.js"
MOST_BYTES = 2_500_000
# Enough that most of one prompt's own content is gone from the mean; few enough for a phone.
N_REFERENCE = 16
# Each reference prompt is cut at the model's context, which this many sentences fill.
SENTENCES = 24
SEED = 11
_CONFIG = (
    *("n_layer", "n_head", "n_embd", "n_inner", "n_positions", "vocab_size"),
    "layer_norm_epsilon",
)


def reference_prompts(count: int = N_REFERENCE, seed: int = SEED) -> list[str]:
    """Texts of the model's own world, over which the playground takes means.

    Each is longer than the model's context; its first tokens, up to the context, are what counts.
    """
    written = list(corpus.sentences(seed, count * SENTENCES))
    return [" ".join(written[i * SENTENCES : (i + 1) * SENTENCES]) for i in range(count)]


def content(folder: Path = POCKET_DIR) -> str:
    """The text of the file: one assignment, `window.POCKET = {...};`.

    Args:
        folder: a GPT-2-style model in the Hugging Face format, weights in float32.

    Raises:
        ChapterError: the weights are not those of `checksums.json`, or the file grows too large.
    """
    weights, digest = _shipped(folder)
    text = _script("POCKET", folder, weights, digest)
    if len(text) > MOST_BYTES:
        raise ChapterError(
            f"{FILE} would have {len(text):,} bytes, and at most {MOST_BYTES:,} are loaded by the "
            "playground: train a smaller model"
        )
    return text


def rounded_content(folder: Path = POCKET_DIR) -> str:
    """The text of the small file: `window.POCKET_8BIT = {...};`, else as `content`.

    Its safetensors hold each matrix as int8, and under `NAME.scale` what one step is worth in each
    of its columns; vectors stay float32.
    """
    weights, digest = _shipped(folder)
    return _script("POCKET_8BIT", folder, rounded(weights), digest)


def _shipped(folder: Path) -> tuple[bytes, str]:
    """The bytes of a model's weights and their SHA-256, which is the right one."""
    weights = (folder / "model.safetensors").read_bytes()
    digest = sha256(weights).hexdigest()
    if digest != json.loads((folder / "checksums.json").read_text("utf8"))["model.safetensors"]:
        raise ChapterError(
            f"{folder.name}/model.safetensors is damaged: its SHA-256 is not the one in "
            "checksums.json. Install the course again, or train the model anew"
        )
    return weights, digest


def _script(name: str, folder: Path, weights: bytes, digest: str) -> str:
    config = json.loads((folder / "config.json").read_text("utf8"))
    data = {
        "sha256": digest,
        "config": {key: config[key] for key in _CONFIG},
        "tokenizer": _tokenizer(folder),
        "reference": reference_prompts(),
        "bytes": len(weights),
        # last, so that a file that arrived in part is no valid script
        "weights": base64.b64encode(weights).decode(),
    }
    return f"window.{name} = {json.dumps(data, separators=(',', ':'))};\n"


def rounded(weights: bytes) -> bytes:
    """A safetensors file with every matrix of another one rounded to 8 bits, column by column."""
    header: dict[str, object] = {}
    body = bytearray()

    def add(name: str, dtype: str, shape: list[int], values: bytes) -> None:
        header[name] = {
            "dtype": dtype,
            "shape": shape,
            "data_offsets": [len(body), len(body) + len(values)],
        }
        body.extend(values)

    for name, shape, values in _tensors(weights):
        if len(shape) == 1:
            add(name, "F32", shape, values.tobytes())
            continue
        n = shape[1]
        scale = array("f", (max(map(abs, values[j::n])) / 127 or 1.0 for j in range(n)))
        steps = array("b", (round(value / scale[i % n]) for i, value in enumerate(values)))
        add(name, "I8", shape, steps.tobytes())
        add(f"{name}.scale", "F32", [n], scale.tobytes())
    text = json.dumps(header, separators=(",", ":")).encode()
    return len(text).to_bytes(8, "little") + text + bytes(body)


def _tensors(weights: bytes) -> Iterator[tuple[str, list[int], array[float]]]:
    """Name, shape and numbers of every tensor of a safetensors file in float32."""
    start = 8 + int.from_bytes(weights[:8], "little")
    for name, entry in json.loads(weights[8:start]).items():
        if name != "__metadata__":
            first, end = entry["data_offsets"]
            yield name, entry["shape"], array("f", weights[start + first : start + end])


def write(folder: Path) -> Path:
    """Write both files into a folder, which is made; unchanged ones are not written again.

    Returns:
        Where the model as it is was written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in ((FILE, content()), (ROUNDED, rounded_content())):
        path = folder / name
        if not path.is_file() or path.read_text("utf8") != text:
            path.write_text(text, "utf8")
    return folder / FILE


def _tokenizer(folder: Path) -> dict[str, object]:
    """Vocabulary by id and merges in order, from tokenizer.json."""
    stored = json.loads((folder / "tokenizer.json").read_text("utf8"))
    vocab: dict[str, int] = stored["model"]["vocab"]
    pairs = (
        pair if isinstance(pair, str) else " ".join(pair) for pair in stored["model"]["merges"]
    )
    return {
        "vocab": sorted(vocab, key=vocab.__getitem__),
        "merges": list(pairs),
        "special": stored["added_tokens"][0]["content"],
    }
