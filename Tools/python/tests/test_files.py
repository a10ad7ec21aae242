"""What a user expects of load and save."""

import collections
import copy
import os
import subprocess
import sys
import threading
import unittest
from unittest import mock

from support import (
    GOLDENS, H5PY, HOLE, NOTHING, ROOT, Ref, Scratch, content, difference, dtypes, golden_refx_files, needs_refx, np,
    refx, refx_files, refx_json)
from test_damage import parted, sealed


class Goldens(Scratch):
    def test_every_golden_file_is_read_and_written_the_same(self):
        import json
        from refx_files import listing
        same = 0
        for path in golden_refx_files():
            with self.subTest(path), refx_files.open(path) as file:
                file.verify()
                with open(path[:-5] + ".json", encoding="utf-8") as expected:
                    self.assertEqual(json.loads(json.dumps(listing.document(file))), json.load(expected))
                refx_files.save(self.path("again.refx"), file.tree(refs=True, raw=True), metadata=file.metadata,
                                attributes=file.attributes, compression="none")
                if file.codec is None:
                    same += 1
                    self.assertEqual(content(self.path("again.refx")), content(path))
                self.assertEqual(refx_files.digest(file), refx_files.digest(self.path("again.refx")))
        self.assertGreaterEqual(same, 10)

    def test_parts_are_read_with_their_holes(self):
        folder = os.path.join(GOLDENS, "parts", "v1", "refx")
        whole = refx_files.load(os.path.join(GOLDENS, "parts", "v1", "whole.refx"))
        filled = 0
        for name in os.listdir(folder):
            part = refx_files.load(os.path.join(folder, name))
            self.assertEqual(part.keys(), whole.keys())
            filled += sum(value is not HOLE for value in part.values())
        self.assertGreater(filled, len(os.listdir(folder)))


