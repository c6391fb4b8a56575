"""Read a GGUF file: what it says of a model, and its weights, dequantised to float32.

The header is read here, since the reader of the package `gguf` makes several arrays for each of a
vocabulary's hundred thousand texts, which takes seconds; that package dequantises.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_course.models.files import ModelFilesError

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

_MAGIC, _VERSIONS = b"GGUF", (2, 3)
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q"}
_NUMBERS |= {12: "d"}
_TEXT, _ARRAY = 8, 9
_ALIGNMENT = 32  # unless the file says otherwise
_BLOCKS = 8000


@dataclass(frozen=True)
class Stored:
    """Where a tensor lies in the file: its kind of numbers, its shape, and its first byte."""

    kind: int
    shape: tuple[int, ...]
    start: int


class GGUFFile:
    """A GGUF file, mapped into memory; little-endian, as nearly all are.

    Attributes:
        fields: what the file says of the model, by name.
        tensors: where each tensor lies, by name.

    Raises:
        ModelFilesError: it is no GGUF file, or is cut off in its header.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._at = 0
        try:
            if self._take(4) != _MAGIC or self._number("I") not in _VERSIONS:
                raise ModelFilesError(f"{path.name} is no GGUF file of a version that is known")
            n_tensors, n_fields = self._number("Q"), self._number("Q")
            self.fields = {self._text(): self._value(self._number("I")) for _ in range(n_fields)}
            found = [self._tensor() for _ in range(n_tensors)]
        except (struct.error, UnicodeDecodeError, KeyError) as error:
            raise ModelFilesError(f"the header of {path.name} is damaged") from error
        step = self.fields.get("general.alignment", _ALIGNMENT)
        first = -(-self._at // step) * step
        self.tensors = {name: Stored(k, shape, first + at) for name, k, shape, at in found}

    def read(self, name: str) -> Float[Tensor, "*shape"]:
        """A tensor in float32, in memory of its own; the last axis is the one that runs fastest."""
        import numpy as np
        import torch
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

        stored = self.tensors[name]
        kind = GGMLQuantizationType(stored.kind)
        per_block, bytes_of_block = GGML_QUANT_SIZES[kind]
        out = torch.empty(stored.shape)
        into = out.view(-1, per_block).numpy()
        raw = np.frombuffer(self._bytes, np.uint8, len(into) * bytes_of_block, stored.start)
        if kind == GGMLQuantizationType.F32:
            into[:] = raw.view("<f4")[:, None]
            return out
        blocks, by = raw.reshape(-1, bytes_of_block), getattr(quants, kind.name)
        for first in range(0, len(into), _BLOCKS):  # so few that they stay in the cache
            some = slice(first, first + _BLOCKS)
            into[some] = by.dequantize_blocks(blocks[some])
        return out

    def _take(self, count: int) -> bytes:
        start, self._at = self._at, self._at + count
        return self._bytes[start : self._at]

    def _number(self, code: str) -> Any:
        (number,) = struct.unpack("<" + code, self._take(struct.calcsize("<" + code)))
        return number

    def _text(self) -> str:
        return self._take(self._number("Q")).decode()

    def _value(self, kind: int) -> Any:
        if kind == _TEXT:
            return self._text()
        if kind != _ARRAY:
            return self._number(_NUMBERS[kind])
        of, count = self._number("I"), self._number("Q")
        if of in _NUMBERS:
            code = f"<{count}{_NUMBERS[of]}"
            return list(struct.unpack(code, self._take(struct.calcsize(code))))
        return self._texts(count) if of == _TEXT else [self._value(of) for _ in range(count)]

    def _texts(self, count: int) -> list[str]:
        """As many texts, read in one loop: a vocabulary has a hundred thousand."""
        data, at, found = self._bytes, self._at, []
        for _ in range(count):
            start = at + 8
            at = start + int.from_bytes(data[at:start], "little")
            if at > len(data):
                raise struct.error("cut off")
            found.append(data[start:at].decode())
        self._at = at
        return found

    def _tensor(self) -> tuple[str, int, tuple[int, ...], int]:
        """Name, kind, shape and offset; the file's shape begins with the axis that runs fastest."""
        name, n_axes = self._text(), self._number("I")
        shape = tuple(self._number("Q") for _ in range(n_axes))[::-1]
        return name, self._number("I"), shape, self._number("Q")
