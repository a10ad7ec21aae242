"""What the tests share: the package, the command `refx`, golden files, and how two trees are compared."""

import importlib.util
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "Tools", "python"))

import numpy as np  # noqa: E402

import refx_files  # noqa: E402,F401
from refx_files import dtypes  # noqa: E402
from refx_files.tree import HOLE, NOTHING, Ref  # noqa: E402,F401

GOLDENS = os.path.join(ROOT, "Fixtures", "golden")


def command():
    """The command `refx`: the one that REFX names, else one that was built."""
    named = os.environ.get("REFX")
    for path in [named] if named else [
            os.path.join(ROOT, build, "refx") for build in (".build/release", ".build/debug", ".build-static/release")]:
        if os.access(path, os.X_OK):
            return path
    return None


REFX = command()
needs_refx = unittest.skipUnless(REFX, "there is no refx: build it, or name one with REFX")
H5PY = importlib.util.find_spec("h5py") is not None
needs_h5py = unittest.skipUnless(H5PY, "h5py is not installed")


def refx(*arguments, status=0):
    """Runs the command and gives what it printed."""
    done = subprocess.run([REFX, *arguments], capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode != status:
        raise AssertionError(f"refx {' '.join(arguments[:4])}: exit {done.returncode}: {done.stderr.decode()[:2000]}")
    return done.stdout


def refx_json(*arguments):
    return json.loads(refx(*arguments, "--json"))


class Scratch(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="refx-python-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def golden_refx_files():
    folder = os.path.join(GOLDENS, "refx")
    return sorted(
        os.path.join(at, name) for at, _, names in os.walk(folder) for name in names if name.endswith(".refx"))


def bits(value):
    return struct.pack("<d", value)


def difference(a, b):
    """Where two trees differ in structure, type, a byte or in what is one object; None where they are the same.

    Does not recurse. Arrays, dicts, lists and Refs are compared by what is identical (`is`) within each tree.
    """
    same, back, keep = {}, {}, []
    waiting = [("", a, b)]
    while waiting:
        where, x, y = waiting.pop()
        array = dtypes.is_array(x) or dtypes.is_array(y)
        if array:
            if not (dtypes.is_array(x) and dtypes.is_array(y)):
                return f"{where}: {type(x).__name__} and {type(y).__name__}"
        elif type(x) is not type(y):
            return f"{where}: {type(x).__name__} and {type(y).__name__}"
        if (array and not isinstance(x, np.generic)) or isinstance(x, (dict, list, Ref)):
            keep.append((x, y))
            if same.setdefault(id(x), id(y)) != id(y) or back.setdefault(id(y), id(x)) != id(x):
                return f"{where}: shared in one tree and not in the other"
            if (id(x), "seen") in same:
                continue
            same[id(x), "seen"] = True
        if array:
            names = dtypes.array_name(x, ()), dtypes.array_name(y, ())
            if names[0] != names[1] or tuple(x.shape) != tuple(y.shape):
                return f"{where}: {names[0]} {x.shape} and {names[1]} {y.shape}"
            if bytes(dtypes.logical_bytes(x, names[0], ())) != bytes(dtypes.logical_bytes(y, names[0], ())):
                return f"{where}: other elements"
        elif isinstance(x, Ref):
            if x.collection != y.collection or type(x.collection) is not type(y.collection):
                return f"{where}: collections {x.collection!r} and {y.collection!r}"
            waiting.append((where + "*", x.value, y.value))
        elif isinstance(x, dict):
            if x.keys() != y.keys():
                return f"{where}: keys {sorted(x.keys() ^ y.keys())}"
            waiting.extend((f"{where}/{key}", x[key], y[key]) for key in x)
        elif isinstance(x, (list, tuple)):
            if len(x) != len(y):
                return f"{where}: {len(x)} members and {len(y)}"
            waiting.extend((f"{where}/{place}", x[place], y[place]) for place in range(len(x)))
        elif isinstance(x, float):
            if bits(x) != bits(y):
                return f"{where}: {x!r} and {y!r}"
        elif x != y:
            return f"{where}: {x!r} and {y!r}"
    return None
