"""The wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding/), as far as weights need it.

A message is read field by field; nothing is copied but what is asked for, and nothing is believed of a length before it
is held against the data. What is damaged raises `ValueError`.
"""

from __future__ import annotations

from collections.abc import Iterator

Field = tuple[int, int | memoryview]


def fields(data: memoryview) -> Iterator[Field]:
    """Number and value of each field of one message; a length-delimited value is a slice of the data."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire_type = key >> 3, key & 7
        value: int | memoryview
        if wire_type == 0:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire_type == 2:
            length, position = _varint(data, position)
        elif wire_type in (1, 5):
            length = 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"wire type {wire_type}")
        if position + length > len(data):
            raise ValueError("it ends too early")
        yield number, data[position : position + length]
        position += length


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """Little-endian base 128: the number, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ValueError("it ends too early")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a number of more than 10 bytes")


def messages(data: memoryview, number: int) -> Iterator[memoryview]:
    """The length-delimited values of one field."""
    for found, value in fields(data):
        if found == number and isinstance(value, memoryview):
            yield value


def text(data: memoryview, number: int) -> str:
    return bytes(next(messages(data, number), memoryview(b""))).decode()


def varints(data: memoryview) -> list[int]:
    """Whole numbers that stand one behind the other, as a packed field has them."""
    numbers = []
    position = 0
    while position < len(data):
        number, position = _varint(data, position)
        numbers.append(number)
    return numbers
