"""What people hand over that is odd: it is saved as it is, or refused by place, and never leaves a file that cannot be read."""

import enum
import os
import unittest
from unittest import mock

from support import H5PY, Ref, Scratch, content, needs_h5py, np, refx_files

SUFFIXED = ("x.refx", "x.h5") if H5PY else ("x.refx",)


class Words(str, enum.Enum):
    ADAM = "adam"


class Numbers(enum.IntEnum):
    TWO = 2


class Claims:
    """Looks like an array of two float32, and gives what it likes."""

    dtype, shape = np.dtype("f4"), (2,)

    def __init__(self, give):
        self.give = give

    def __array__(self, dtype=None, copy=None):
        return self.give()


def failing(error):
    def give():
        raise error
    return give


class OddTrees(Scratch):
    def saved(self, tree, **options):
        refx_files.save(self.path("x.refx"), tree, **options)
        return refx_files.load(self.path("x.refx"))

    def refused(self, words, tree, name="x.refx", **options):
        with self.subTest(words), self.assertRaisesRegex(refx_files.Unsupported, words):
            refx_files.save(self.path(name), tree, **options)
        self.assertEqual(os.listdir(self.folder), [])

    def test_texts_of_a_class_of_their_own_are_saved_by_what_they_say(self):
        found = self.saved({Words.ADAM: Words.ADAM, "n": Numbers.TWO, "x": Ref(np.ones(1), Words.ADAM)},
                           metadata={Words.ADAM: Words.ADAM}, attributes={("n",): {Words.ADAM: Words.ADAM}})
        self.assertEqual(sorted(found), ["adam", "n", "x"])
        self.assertEqual((found["adam"], found["n"]), ("adam", 2))
        self.assertIs(type(found["adam"]), str)
        with refx_files.open(self.path("x.refx")) as file:
            self.assertEqual(file.metadata, {"adam": "adam"})
            self.assertEqual(file.attributes, {("n",): {"adam": "adam"}})
            self.assertEqual(list(file.collections()), ["adam"])

    def test_keys_that_are_one_text(self):
        class Key(str):
            __hash__ = object.__hash__

            def __eq__(self, other):
                return self is other

        self.refused("'x'.*twice", {"x": {Key("a"): 1, Key("a"): 2}})

    def test_arrays_that_are_not_what_they_say(self):
        self.assertEqual(self.saved([Claims(lambda: np.ones(2, "f4"))])[0].tolist(), [1, 1])
        os.unlink(self.path("x.refx"))
        for give in (lambda: np.ones(3, "f4"), lambda: np.ones((1, 2), "f4"), lambda: np.ones(2, "f8")):
            self.refused(r"'a/0'.*float32 \[2\]", {"a": [Claims(give)]})
        for error in (RuntimeError("on a device"), TypeError("no such type")):
            self.refused("'a'.*no NumPy array.*on a device|no such type", {"a": Claims(failing(error))})
        self.refused("'a'.*type", {"a": np.ndarray})
        # What the disk says is not about the tree.
        with self.assertRaises(OSError):
            refx_files.save(self.path("x.refx"), [Claims(failing(OSError("the disk")))])

    def test_texts_that_no_file_holds(self):
        for tree, options in (
                ({"x": Ref(1, "\ud800")}, {}), ({"x": np.ones(1)}, {"collections": "\ud800"}),
                ({"x": np.ones(1)}, {"attributes": {("x",): {"\ud800": 1}}}),
                ({"x": np.ones(1)}, {"attributes": {("x",): {"a": "\ud800"}}})):
            self.refused("surrogate", tree, **options)
        most = 1 << 20
        self.assertEqual(self.saved({"k" * most: 1}), {"k" * most: 1})
        os.unlink(self.path("x.refx"))
        self.refused("1048577 bytes", {"k" * (most + 1): 1})
        self.refused("1048577 bytes", {"x": Ref(1, "k" * (most + 1))})

    def test_metadata_that_is_no_dict(self):
        for bad in ([1], "text", 3, [("a", 1)]):
            self.refused("metadata is a dict", {}, metadata=bad)
        self.assertEqual(self.saved({}, metadata={}), {})

    def test_attributes_that_are_none(self):
        tree = {"w": np.ones(1)}
        for bad in ({"w": {"a": 1}}, {("w", 0): {"a": 1}}, {0: {"a": 1}}):
            self.refused("a tuple of str", tree, attributes=bad)
        for bad in ({("w",): 3}, {("w",): {1: 1}}):
            self.refused("'w'.*names", tree, attributes=bad)
        for value in ([[1], [1, 2]], [1 << 70], b"x", object(), ["a", 1.5, None]):
            self.refused("'w'.*an attribute", tree, attributes={("w",): {"a": value}})
        self.refused("a dict", tree, attributes=[1])

    @needs_h5py
    def test_the_same_in_hdf5(self):
        tree = {"w": np.ones(1)}
        for bad in ({"\ud800": 1}, {"a": "\ud800"}):
            self.refused("surrogate", tree, "x.h5", attributes={("w",): bad})
        self.refused("surrogate", {"w": Ref(1, "\ud800")}, "x.h5")
        self.refused("metadata is a dict", tree, "x.h5", metadata=[1])
        self.refused(r"float32 \[2\]", [Claims(lambda: np.ones(3, "f4"))], "x.h5")


