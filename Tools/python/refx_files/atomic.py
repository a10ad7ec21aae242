"""A file is the old one or the new one, whole."""

import contextlib
import os
import secrets
import stat

from .errors import Unsupported


@contextlib.contextmanager
def replacing(path, durable=True):
    """Gives the path of a temporary beside `path`, which takes its place in the end, or is removed."""
    path = os.path.realpath(os.fspath(path))
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise Unsupported(f"{path}: no regular file stands there, so nothing is written")
    except FileNotFoundError:
        pass
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
        if durable:
            _synchronise(temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    if durable:
        _synchronise(folder)


def _synchronise(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
