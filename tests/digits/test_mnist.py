"""The real MNIST where it is to be had; otherwise scikit-learn's digits, which say so."""

from __future__ import annotations

import gzip
import hashlib
import struct

import pytest
import torch
from sklearn.datasets import load_digits

from mi_course.digits import mnist
from support.outside import SHARED, not_run

RAW = SHARED / "data" / "MNIST" / "raw"


@pytest.fixture
def real():
    if mnist.damaged(SHARED / "data"):
        not_run("the real MNIST is not on this machine")
    return SHARED / "data"


@pytest.fixture
def offline(monkeypatch):
    """No download succeeds, and none is tried."""

    def refuse(urls, target, md5):
        raise mnist.DownloadError(f"{target.name} was not downloaded: no network")

    monkeypatch.setattr(mnist, "fetch", refuse)


def test_the_real_mnist_is_read_whole(real, capsys):
    digits = mnist.load("mnist", real)
    assert digits.is_mnist
    assert digits.train.images.shape == (60000, 28, 28)
    assert digits.test.images.shape == (10000, 28, 28)
    assert digits.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert digits.train.images.dtype == torch.uint8
    assert capsys.readouterr().out == "MNIST: 60,000 training images, 10,000 test images\n"


def test_the_images_are_those_of_the_files(real):
    digits = mnist.load("mnist", real, quiet=True)
    content = (RAW / "t10k-images-idx3-ubyte").read_bytes()
    assert struct.unpack(">4i", content[:16]) == (2051, 10000, 28, 28)
    last = torch.frombuffer(bytearray(content[-784:]), dtype=torch.uint8).view(28, 28)
    assert torch.equal(digits.test.images[-1], last)


def test_a_damaged_file_is_noticed(real, tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in mnist.SHA256:
        (raw / name).symlink_to(RAW / name)
    assert mnist.damaged(tmp_path) == []
    name = "t10k-labels-idx1-ubyte"
    content = bytearray((RAW / name).read_bytes())
    content[-1] ^= 1
    (raw / name).unlink()
    (raw / name).write_bytes(content)
    assert mnist.damaged(tmp_path) == [name]


def test_without_mnist_the_small_digits_say_what_they_are_and_why(offline, tmp_path, capsys):
    digits = mnist.load("auto", tmp_path)
    printed = capsys.readouterr().out
    assert not digits.is_mnist
    assert printed.startswith("scikit-learn's digits, not MNIST: 1,438 training images, 359 test")
    assert "MNIST could not be had: train-images-idx3-ubyte.gz was not downloaded" in printed


def test_asking_for_mnist_and_not_getting_it_is_an_error(offline, tmp_path):
    with pytest.raises(mnist.DataError, match="was not downloaded: no network"):
        mnist.load("mnist", tmp_path)


def test_the_small_digits_are_scikit_learns_each_once_and_scaled():
    digits = mnist.load("digits", quiet=True)
    images = torch.cat([digits.train.images, digits.test.images])
    labels = torch.cat([digits.train.labels, digits.test.labels])
    bunch = load_digits()
    assert labels.bincount().tolist() == torch.tensor(bunch.target).bincount().tolist()
    # bilinear scaling by 3.5 keeps the mean, but for what is lost or repeated at the border
    assert images.float().mean() == pytest.approx(bunch.images.mean() / 16 * 255, rel=0.02)
    assert images.max() == 255
    assert len(images.flatten(1).unique(dim=0)) == len(images)


def test_the_small_digits_are_the_same_each_time_and_leave_the_global_seed_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first, second = (mnist.load("digits", quiet=True) for _ in range(2))
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(first.test.images, second.test.images)


def test_an_unknown_source_is_refused(monkeypatch):
    monkeypatch.setenv("MI_COURSE_MNIST", "minst")
    with pytest.raises(ValueError, match="source 'minst': expected one of auto, mnist, digits"):
        mnist.load()


def test_the_environment_chooses_source_and_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("MI_COURSE_DATA", str(tmp_path))
    monkeypatch.setenv("MI_COURSE_MNIST", "digits")
    assert mnist.data_folder() == tmp_path
    assert not mnist.load(quiet=True).is_mnist
    assert "asks for the small digits" in mnist.why_absent()
    monkeypatch.delenv("MI_COURSE_MNIST")
    assert "the real MNIST is not on this machine" in mnist.why_absent()


def idx(content: bytes, *shape: int) -> bytes:
    """A file of MNIST's format."""
    return struct.pack(f">{1 + len(shape)}i", 0x800 + len(shape), *shape) + content


def test_a_download_is_checked_unpacked_and_read_by_torchvision(tmp_path, monkeypatch):
    """With small files in MNIST's place; a half-unpacked one from an earlier try is replaced."""
    from torchvision.datasets import MNIST

    files = {
        "train-images-idx3-ubyte": idx(bytes(range(2)) * 784, 2, 28, 28),
        "train-labels-idx1-ubyte": idx(bytes([5, 0]), 2),
        "t10k-images-idx3-ubyte": idx(bytes(784), 1, 28, 28),
        "t10k-labels-idx1-ubyte": idx(bytes([7]), 1),
    }
    archives = {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
    resources = [(name, hashlib.md5(packed).hexdigest()) for name, packed in archives.items()]
    monkeypatch.setattr(MNIST, "resources", resources)
    monkeypatch.setattr(
        mnist, "SHA256", {name: hashlib.sha256(c).hexdigest() for name, c in files.items()}
    )
    fetched = []

    def serve(urls, target, md5):
        fetched.append((target.name, md5, urls[0]))
        target.write_bytes(archives[target.name])

    monkeypatch.setattr(mnist, "fetch", serve)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").write_bytes(files["train-images-idx3-ubyte"][:900])
    (raw / "t10k-labels-idx1-ubyte").write_bytes(files["t10k-labels-idx1-ubyte"])
    digits = mnist.load("mnist", tmp_path, quiet=True)
    assert [(name, md5) for name, md5, _ in fetched] == resources[:3]
    assert all(url == MNIST.mirrors[0] + name for name, _, url in fetched)
    assert digits.train.labels.tolist() == [5, 0]
    assert digits.train.images[1].flatten()[:3].tolist() == [0, 1, 0]
    assert mnist.damaged(tmp_path) == []