class Paths(Scratch):
    def test_names_of_files(self):
        # As long as a name may be, in characters of four bytes.
        for name in ("\U0001F600" * 62 + ".refx", "x", ".refx", " x y.refx", "x" * 250 + ".refx"):
            refx_files.save(self.path(name), {"a": 1})
            self.assertEqual(refx_files.load(self.path(name)), {"a": 1})
        for bad in (5, None, 1.5, [], b"x.refx"):
            with self.subTest(bad), self.assertRaisesRegex(TypeError, "path"):
                refx_files.save(bad, {})
        for bad in (5, None, 1.5, []):
            with self.subTest(bad), self.assertRaisesRegex(TypeError, "path"):
                refx_files.open(bad)

    def test_a_folder_that_is_not_there_is_named(self):
        with self.assertRaises(FileNotFoundError) as caught:
            refx_files.save(self.path("nowhere/x.refx"), {})
        self.assertEqual(caught.exception.filename, os.path.realpath(self.path("nowhere")))

    def test_what_others_may_do_with_a_file_stays(self):
        for name in SUFFIXED:
            refx_files.save(self.path(name), {})
            os.chmod(self.path(name), 0o640)
            refx_files.save(self.path(name), {"new": 1})
            self.assertEqual(os.stat(self.path(name)).st_mode & 0o777, 0o640)

    def test_no_file_stays_open(self):
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else self.skipTest("no /proc here")
        refx_files.save(self.path("x.refx"), {"a": np.ones(2), "b": [np.zeros(1)]})
        with mock.patch("refx_files.source.FileSource.__del__", lambda _: None):
            refx_files.save(self.path("p.refx"), {"a": np.zeros(2), "b": [np.zeros(1)]}, base=self.path("x.refx"))
            refx_files.load(self.path("p.refx"), base=self.path("x.refx"))
            for wrong in ([self.path("p.refx")], [self.path("x.refx"), self.path("x.refx")]):
                with self.assertRaises(refx_files.FileError):
                    refx_files.load(self.path("p.refx"), base=wrong)
            self.assertEqual(len(os.listdir("/proc/self/fd")), before)
        self.assertEqual(refx_files.load(self.path("x.refx"), base=[])["a"].tolist(), [1, 1])

    def test_lazy_leaves_of_a_closed_file(self):
        for name in SUFFIXED:
            refx_files.save(self.path(name), {"a": np.ones(3)})
            with refx_files.open(self.path(name)) as file:
                lazy = file.tree(lazy=True)["a"]
                self.assertEqual(lazy[1:].tolist(), [1, 1])
            for read in (lambda: np.asarray(lazy), lambda: lazy[1], lambda: file.tree()):
                with self.subTest(name), self.assertRaisesRegex(ValueError, "is closed"):
                    read()

    def test_reading_is_a_copy(self):
        refx_files.save(self.path("x.refx"), {"a": np.ones(3)})
        lazy = refx_files.load(self.path("x.refx"), lazy=True)["a"]
        with self.assertRaises(ValueError):
            lazy.__array__(copy=False)
        self.assertEqual(lazy.__array__(np.dtype("f4"), copy=True).dtype, np.float32)

    @needs_h5py
    def test_hdf5_in_memory_is_refused_with_the_way_out(self):
        refx_files.save(self.path("x.h5"), {})
        with self.assertRaisesRegex(refx_files.Unsupported, "HDF5.*path"):
            refx_files.load(content(self.path("x.h5")))


if __name__ == "__main__":
    unittest.main()
