"""What goes wrong. Every error of the package is a `FileError`, so one `except` catches them all."""


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
    keys = [key.replace("~", "~0").replace("/", "~1") or "~2" for key in path]
    return "'" + visible("/".join(keys)) + "'"
