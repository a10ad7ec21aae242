"""Where bytes come from: a file, or memory. Any number of threads may read."""

import os
import stat

from .errors import Damaged, Unsupported


class FileSource:
    def __init__(self, path):
        self.name = os.fspath(path)
        self._descriptor = -1
        # A pipe must not make us wait.
        self._descriptor = os.open(self.name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise Unsupported(f"{self.name}: no regular file")
        self.size = status.st_size

    def read_into(self, offset, target):
        target = memoryview(target)
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

    def __del__(self):
        self.close()


class MemorySource:
    def __init__(self, data):
        self.name, self._data = "memory", memoryview(data).cast("B")
        self.size = len(self._data)

    def read_into(self, offset, target):
        memoryview(target)[:] = self._data[offset:offset + len(target)]

    def read(self, offset, count):
        return bytearray(self._data[offset:offset + count])

    def close(self):
        pass
