"""Messages pass whole and in order, and an end in the middle of one is an end."""

import io

import pytest

from mi_course.processes import wire


def test_messages_arrive_whole_and_in_order():
    sent = [b"one", b"", b"\n" * 70_000]
    stream = io.BytesIO()
    for message in sent:
        wire.send(stream, message)
    stream.seek(0)
    assert [wire.receive(stream) for _ in sent] == sent
    assert wire.receive(stream) is None


@pytest.mark.parametrize("size", [0, 3, wire.HEADER.size, wire.HEADER.size + 2])
def test_a_message_that_breaks_off_is_none(size):
    stream = io.BytesIO()
    wire.send(stream, b"four")
    assert wire.receive(io.BytesIO(stream.getvalue()[:size])) is None
