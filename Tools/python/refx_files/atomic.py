"""A file is the old one or the new one, whole."""

import contextlib
import os
import secrets
import stat

from .errors import Unsupported


@contextlib.contextmanager
def replacing(path, durable=True):
    """Gives the path of a temporary beside `path`, an empty file, which takes its place in the end, or is removed.

    The permissions of a file that is replaced stay; nobody else reads the temporary before it has them.
    """
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    os.stat(folder)
    mode = None
    with contextlib.suppress(FileNotFoundError):
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise Unsupported(f"{path}: no regular file stands there, so nothing is written")
        mode = status.st_mode & 0o777
    # A name may have 255 bytes.
    front = os.fsdecode(os.fsencode(name)[:100])
    temporary = os.path.join(folder, f".{front}.{secrets.token_hex(8)}.tmp")
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600))
    try:
        yield temporary
        _finish(temporary, durable, mode)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    if durable:
        # A folder that we may write to and not read has its file by now.
        with contextlib.suppress(PermissionError):
            _finish(folder, durable)


def _finish(path, durable, mode=None):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if mode is not None:
            os.fchmod(descriptor, mode)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
