"""Where bytes come from: a file, or memory. Any number of threads may read."""

import os
import stat

from .errors import Damaged, Unsupported


def path_of(file, more=""):
    """The path that a user gave, as text."""
    name = os.fspath(file) if isinstance(file, (str, os.PathLike)) else None
    if not isinstance(name, str):
        raise TypeError(f"a path is a str or a pathlib.Path{more}, not {type(file).__name__}")
    return name


class FileSource:
    _descriptor = -1

    def __init__(self, path):
        self.name = path
        # A pipe must not make us wait.
        self._descriptor = os.open(self.name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise Unsupported(f"{self.name}: no regular file")
        self.size, self.identity = status.st_size, (status.st_dev, status.st_ino)

    def read_into(self, offset, target):
        target = memoryview(target)
        if self._descriptor < 0:
            raise ValueError(f"{self.name} is closed; read from it before that")
        done = 0
        while done < len(target):
            count = os.preadv(self._descriptor, [target[done:]], offset + done)
            if count == 0:
                raise Damaged(f"the file ends at byte {offset + done}, while it is read")
            done += count

    def read(self, offset, count):
        data = bytearray(count)
        self.read_into(offset, data)
        return data

    def close(self):
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self, _close=os.close):
        # When Python ends, `os` may be gone before.
        if self._descriptor >= 0:
            _close(self._descriptor)

    def __reduce__(self):
        # Two owners of one descriptor would close each other's file.
        raise TypeError(f"{self.name} is open, which cannot be copied or pickled; open it anew, or take np.asarray")


class MemorySource:
    def __init__(self, data):
        self.name, self._data = "memory", memoryview(data).cast("B")
        self.size, self.identity = len(self._data), None

    def read_into(self, offset, target):
        memoryview(target)[:] = self._bytes()[offset:offset + len(target)]

    def read(self, offset, count):
        return bytearray(self._bytes()[offset:offset + count])

    def _bytes(self):
        if self._data is None:
            raise ValueError("the bytes in memory are closed; read from them before that")
        return self._data

    def close(self):
        """Lets go of the bytes, which may then change their length again."""
        self._data = None
