"""The bytes of a section of a catalogue, read and written piece by piece."""

import struct

from .errors import Damaged

_FORMS = {form: struct.Struct("<" + form) for form in "BHIQqd"}


class SectionReader:
    def __init__(self, data, name, start=0):
        self.data, self.name, self.start, self.at = bytes(data), name, start, 0

    def demand(self, condition, what):
        if not condition:
            raise Damaged(f"section {self.name}, byte {self.start + self.at}: {what}")

    def left(self):
        return len(self.data) - self.at

    def raw(self, count):
        self.demand(count <= len(self.data) - self.at, "the section ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def byte(self):
        self.demand(self.at < len(self.data), "the section ends too early")
        self.at += 1
        return self.data[self.at - 1]

    def number(self, form):
        form = _FORMS[form]
        return form.unpack(self.raw(form.size))[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            self.demand(shift < 63, "a varint is too large")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                self.demand(byte != 0 or shift == 0, "a varint is longer than it needs to be")
                return value
            shift += 7

    def count(self, least):
        """A number of things of which each takes at least `least` bytes."""
        count = self.varint()
        self.demand(count * least <= self.left(), f"{count} things do not fit in what is left")
        return count

    def text(self, limit=None):
        size = self.varint()
        self.demand(limit is None or size <= limit, f"a name of {size} bytes; the limit is {limit}")
        raw = self.raw(size)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self.demand(False, "text is not valid UTF-8")

    def end(self):
        self.demand(self.at == len(self.data), "bytes follow the content")


def varint(value):
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def text(value):
    """A text with its length; `value` is bytes of UTF-8."""
    return varint(len(value)) + value
