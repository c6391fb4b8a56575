"""Handwritten digits: the real MNIST through torchvision, or else those of scikit-learn.

MNIST is looked for in a folder (`MI_COURSE_DATA`, by default `~/.cache/mi_course`) in torchvision's
own layout, and downloaded from torchvision's own mirrors where it is missing. torchvision starts a
broken download from its beginning and takes a half-unpacked file for a whole one. Here a download
goes on where it stopped (`download.fetch`), and the four files are compared with their known
SHA-256 each time they are read. Without network the digits that come with scikit-learn take MNIST's
place, scaled to the same size. They are easier and fewer, so every output carries their name.

Sources: LeCun, Bottou, Bengio and Haffner 1998, doi:10.1109/5.726791, for MNIST;
https://archive.ics.uci.edu/dataset/80 for the small digits.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Int64, UInt8
from torch import Tensor

from mi_course.digits.download import DownloadError, fetch
from mi_course.errors import CourseError

FOLDER_VARIABLE = "MI_COURSE_DATA"
SOURCE_VARIABLE = "MI_COURSE_MNIST"
SOURCES = ("auto", "mnist", "digits")
MNIST_NAME = "MNIST"
DIGITS_NAME = "scikit-learn's digits, not MNIST"
DIGITS_TEST_SHARE = 0.2
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


class DataError(CourseError, RuntimeError):
    """Data that is missing or damaged; the message says what to do."""


@dataclass(frozen=True)
class Split:
    """Images, from 0 (paper) to 255 (ink), and their labels, 0 to 9."""

    images: UInt8[Tensor, "n 28 28"]
    labels: Int64[Tensor, "n"]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Digits:
    """A data set: its name, which every output carries, and its two halves."""

    name: str
    train: Split
    test: Split

    @property
    def is_mnist(self) -> bool:
        """Whether this is the real MNIST."""
        return self.name == MNIST_NAME

    def __str__(self) -> str:
        return f"{self.name}: {len(self.train):,} training images, {len(self.test):,} test images"


def load(source: str | None = None, folder: Path | None = None, quiet: bool = False) -> Digits:
    """The digits to train on; prints one line that says which, and why where it is not MNIST.

    Args:
        source: `mnist`, `digits`, or `auto`: MNIST if it is in the folder or can be downloaded,
            otherwise the digits. By default what `MI_COURSE_MNIST` says, or `auto`.
        folder: where MNIST lies or is put; by default `data_folder()`.
        quiet: print nothing.

    Raises:
        ValueError: an unknown source.
        DataError: `mnist` was asked for and is not available.
    """
    source = source or os.environ.get(SOURCE_VARIABLE) or "auto"
    if source not in SOURCES:
        raise ValueError(f"source {source!r}: expected one of {', '.join(SOURCES)}")
    why = ""
    digits = None
    if source != "digits":
        try:
            digits = _mnist(folder or data_folder())
        except DataError as error:
            if source == "mnist":
                raise
            why = f"\nMNIST could not be had: {error}"
    digits = digits or _small_digits()
    if not quiet:
        print(f"{digits}{why}")
    return digits


def data_folder() -> Path:
    """The folder that holds `MNIST/raw`, or will."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named).expanduser() if named else Path.home() / ".cache" / "mi_course"


def why_absent(folder: Path | None = None) -> str | None:
    """Why a chapter run now would not read the real MNIST, without asking the network; or None."""
    if os.environ.get(SOURCE_VARIABLE) == "digits":
        return f"{SOURCE_VARIABLE}=digits asks for the small digits"
    if damaged(folder or data_folder()):
        return (
            f"the real MNIST is not on this machine: set {FOLDER_VARIABLE} to the folder that "
            "holds MNIST/raw, or download it: `from mi_course.digits import mnist; mnist.load()`"
        )
    return None


def damaged(folder: Path) -> list[str]:
    """Which of MNIST's four files are missing from `folder`, or are not what they should be."""
    raw = folder / "MNIST" / "raw"
    return [name for name, sha256 in SHA256.items() if _sha256(raw / name) != sha256]


def _sha256(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mnist(folder: Path) -> Digits:
    """MNIST as torchvision reads it, downloaded first where it is not whole."""
    from torchvision.datasets import MNIST

    if broken := damaged(folder):
        try:
            _download(folder, broken)
        except (DownloadError, OSError) as error:
            raise DataError(str(error)) from error
    train, test = (MNIST(folder, train=train) for train in (True, False))
    return Digits(MNIST_NAME, Split(train.data, train.targets), Split(test.data, test.targets))


def _download(folder: Path, names: list[str]) -> None:
    """Fetch the archives of these files from torchvision's mirrors, check and unpack them."""
    from torchvision.datasets import MNIST
    from torchvision.datasets.utils import extract_archive

    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for archive, md5 in MNIST.resources:
        if archive.removesuffix(".gz") in names:
            fetch([mirror + archive for mirror in MNIST.mirrors], raw / archive, md5)
            extract_archive(str(raw / archive), str(raw))
    if broken := damaged(folder):
        raise DataError(f"{', '.join(broken)} in {raw}: not MNIST's; delete it and try again")


def _small_digits() -> Digits:
    """scikit-learn's 1,797 digits of 8×8, scaled to 28×28; a fifth, drawn once, for testing."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    small = torch.from_numpy(bunch.images).float()[:, None]  # 0 to 16
    images = F.interpolate(small, size=(28, 28), mode="bilinear")[:, 0] * (255 / 16)
    labels = torch.from_numpy(bunch.target).long()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    test, train = order.tensor_split([round(DIGITS_TEST_SHARE * len(labels))])
    pixels = images.round().to(torch.uint8)
    return Digits(
        DIGITS_NAME, Split(pixels[train], labels[train]), Split(pixels[test], labels[test])
    )
