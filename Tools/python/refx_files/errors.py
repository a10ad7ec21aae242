"""What is wrong with a file, or with a tree that is to be one, is a `FileError`, so one `except` catches all of it.

Wrong arguments are what they are in Python: TypeError, ValueError, and KeyError for a pattern that chooses nothing.
"""


class FileError(Exception):
    """A checkpoint cannot be read or written."""


class Damaged(FileError):
    """The file breaks a rule of its format: nothing of what is concerned is given away."""


class Unsupported(FileError):
    """The file, or the tree, needs something that this package, this Python or the format does not have."""


class LimitExceeded(FileError):
    """The file declares more than it may; see `Limits`."""


def demand(condition, what, path=None, found=None):
    """Refuses a file that breaks a rule: at a path, where one is given, and with what was found there."""
    if not condition:
        raise Damaged((f"{shown(path)}: " if path is not None else "") + what + (f": {found!r}" if found else ""))


def visible(text):
    """A name out of a file as it may be shown: no control characters, no marks that turn the text around."""
    return "".join(c if c.isprintable() or c == " " else f"\\u{{{ord(c):x}}}" for c in text)


def shown(path):
    """A path for people, as the command `refx` writes it."""
    keys = [_clipped(key).replace("~", "~0").replace("/", "~1") or "~2" for key in path]
    if len(keys) > 40:
        keys = [*keys[:20], "…", *keys[-19:]]
    return "'" + visible("/".join(keys)) + "'"


def _clipped(key):
    """A key may have a megabyte, and a path a thousand of them."""
    return key if len(key) <= 200 else key[:100] + "…" + key[-20:]
