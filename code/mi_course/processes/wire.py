"""The wire format between a notebook and the process that checks answers: length, then bytes."""

from __future__ import annotations

import struct
from typing import IO

HEADER = struct.Struct(">Q")
"""What stands before a message: its length in bytes."""


def send(stream: IO[bytes], message: bytes) -> None:
    """Write one message.

    Raises:
        BrokenPipeError: the other side has gone.
    """
    stream.write(HEADER.pack(len(message)))
    stream.write(message)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """Read one message, or None where the other side has gone."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (size,) = HEADER.unpack(header)
    message = stream.read(size)
    return message if len(message) == size else None
