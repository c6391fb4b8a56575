"""`pocket` as one file for the playground, the page that runs the model in the reader's browser.

The file holds the shipped weights, float32 and bit for bit, the tokenizer, and reference prompts
for mean ablation. It is a script: a page that is opened from the disk may load a script and nothing
else. It is made whenever the site is built, so it is never stale, and never committed.

No tensor is made here, so that the site can be built without torch.
"""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path

from mi_course.book.chapters import ChapterError
from mi_course.english import corpus
from mi_course.models.registry import POCKET_DIR

FILE = "pocket.js"
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
    weights = (folder / "model.safetensors").read_bytes()
    digest = sha256(weights).hexdigest()
    if digest != json.loads((folder / "checksums.json").read_text("utf8"))["model.safetensors"]:
        raise ChapterError(
            f"{folder.name}/model.safetensors is damaged: its SHA-256 is not the one in "
            "checksums.json. Install the course again, or train the model anew"
        )
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
    text = f"window.POCKET = {json.dumps(data, separators=(',', ':'))};\n"
    if len(text) > MOST_BYTES:
        raise ChapterError(
            f"{FILE} would have {len(text):,} bytes, and at most {MOST_BYTES:,} are loaded by the "
            "playground: train a smaller model"
        )
    return text


def write(folder: Path) -> Path:
    """Write the file into a folder, which is made; unchanged content is not written again."""
    path = folder / FILE
    text = content()
    folder.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text("utf8") != text:
        path.write_text(text, "utf8")
    return path


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
