"""Metadata as JSON: read strictly, written in the one form that the format fixes."""

import json
import math

from .errors import Damaged, Unsupported


def parse(data, what):
    """A JSON object. Refuses names that come twice, numbers that are none, and text that is no UTF-8."""
    def once(pairs):
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("an object names something twice")
        return found

    def finite(digits):
        value = float(digits)
        if not math.isfinite(value):
            raise ValueError(f"the number {digits} is too large")
        return value

    def refused(word):
        raise ValueError(f"{word} is no JSON")

    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_float=finite, parse_constant=refused)
        json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise Unsupported(f"{what}: nested too deep for what is left of Python's stack")
    except ValueError as error:
        raise Damaged(f"{what}: {error}")
    level = [found]
    for _ in range(DEPTH):
        level = [inside for item in level if isinstance(item, (dict, list))
                 for inside in (item.values() if isinstance(item, dict) else item)]
    if any(isinstance(item, (dict, list)) for item in level):
        raise Damaged(f"{what}: nested deeper than {DEPTH}")
    if not isinstance(found, dict):
        raise Damaged(f"{what} is no object")
    return found


# Readers need not take metadata that is nested deeper.
DEPTH = 512
LARGEST = 256 << 20

_ESCAPES = {byte: f"\\u{byte:04x}" for byte in [*range(0x20), 0x7F]}
_ESCAPES.update({ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t", ord('"'): '\\"', ord("\\"): "\\\\"})


def _quoted(text):
    return '"' + text.translate(_ESCAPES) + '"'


def _number(value):
    if not math.isfinite(value):
        raise Unsupported(f"metadata cannot hold {value}")
    digits = repr(value)
    if "e" in digits or abs(value) <= 1 << 53:
        return digits
    # Python goes on without an exponent up to 10^16.
    sign, digits = ("-", digits[1:-2]) if value < 0 else ("", digits[:-2])
    rest = digits[1:].rstrip("0")
    return f"{sign}{digits[0]}{'.' + rest if rest else ''}e+{len(digits) - 1}"


def written(value):
    """The compact form of a document, UTF-8. Members stay in their order."""
    parts, waiting = [], [value]
    open_ids = set()

    class Words(str):
        """What is written as it is."""

    class Closed:
        def __init__(self, number):
            self.number = number

    while waiting:
        item = waiting.pop()
        if isinstance(item, Words):
            parts.append(item)
        elif isinstance(item, Closed):
            open_ids.discard(item.number)
        elif item is None:
            parts.append("null")
        elif isinstance(item, bool):
            parts.append("true" if item else "false")
        elif isinstance(item, int):
            if not -1 << 63 <= item < 1 << 63:
                raise Unsupported(f"metadata cannot hold {item}, which does not fit 64 bits")
            parts.append(str(int(item)))
        elif isinstance(item, float):
            parts.append(_number(float(item)))
        elif isinstance(item, str):
            parts.append(_quoted(item))
        elif isinstance(item, (list, tuple, dict)):
            if id(item) in open_ids:
                raise Unsupported("metadata that holds itself")
            open_ids.add(id(item))
            if len(open_ids) > DEPTH:
                raise Unsupported(f"metadata nested deeper than {DEPTH}")
            mapping = isinstance(item, dict)
            inside = [Words("{" if mapping else "[")]
            for position, member in enumerate(item.items() if mapping else item):
                if position:
                    inside.append(Words(","))
                if mapping:
                    name, member = member
                    if not isinstance(name, str):
                        raise Unsupported(f"metadata names are text, not {name!r}")
                    inside.append(Words(_quoted(name) + ":"))
                inside.append(member)
            inside += [Words("}" if mapping else "]"), Closed(id(item))]
            waiting.extend(reversed(inside))
        else:
            raise Unsupported(f"metadata cannot hold {type(item).__name__}; only what JSON has")
    try:
        text = "".join(parts).encode()
    except UnicodeEncodeError:
        raise Unsupported("metadata with half a surrogate pair")
    if len(text) > LARGEST:
        raise Unsupported(f"metadata of {len(text)} bytes; files take {LARGEST}")
    return text