class Saving(Scratch):
    def saved(self, tree, **options):
        refx_files.save(self.path("x.refx"), tree, **options)
        return refx_files.load(self.path("x.refx"))

    def test_what_is_tied_comes_back_tied(self):
        w, sub = np.arange(6.0).reshape(2, 3), {"b": np.ones(2)}
        tree = {"embed": w, "head": {"weight": w}, "equal": w.copy(), "one": sub, "two": [sub]}
        found = self.saved(tree)
        self.assertIs(found["embed"], found["head"]["weight"])
        self.assertIsNot(found["embed"], found["equal"])
        self.assertIs(found["one"], found["two"][0])
        self.assertIsNone(difference(tree, found))
        with refx_files.open(self.path("x.refx")) as file:
            self.assertEqual(len(file.table), 3)
            self.assertEqual(file.collections(), {None: [("embed",), ("head", "weight"), ("one",), ("two", "0")]})

    def test_a_tree_that_holds_itself(self):
        tree = {"x": [1, np.ones(2)]}
        tree["self"] = tree
        tree["x"].append(tree["x"])
        tree["tuple"] = (tree["x"], tree)
        found = self.saved(tree)
        self.assertIs(found["self"], found)
        self.assertIs(found["x"][2], found["x"])
        self.assertIs(found["tuple"][1], found)

    def test_a_tuple_that_holds_itself_through_a_list(self):
        ref = Ref(None)
        ref.value = ([ref],)
        refx_files.save(self.path("x.refx"), {"a": ref, "b": ref})
        found = refx_files.load(self.path("x.refx"))
        self.assertIs(found["a"][0][0], found["a"])
        self.assertIs(found["a"], found["b"])
        self.assertIsNone(difference({"a": ref, "b": ref}, refx_files.load(self.path("x.refx"), refs=True)))
        endless = Ref(None)
        endless.value = (endless,)
        refx_files.save(self.path("y.refx"), [endless])
        with self.assertRaisesRegex(refx_files.Unsupported, "refs=True"):
            refx_files.load(self.path("y.refx"))
        itself = Ref(None)
        itself.value = itself
        refx_files.save(self.path("y.refx"), [itself])
        with self.assertRaisesRegex(refx_files.Unsupported, "refs=True"):
            refx_files.load(self.path("y.refx"))
        self.assertIsNone(difference([itself], refx_files.load(self.path("y.refx"), refs=True)))

    def test_collections(self):
        w, v, tied = np.ones(2), np.zeros(2), np.arange(2)
        tree = {"a": {"kernel": w, "bias": v}, "b": tied, "c": tied}

        def of(collections):
            refx_files.save(self.path("x.refx"), tree, collections=collections)
            return refx_files.open(self.path("x.refx")).collections()

        self.assertEqual(of(None), {None: [("b",), ("c",)]})
        self.assertEqual(of("params"), {"params": [("a", "bias"), ("a", "kernel"), ("b",), ("c",)]})
        self.assertEqual(of({"**/kernel": "params", "b": 3}),
                         {"params": [("a", "kernel")], 3: [("b",), ("c",)]})
        self.assertEqual(of(lambda path, array: "small" if array.sum() < 1 else None),
                         {"small": [("a", "bias")], None: [("b",), ("c",)]})
        with self.assertRaisesRegex(refx_files.Unsupported, "'c'.*shares its value"):
            of({"b": "one", "c": "two"})
        for bad in (1.5, True, 1 << 63):
            with self.assertRaises(refx_files.Unsupported):
                of(bad)
        # A misspelling; what an earlier pattern has taken is none.
        with self.assertRaisesRegex(KeyError, r"no array at 'aa/\*\*'"):
            of({"aa/**": "params", "b": "x"})
        # All of a dict is `a/**`: a pattern names arrays.
        with self.assertRaisesRegex(KeyError, "no array at 'a'"):
            of({"a": "params"})
        self.assertEqual(of({"**": "params", "a/**": "x"}), of("params"))
        # What stands below a later site is there, though its first site decides.
        inside = {"w": np.ones(2)}
        refx_files.save(self.path("later.refx"), {"a": inside, "b": inside}, collections={"b/**": "params"})
        refx_files.save(self.path("none.refx"), {"step": 1}, collections={"**": "params"})

    def test_refs_say_their_own(self):
        shared = Ref(np.ones(3), "params")
        tree = {"a": shared, "b": shared, "one": Ref({"x": Ref(np.zeros(1), 7)})}
        refx_files.save(self.path("x.refx"), tree)
        found = refx_files.load(self.path("x.refx"), refs=True)
        self.assertIsNone(difference(tree, found))
        self.assertIs(found["a"], found["b"])
        plain = refx_files.load(self.path("x.refx"))
        self.assertIs(plain["a"], plain["b"])
        self.assertEqual(plain["one"]["x"].tolist(), [0])
        array = np.ones(2)
        with self.assertRaisesRegex(refx_files.Unsupported, "put the Ref at both"):
            refx_files.save(self.path("y.refx"), [Ref(array), array])
        both = refx_files.Ref(array), refx_files.Ref(array)
        self.assertFalse(os.path.exists(self.path("y.refx")))
        refx_files.save(self.path("y.refx"), list(both))
        first, second = refx_files.load(self.path("y.refx"))
        self.assertIsNot(first, second)

    def test_odd_arrays(self):
        nan = np.array([0x7FF0000000000001, 0xFFF8DEADBEEF0000], "<u8").view("<f8")
        base = np.arange(24, dtype=np.int32).reshape(4, 6)
        tree = {
            "nan": nan, "big": np.arange(5, dtype=">i8"), "bigfloat": nan.byteswap().view(">f8"),
            "bigcomplex": np.array([1 + 2j, -3j], ">c16"), "fortran": np.asfortranarray(base),
            "strided": base[::2, ::-3], "turned": base.T, "scalar": np.array(3.5, np.float16), "generic": np.int8(-3),
            "empty": np.zeros((0, 3), np.complex64), "broadcast": np.broadcast_to(np.float32(2), (3, 1000, 7)),
            "text": np.array([["é", "a\0"], ["", "\U0010ffff"]], object), "unicode": np.array(["a", "bc"]),
            "bool": np.array([True, False]), "0-d text": np.array("x", object), "matrix": np.arange(3)[None],
        }
        found = self.saved(tree)
        self.assertIsNone(difference({name: np.asarray(value) for name, value in tree.items()}, found))
        self.assertEqual(found["nan"].view("<u8").tolist(), nan.view("<u8").tolist())
        self.assertEqual(found["bigfloat"].view("<u8").tolist(), nan.view("<u8").tolist())
        self.assertEqual(found["big"].dtype, np.dtype("<i8"))
        self.assertEqual(found["scalar"].shape, ())
        self.assertEqual(found["text"][1, 1], "\U0010ffff")
        self.assertTrue(found["nan"].flags.writeable and found["nan"].flags.c_contiguous)

    def test_chunks_and_compression(self):
        big = np.arange(3 << 19, dtype=np.float32).reshape(3, 1 << 9, 1 << 10)
        odd = np.arange(1 << 20, dtype=np.int16)[:1000003]
        tree = {"big": big, "odd": odd, "wide": np.ones((2, 300, 1999), np.float64), "tail": np.ones(5000, np.uint8)}
        sizes = []
        for compression in ("none", "fast", "best", 6):
            for threads in (1, 3):
                refx_files.save(self.path(f"{threads}.refx"), tree, compression=compression, threads=threads)
            self.assertEqual(content(self.path("1.refx")), content(self.path("3.refx")))
            self.assertIsNone(difference(tree, refx_files.load(self.path("1.refx"), threads=2)))
            sizes.append(os.path.getsize(self.path("1.refx")))
        self.assertLess(sizes[2], sizes[1])
        self.assertLess(sizes[1], sizes[0] / 10)
        for bad in ("gzip", 0, 10, True, None):
            with self.assertRaises(ValueError):
                refx_files.save(self.path("z.refx"), tree, compression=bad)
        with self.assertRaises(ValueError):
            refx_files.save(self.path("z.refx"), tree, threads=0)

    @needs_refx
    def test_the_command_reads_chunks_and_compression(self):
        tree = {"a": np.arange(3 << 19, dtype=np.float32).reshape(3, -1, 4), "b": np.arange(1000003, dtype=np.int16)}
        for compression in ("none", "fast", "best"):
            refx_files.save(self.path("x.refx"), tree, compression=compression)
            refx("verify", self.path("x.refx"))
            self.assertEqual(refx_json("digest", self.path("x.refx")), refx_files.digest(self.path("x.refx")))
            refx("get", self.path("x.refx"), "a", "-o", self.path(f"{compression}.npy"), "--slice", "1:3,7:20000:3,:")
            self.assertTrue(np.array_equal(np.load(self.path(f"{compression}.npy")), tree["a"][1:3, 7:20000:3]))

    def test_what_cannot_be_saved_is_refused_by_place(self):
        bad = [
            ({"a": [object()]}, "'a/0'.*object"), ({"a": {1: 2}}, "'a'.*key 1"), ({"x": np.array([object()])}, "'x'"),
            ({"x": np.array([b"a"])}, "'x'.*text is"), ({"x": 1 << 63}, "'x'.*64 bits"), ({"x": "\ud800"}, "surrogate"),
            ({"\udfff": 1}, "surrogate"), ({"x": np.array(["2020"], "M8[D]")}, "'x'.*datetime"),
            ({"x": np.zeros(2, "f4,i4")}, "'x'"), ({"x": np.ma.array([1, 2], mask=[0, 1])}, "masked"),
            ({"x": b"bytes"}, "'x'.*bytes"), ({"a/b~": {"": set()}}, r"'a~1b~0/~2'.*set"), ({"x": 1j}, "complex"),
            ({"x": np.longdouble(1)}, "float128|longdouble"),
        ]
        refx_files.save(self.path("x.refx"), {"old": 1})
        for tree, words in bad:
            with self.subTest(words), self.assertRaisesRegex(refx_files.Unsupported, words):
                refx_files.save(self.path("x.refx"), tree)
        deep = leaf = {}
        for _ in range(1001):
            leaf["x"] = leaf = {}
        with self.assertRaisesRegex(refx_files.Unsupported, "deeper"):
            refx_files.save(self.path("x.refx"), deep)
        self.assertEqual(refx_files.load(self.path("x.refx")), {"old": 1})
        self.assertEqual(os.listdir(self.folder), ["x.refx"])

    def test_depth_is_no_danger(self):
        tree = np.ones(1)
        for level in range(1000):
            tree = ({"x": tree}, [tree], (tree,))[level % 3]
        refx_files.save(self.path("x.refx"), tree)
        self.assertIsNone(difference(tree, refx_files.load(self.path("x.refx"))))
        import contextlib
        import io
        from refx_files.__main__ import main
        for flag in ("--json", "--verify", None):
            with contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(main([flag, self.path("x.refx")] if flag else [self.path("x.refx")]), 0)

    def test_metadata_and_attributes(self):
        words = {"run": 7, "é": [None, True, 0.1, {"": "x"}], "text": "\x7f\"\n"}
        notes = {("a",): {"unit": "m", "scale": 0.5, "n": 3, "ok": True, "none": None, "é": np.arange(3, dtype=np.int16),
                          "names": ["a", "", "ü"], "half": np.float16(2), "grid": np.array([["a"], ["b"]], object)},
                 (): {"author": "me"}, ("nowhere",): {"x": 1}}
        refx_files.save(self.path("x.refx"), {"a": np.ones(2)}, metadata=words, attributes=notes)
        with refx_files.open(self.path("x.refx")) as file:
            self.assertEqual(file.metadata, words)
            self.assertEqual(list(file.metadata), list(words))
            self.assertEqual(set(file.attributes), {("a",), ()})
            found = file.attributes[("a",)]
            self.assertEqual({k: found[k] for k in ("unit", "scale", "n", "ok", "none")},
                             {"unit": "m", "scale": 0.5, "n": 3, "ok": True, "none": None})
            self.assertEqual(found["é"].tolist(), [0, 1, 2])
            self.assertEqual(found["names"].tolist(), ["a", "", "ü"])
            self.assertEqual(found["half"].dtype, np.float16)
            self.assertEqual(found["grid"].shape, (2, 1))
        for bad in ({"x": float("nan")}, {"x": 1 << 64}, {1: 2}, {"x": object()}, {"x": "\ud800"}):
            with self.subTest(bad), self.assertRaises(refx_files.Unsupported):
                refx_files.save(self.path("x.refx"), {}, metadata=bad)

    def test_attributes_stand_at_the_first_site(self):
        w = np.ones(3)
        for name in ("x.refx", "x.h5") if H5PY else ("x.refx",):
            tree = {"a": w, "b": w, "c": [w]}
            refx_files.save(self.path(name), tree, attributes={("b",): {"unit": "m"}, ("a",): {"n": 1}})
            with refx_files.open(self.path(name)) as file:
                self.assertEqual(file.attributes, {("a",): {"n": 1, "unit": "m"}})
            inside = {"x": w}
            refx_files.save(self.path(name), {"a": inside, "b": inside}, attributes={("b", "x"): {"unit": "m"}, ("b",): {"n": 1}})
            with refx_files.open(self.path(name)) as file:
                self.assertEqual(file.attributes, {("a", "x"): {"unit": "m"}, ("a",): {"n": 1}})
            with self.assertRaisesRegex(refx_files.Unsupported, "'a': .*several places"):
                refx_files.save(self.path(name), tree, attributes={("b",): {"unit": "m"}, ("c", "0"): {"unit": "s"}})

    def test_a_list_of_an_attribute_keeps_every_bit(self):
        for bad in ([np.array([2**60 + 1]), np.array([0.5])], [2**53 + 1, 0.5], [[0.5, 1.0], [1.0, -2**60]], [np.int64(2**60), 0.5], [2**63, -1]):
            with self.subTest(bad), self.assertRaisesRegex(refx_files.Unsupported, "give an array"):
                refx_files.save(self.path("x.refx"), {"w": np.ones(1)}, attributes={("w",): {"x": bad}})
        refx_files.save(self.path("x.refx"), {"w": np.ones(1)}, attributes={("w",): {"x": [1, 0.5], "y": [[1.5], [2]]}})
        with refx_files.open(self.path("x.refx")) as file:
            self.assertEqual([value.tolist() for value in file.attributes[("w",)].values()], [[1, 0.5], [[1.5], [2]]])

    def test_what_cannot_be_held_is_found_before_the_payload_is_written(self):
        tree = {"w": np.ones(10)}
        texts = np.array(["a", 5], object)
        cases = [(tree, dict(metadata={"step": np.int64(3)})), (tree, dict(attributes={("w",): {"x": {}}})),
                 (dict(tree, z=texts), {}), (tree, dict(attributes={("w",): {"n" * (1 << 20 + 1): 1}}))]
        # Older ones have at most 32 dimensions, as HDF5 has.
        if H5PY and int(np.__version__.split(".")[0]) >= 2:
            cases.append((dict(tree, z=np.ones((1,) * 33)), dict(format="hdf5")))
        for tree, options in cases:
            with self.subTest(options), mock.patch("refx_files.writer.envelope.header", side_effect=AssertionError("it writes")):
                with mock.patch("refx_files.hdf5_writer._made", side_effect=AssertionError("it writes")):
                    with self.assertRaises(refx_files.Unsupported):
                        refx_files.save(self.path("x.refx"), tree, **options)

    def test_a_folder_that_cannot_be_synced(self):
        real = os.open

        def guarded(path, *rest, **more):
            if path == os.path.realpath(self.folder):
                raise PermissionError(13, "Permission denied", path)
            return real(path, *rest, **more)

        for durable in (True, False):
            with mock.patch("refx_files.atomic.os.open", guarded):
                refx_files.save(self.path("x.refx"), {"durable": durable}, durable=durable)
            self.assertEqual(refx_files.load(self.path("x.refx")), {"durable": durable})

    def test_bytes_in_memory_are_let_go(self):
        refx_files.save(self.path("x.refx"), {"w": np.ones(4)})
        data = bytearray(content(self.path("x.refx")))
        with refx_files.open(data) as file:
            lazy = file.tree(lazy=True)
            self.assertEqual(lazy["w"][1:3].tolist(), [1, 1])
        data.append(1)
        with self.assertRaisesRegex(ValueError, "closed"):
            np.asarray(lazy["w"])

    def test_wrong_arguments(self):
        refx_files.save(self.path("x.refx"), {"w": np.ones(4)})
        for error, call in (
                (TypeError, lambda: refx_files.load(self.path("x.refx"), ["w"])),
                (TypeError, lambda: refx_files.load(self.path("x.refx"), limits={"nodes": 5})),
                (ValueError, lambda: refx_files.load(self.path("x.refx"), threads=0)),
                (ValueError, lambda: refx_files.load(self.path("x.refx"), "~3")),
                (TypeError, lambda: refx_files.load(refx_files.open(self.path("x.refx")))),
                (KeyError, lambda: refx_files.load(self.path("x.refx"), "nope"))):
            with self.subTest(error), self.assertRaises(error):
                call()

    def test_the_old_file_stays_until_the_new_one_is_whole(self):
        refx_files.save(self.path("x.refx"), {"old": 1})

        tree = {"a": np.ones(1000), "b": mock.Mock(spec=["__array__", "dtype", "shape"], dtype=np.dtype("f4"), shape=(2,))}
        tree["b"].__array__ = mock.Mock(side_effect=OSError("no more"))
        with self.assertRaisesRegex(OSError, "no more"):
            refx_files.save(self.path("x.refx"), tree)
        self.assertEqual(refx_files.load(self.path("x.refx")), {"old": 1})
        self.assertEqual(os.listdir(self.folder), ["x.refx"])
        os.symlink("x.refx", self.path("link.refx"))
        refx_files.save(self.path("link.refx"), {"new": 2})
        self.assertTrue(os.path.islink(self.path("link.refx")))
        self.assertEqual(refx_files.load(self.path("x.refx")), {"new": 2})
        os.mkdir(self.path("folder"))
        with self.assertRaises(refx_files.Unsupported):
            refx_files.save(self.path("folder"), {})

    def test_marks_are_themselves_after_copies(self):
        for mark in (NOTHING, HOLE):
            self.assertIs(copy.deepcopy([mark])[0], mark)
        self.assertEqual(repr(NOTHING), "NOTHING")
        found = self.saved([NOTHING, HOLE, None])
        self.assertIs(found[0], NOTHING)
        self.assertIs(found[1], HOLE)
        self.assertIsNone(found[2])


class Loading(Scratch):
    def setUp(self):
        super().setUp()
        w = np.arange(40000, dtype=np.float32).reshape(200, 200)
        self.tree = {
            "embed": w, "layers": [{"kernel": np.full((3, 3), n), "bias": np.ones(3)} for n in range(12)],
            "head": {"weight": w}, "name": "gpt", "a/b": {"": np.zeros(2)}, "step": 3,
        }
        refx_files.save(self.path("x.refx"), self.tree)

    def test_by_pattern(self):
        def load(*patterns, **options):
            return refx_files.load(self.path("x.refx"), *patterns, **options)

        found = load("layers/*/kernel")
        self.assertEqual(list(found), ["layers"])
        self.assertEqual([list(layer) for layer in found["layers"]], [["kernel"]] * 12)
        found = load("layers/3", "layers/1*/bias", "step")
        self.assertEqual(found["step"], 3)
        self.assertEqual([n for n, layer in enumerate(found["layers"]) if layer is not HOLE], [1, 3, 10, 11])
        self.assertEqual(sorted(found["layers"][3]), ["bias", "kernel"])
        self.assertEqual(list(found["layers"][10]), ["bias"])
        # A shared value is chosen with all its sites.
        found = load("head/weight")
        self.assertIs(found["embed"], found["head"]["weight"])
        self.assertEqual(load("a~1b/~2")["a/b"][""].tolist(), [0, 0])
        self.assertIsNone(difference(load(""), self.tree))
        self.assertIsNone(difference(load("**"), self.tree))
        self.assertEqual(load("**/name"), {"name": "gpt"})
        with self.assertRaisesRegex(KeyError, "kernels"):
            load("layers/*/kernels", "step")
        for bad in ("a\\", "~3", "a~"):
            with self.assertRaises(ValueError):
                load(bad)

    def test_a_name_of_another_format_is_refused(self):
        for name in ["w.npz", "w.SAFETENSORS", "w.pt"]:
            with self.assertRaisesRegex(refx_files.Unsupported, "refx convert"):
                refx_files.save(self.path(name), {"w": 1})
            self.assertFalse(os.path.exists(self.path(name)))
            refx_files.save(self.path(name), {"w": 1}, format="refx")  # said, it is done
        refx_files.save(self.path("w.of-mine"), {"w": 1})

    def test_stars_within_a_key(self):
        keys = ["", "a", "ab", "ba", "aba", "abab", "a" * 10_000]
        for pattern, chosen in [
            ("a*", ["a", "ab", "aba", "abab", keys[-1]]), ("*a", ["a", "ba", "aba", keys[-1]]), ("a*a", ["aba", keys[-1]]),
            ("*b*b", ["abab"]), ("a*b*", ["ab", "aba", "abab"]), ("~2", [""]),
            # As many ways as there are to lay 25 letters into ten thousand are not tried.
            ("*a" * 25 + "b", []), ("*a" * 25, [keys[-1]]),
        ]:
            refx_files.save(self.path("s.refx"), {key: 1 for key in keys})
            try:
                found = sorted(refx_files.load(self.path("s.refx"), pattern))
            except KeyError:
                found = []
            self.assertEqual(found, sorted(chosen), pattern[:20])

    def test_patterns_in_shared_and_endless_trees(self):
        sub = {"x": np.ones(1), "y": np.zeros(1)}
        tree = {"one": sub, "two": {"deep": sub}}
        sub["up"] = tree
        for _ in range(40):
            tree = {"l": tree, "r": tree}
        refx_files.save(self.path("y.refx"), tree)
        found = refx_files.load(self.path("y.refx"), "**/deep/x")
        for _ in range(40):
            self.assertIs(found["l"], found["r"])
            found = found["l"]
        self.assertEqual(sorted(found["one"]), ["up", "x"])
        self.assertIs(found["one"], found["two"]["deep"])

    def test_other_leaves_are_not_read(self):
        with refx_files.open(self.path("x.refx")) as file:
            path, leaf, _ = next(row for row in file.leaves() if row[0] == ("embed",))
        data = bytearray(content(self.path("x.refx")))
        data[leaf.offset + 100] ^= 1
        self.assertEqual(refx_files.load(bytes(data), "layers/0/bias")["layers"][0]["bias"].tolist(), [1, 1, 1])
        with self.assertRaisesRegex(refx_files.Damaged, "'embed'"):
            refx_files.load(bytes(data), "head")

    def test_lazy_leaves(self):
        big = np.arange(3 << 19, dtype=np.float32).reshape(1536, 1024)
        for compression in ("none", "fast"):
            refx_files.save(self.path("y.refx"), {"a": big, "b": big, "t": np.array(["x"]), "s": np.float32(1)},
                            compression=compression)
            with refx_files.open(self.path("y.refx")) as file:
                places = file.table[0]
                damaged = bytearray(content(self.path("y.refx")))
                from refx_files.catalogue import chunk_place
                damaged[chunk_place(places, 3)[0] + 10] ^= 4
            tree = refx_files.load(bytes(damaged), lazy=True)
            a = tree["a"]
            self.assertIs(a, tree["b"])
            self.assertEqual((a.shape, a.dtype, a.ndim, len(a), a.size), ((1536, 1024), np.float32, 2, 1536, 1536 * 1024))
            self.assertTrue(np.array_equal(a[10:300], big[10:300]))
            self.assertTrue(np.array_equal(a[700, 5:7], big[700, 5:7]))
            self.assertTrue(np.array_equal(a[-1], big[-1]))
            self.assertEqual(a[5:5].shape, (0, 1024))
            for broken in (lambda: a[768], lambda: a[0:769], lambda: np.asarray(a), lambda: a[::2]):
                with self.assertRaisesRegex(refx_files.Damaged, "'a'"):
                    broken()
            with self.assertRaises(IndexError):
                a[1536]
            self.assertEqual(tree["t"][0], "x")
            self.assertEqual(float(tree["s"][()]), 1)
            # Lazy leaves can be saved.
            refx_files.save(self.path("z.refx"), refx_files.load(self.path("y.refx"), lazy=True))
            self.assertIsNone(difference(refx_files.load(self.path("z.refx")), refx_files.load(self.path("y.refx"))))

    def test_many_threads_read_one_file(self):
        with refx_files.open(self.path("x.refx")) as file:
            failures = []

            def work():
                for _ in range(5):
                    failures.append(difference(file.tree(), self.tree))

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [None] * 20)

    def test_dtypes_that_numpy_lacks(self):
        path = os.path.join(GOLDENS, "refx", "v1", "dtypes.refx")
        four = os.path.join(GOLDENS, "refx", "v1", "four-bits.refx")
        for file in (path, four):
            raw = refx_files.load(file, raw=True)
            refx_files.save(self.path("y.refx"), raw, compression="none")
            self.assertEqual(refx_files.digest(self.path("y.refx")), refx_files.digest(file))
            with mock.patch.object(dtypes, "ml_dtypes", None):
                with self.assertRaisesRegex(refx_files.Unsupported, "ml_dtypes.*raw=True"):
                    refx_files.load(file)
                self.assertIsNone(difference(refx_files.load(file, raw=True), raw))
        if dtypes.ml_dtypes is not None:
            half = dtypes.ml_dtypes.bfloat16
            found = refx_files.load(four)
            self.assertTrue(any(dtypes.is_array(leaf) and leaf.dtype == dtypes.ml_dtypes.int4 for leaf in found.values()))
            refx_files.save(self.path("y.refx"), {"x": np.array([1.5, -2], half)})
            self.assertEqual(refx_files.load(self.path("y.refx"), raw=True)["x"].tolist(), [0x3FC0, 0xC000])

    def test_the_command_line(self):
        import contextlib
        import io
        from refx_files.__main__ import main
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertEqual(main([self.path("x.refx")]), 0)
            self.assertEqual(main([self.path("x.refx"), "--verify"]), 0)
        lines = out.getvalue().splitlines()
        self.assertEqual(lines[0], "dictionary of 6")
        self.assertIn("  'embed': #0 None: float32 [200, 200], 160000 bytes", out.getvalue())
        self.assertIn("    'weight': see #0", lines)
        self.assertTrue(lines[-1].endswith("sound"))
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            self.assertEqual(main([]), 2)
            self.assertEqual(main(["--what", "x"]), 2)
            self.assertEqual(main([self.path("missing.refx")]), 1)
            with open(self.path("bad.refx"), "wb") as bad:
                bad.write(content(self.path("x.refx"))[:-1])
            self.assertEqual(main([self.path("bad.refx")]), 1)
        self.assertIn("bad.refx: the file does not end as it must", errors.getvalue())

    def test_names_on_a_terminal_that_lacks_their_characters(self):
        refx_files.save(self.path("y.refx"), {"日本": "é"})
        done = subprocess.run(
            [sys.executable, "-m", "refx_files", self.path("y.refx")], capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": os.path.join(ROOT, "Tools", "python"), "PYTHONIOENCODING": "ascii"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("'\\u65e5\\u672c': static '\\xe9'", done.stdout)

    def test_errors_say_where_what_was_expected_and_what_was_found(self):
        sound = content(self.path("x.refx"))
        with refx_files.open(sound) as file:
            leaf = next(row[1] for row in file.leaves() if row[0] == ("embed",))
        for place, words in (
                (0, r"begins with 88 52.*expected 89 52"), (20, r"the header, 60 bytes at byte 0.*CRC-32 \w{8}, expected \w{8}"),
                (len(sound) - 1, "last 8 of .* expected 1a 0a"), (len(sound) - 50, "the trailer, .*expected"),
                (len(sound) - 70, "the directory, .*expected"), (leaf.offset, rf"'embed': leaf \d+, chunk 0, \d+ bytes at byte {leaf.offset} .*expected")):
            data = bytearray(sound)
            data[place] ^= 1
            with open(self.path("bad.refx"), "wb") as bad:
                bad.write(data)
            with self.subTest(place), self.assertRaisesRegex(refx_files.Damaged, "bad.refx: .*" + words):
                refx_files.load(self.path("bad.refx"))

    def test_what_is_no_regular_file(self):
        os.mkfifo(self.path("pipe"))
        for path in (self.path("pipe"), self.folder, os.devnull):
            with self.assertRaisesRegex(refx_files.Unsupported, "no regular file"):
                refx_files.load(path)
        with self.assertRaises(FileNotFoundError):
            refx_files.load(self.path("missing"))
        for data in (b"", b"x", b"\x89REFX\r\n\x1a", bytes(5000)):
            with self.assertRaises(refx_files.Damaged):
                refx_files.load(data)

    def test_limits(self):
        for limits, words in ((dict(nodes=10), "nodes"), (dict(bytes=1000), "bytes"), (dict(name_bytes=3), "name")):
            with self.subTest(words), self.assertRaisesRegex(refx_files.FileError, words):
                refx_files.load(self.path("x.refx"), limits=refx_files.Limits(**limits))
        refx_files.save(self.path("y.refx"), {}, metadata={"x": "y" * 100})
        with self.assertRaisesRegex(refx_files.LimitExceeded, "metadata"):
            refx_files.load(self.path("y.refx"), limits=refx_files.Limits(metadata_bytes=99))


class Patches(Scratch):
    def setUp(self):
        super().setUp()
        w = np.arange(5000, dtype=np.float32)
        self.old = {"a": w, "b": w, "t": (np.ones(3), [np.zeros(2), HOLE]), "name": "x"}
        self.new = {"a": w, "b": w, "t": (np.ones(3), [np.full(2, 5.0), HOLE, np.ones(1)]), "name": "y"}
        refx_files.save(self.path("old.refx"), self.old, metadata={"step": 1})

    def test_to_and_fro(self):
        refx_files.save(self.path("p.refx"), self.new, base=self.path("old.refx"), metadata={"step": 2})
        self.assertLess(os.path.getsize(self.path("p.refx")), 3000)
        with refx_files.open(self.path("p.refx"), base=self.path("old.refx")) as file:
            self.assertIsNone(difference(file.tree(), self.new))
            self.assertEqual(file.metadata, {"step": 2})
            lazy = file.tree(lazy=True)
            self.assertEqual(lazy["a"][5:7].tolist(), [5, 6])
        with self.assertRaisesRegex(refx_files.Unsupported, "not the base.*the (topology|structure|values) digest"):
            refx_files.load(self.path("p.refx"), base=self.path("p.refx"))
        changed = dict(self.old, b=self.old["b"] * 2)
        refx_files.save(self.path("other.refx"), changed)
        with self.assertRaisesRegex(refx_files.Unsupported, "not the base"):
            refx_files.load(self.path("p.refx"), base=self.path("other.refx"))
        with self.assertRaisesRegex(refx_files.Unsupported, "no patch"):
            refx_files.load(self.path("old.refx"), base=self.path("old.refx"))

    def test_a_patch_on_a_patch(self):
        refx_files.save(self.path("p.refx"), self.new, base=self.path("old.refx"))
        newest = dict(self.new, name="z", extra=np.ones(2))
        with refx_files.open(self.path("p.refx"), base=self.path("old.refx")) as step:
            refx_files.save(self.path("q.refx"), newest, base=step)
        found = refx_files.load(self.path("q.refx"), base=[self.path("old.refx"), self.path("p.refx")])
        self.assertIsNone(difference(found, newest))

    def test_a_base_is_not_replaced_by_what_stands_on_it(self):
        refx_files.save(self.path("p.refx"), self.new, base=self.path("old.refx"))
        os.symlink("old.refx", self.path("link.refx"))
        newest = dict(self.new, name="z")
        for name, base in (("old.refx", "old.refx"), ("link.refx", "old.refx"), ("old.refx", "p.refx"), ("p.refx", "p.refx")):
            opened = refx_files.open(self.path(base), base=None if base == "old.refx" else self.path("old.refx"))
            with self.subTest((name, base)), opened, self.assertRaisesRegex(refx_files.Unsupported, "choose another name"):
                refx_files.save(self.path(name), newest, base=opened)
        # Whatever the file is called meanwhile.
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(self.folder)
        with refx_files.open("old.refx") as opened:
            os.chdir(here)
            with self.assertRaisesRegex(refx_files.Unsupported, "choose another name"):
                refx_files.save(self.path("old.refx"), newest, base=opened)
        self.assertIsNone(difference(refx_files.load(self.path("old.refx")), self.old))
        self.assertIsNone(difference(refx_files.load(self.path("p.refx"), base=self.path("old.refx")), self.new))
        os.chdir(self.folder)
        with open("memory", "wb"):
            pass
        refx_files.save("memory", newest, base=content("old.refx"))
        self.assertIsNone(difference(refx_files.load("memory", base="old.refx"), newest))
        with self.assertRaisesRegex(refx_files.Unsupported, "make a patch of the file"):
            refx_files.save(self.path("q.refx"), self.new, metadata={"refx_patch": {}})

    def test_a_base_that_was_open_stays_so(self):
        refx_files.save(self.path("p.refx"), self.new, base=self.path("old.refx"))
        with refx_files.open(self.path("old.refx")) as base:
            for _ in range(2):
                self.assertIsNone(difference(refx_files.load(self.path("p.refx"), base=base), self.new))
            with refx_files.open(self.path("p.refx"), base=base):
                pass
            self.assertIsNone(difference(base.tree(), self.old))
            newest = dict(self.new, name="z")
            with refx_files.open(self.path("p.refx"), base=base) as step, refx_files.open(self.path("p.refx")) as patch:
                refx_files.save(self.path("q.refx"), newest, base=step)
                for _ in range(2):
                    found = refx_files.load(self.path("q.refx"), base=[self.path("old.refx"), patch])
                    self.assertIsNone(difference(found, newest))
        # One that was opened for it is closed.
        with refx_files.open(self.path("p.refx"), base=self.path("old.refx")) as file:
            lazy = file.tree(lazy=True)
        for name in ("a", "t"):
            with self.assertRaisesRegex(ValueError, "is closed"):
                np.asarray(lazy[name] if name == "a" else lazy["t"][1][2])
        bases = collections.deque([self.path("old.refx")])
        self.assertIsNone(difference(refx_files.load(self.path("p.refx"), base=bases), self.new))

    def test_words_of_a_record_move_no_terminal(self):
        front, sections = parted(content(self.path("old.refx")))
        sections = [(tag, b'{"refx_patch":{"version":"\\u001b[31mred"}}' if tag == b"META" else body) for tag, body in sections]
        with self.assertRaises(refx_files.Unsupported) as caught:
            refx_files.load(sealed(front, sections), base=self.path("old.refx"))
        self.assertNotIn("\x1b", str(caught.exception))

    @needs_refx
    def test_with_the_command(self):
        refx_files.save(self.path("new.refx"), self.new, metadata={"step": 2})
        refx("patch", "make", self.path("old.refx"), self.path("new.refx"), "-o", self.path("theirs.refx"))
        found = refx_files.load(self.path("theirs.refx"), base=self.path("old.refx"))
        self.assertIsNone(difference(found, self.new))
        refx_files.save(self.path("mine.refx"), self.new, base=self.path("old.refx"), metadata={"step": 2})
        self.assertEqual(content(self.path("mine.refx")), content(self.path("theirs.refx")))
        refx("patch", "apply", self.path("old.refx"), self.path("mine.refx"), "-o", self.path("whole.refx"))
        refx("diff", self.path("whole.refx"), self.path("new.refx"))
        self.assertEqual(refx_json("digest", self.path("whole.refx")), refx_files.digest(self.path("new.refx")))


if __name__ == "__main__":
    unittest.main()
