"""The HDF5 layout: read and written through h5py."""

import json
import os
import tracemalloc
import unittest

from support import (
    GOLDENS, HOLE, NOTHING, Ref, Scratch, difference, needs_h5py, needs_refx, np, refx, refx_files, refx_json)

try:
    import h5py
except ImportError:
    h5py = None


@needs_h5py
class Layout(Scratch):
    def goldens(self):
        for at, _, names in sorted(os.walk(GOLDENS)):
            yield from (os.path.join(at, name) for name in sorted(names) if name.endswith(".h5"))

    def test_golden_files(self):
        for path in self.goldens():
            with self.subTest(path), refx_files.open(path) as file:
                file.verify()
                self.assertEqual(file.warnings, [])
                for suffix in ("h5", "refx"):
                    copy = self.path("copy." + suffix)
                    refx_files.save(copy, file.tree(refs=True, raw=True), metadata=file.metadata,
                                    attributes=file.attributes)
                    self.assertEqual(refx_files.digest(copy), refx_files.digest(file))
                    with refx_files.open(copy) as again:
                        self.assertEqual(again.metadata, file.metadata)
                        self.assertIsNone(difference(again.tree(refs=True, raw=True), file.tree(refs=True, raw=True)))

    @needs_refx
    def test_the_command_agrees(self):
        for path in self.goldens():
            with self.subTest(path):
                self.assertEqual(refx_json("digest", path), refx_files.digest(path))
                with refx_files.open(path) as file:
                    refx_files.save(self.path("copy.h5"), file.tree(refs=True, raw=True), metadata=file.metadata)
                refx("verify", self.path("copy.h5"))
                refx("diff", "--quiet", path, self.path("copy.h5"))

    def test_sharing_is_hard_links(self):
        w = np.arange(4096, dtype=np.float32).reshape(64, 64)
        sub = {"x": np.ones(1)}
        tree = {"a": w, "b": [w, sub, sub], "collection": Ref(np.zeros(2), "params"), "n": 3}
        tree["collection again"] = tree["collection"]
        refx_files.save(self.path("x.h5"), {k: tree[k] for k in ("a", "b", "n")})
        with h5py.File(self.path("x.h5")) as file:
            self.assertTrue(file["tree/a"] == file["tree/b/0"])
            self.assertTrue(file["tree/b/1"] == file["tree/b/2"])
            self.assertEqual(file["tree/a"].chunks, (64, 64))
            self.assertTrue(file["tree/a"].shuffle)
            self.assertEqual(file["tree/n"][()], 3)
        found = refx_files.load(self.path("x.h5"))
        self.assertIs(found["a"], found["b"][0])
        self.assertIs(found["b"][1], found["b"][2])
        refx_files.save(self.path("y.h5"), tree)
        self.assertIsNone(difference(tree["collection"], refx_files.load(self.path("y.h5"), refs=True)["collection"]))
        self.assertEqual(list(refx_files.load(self.path("y.h5"), "b/1")), ["b"])

    def test_statics_marks_text_and_attributes(self):
        tree = {"s": ["", "a\0", "é ", "x"], "t": np.array(["a\0b", "c"], object), "v": np.array(["é", ""], object),
                "e": np.array([], object), "n": [None, NOTHING, HOLE, True, -5, -0.0], "": {"/": 1, "..": 2, "%": 3},
                "zero": np.zeros((0, 3)), "scalar": np.float16(2)}
        notes = {("v",): {"unit": "é", "list": ["a", "b"], "odd": ["a\0", "b"], "n": 3, "x": 0.5, "ok": True, "none": None,
                          "refx_mine": "kept", "": "no name", "m": np.arange(4, dtype=np.int16).reshape(2, 2)},
                 ("",): {"long": "x" * 70000}}
        refx_files.save(self.path("x.h5"), tree, attributes=notes, metadata={"é": 1})
        with refx_files.open(self.path("x.h5")) as file:
            expected = {k: (np.asarray(v) if isinstance(v, np.generic) else v) for k, v in tree.items()}
            self.assertIsNone(difference(expected, file.tree()))
            self.assertEqual(file.metadata, {"é": 1})
            self.assertEqual(file.warnings, [])
            found = file.attributes[("v",)]
            self.assertEqual(set(found), set(notes[("v",)]))
            for name in ("unit", "n", "x", "ok", "none", "refx_mine", ""):
                self.assertEqual(found[name], notes[("v",)][name])
            self.assertEqual(found["odd"].tolist(), ["a\0", "b"])
            self.assertEqual(found["m"].tolist(), [[0, 1], [2, 3]])
            self.assertEqual(file.attributes[("",)], notes[("",)])
        with self.assertRaisesRegex(refx_files.Unsupported, "NUL and another in a space"):
            refx_files.save(self.path("y.h5"), {"x": np.array(["a\0", "b "], object)})

    def broken(self, words, change, error=refx_files.Damaged):
        with self.subTest(words), self.assertRaisesRegex(error, words):
            self.changed(change)

    def changed(self, change):
        """Saves a file, changes it, and reads all of it."""
        w = np.arange(2000, dtype=np.float32)
        refx_files.save(self.path("x.h5"), {"a": w, "b": w, "c": [np.ones(3), 5], "d": {}}, collections={"a": "params"},
                        metadata={"run": 1})
        with h5py.File(self.path("x.h5"), "r+") as file:
            change(file)
        with refx_files.open(self.path("x.h5")) as file:
            file.verify()

    def test_what_breaks_the_layout_is_refused(self):
        def copied(file):
            del file["tree/b"]
            file.copy("refs/0", file["tree"], "b")

        def value(name, new):
            def change(file):
                file[name][...] = new
            return change

        def attribute(name, key, new):
            def change(file):
                file[name].attrs[key] = new
            return change

        def run(*lines):
            return lambda file: [line(file) for line in lines]

        def gone(name):
            def change(file):
                del file[name]
            return change

        self.broken("refx_crc32", value("tree/a", 1))
        self.broken("refx_crc32", value("tree/c/0", 2))
        self.broken("refx_structure", value("tree/c/1", 6))
        self.broken("metadata is not", value("metadata", b'{"run":2}'))
        self.broken("lost its ties", copied)
        self.broken("not under /refs", lambda f: f["tree"].__setitem__("again", f["tree/d"]))
        self.broken("not hard", lambda f: f["tree"].__setitem__("soft", h5py.SoftLink("/tree/a")))
        self.broken("not hard", lambda f: f["tree"].__setitem__("far", h5py.ExternalLink("/etc/passwd", "/x")))
        self.broken("stands nowhere", run(gone("tree/a"), gone("tree/b")))
        self.broken("not 0 to", lambda f: f.move("tree/c/1", "tree/c/2"))
        self.broken("escape", lambda f: f.move("tree/d", "tree/d%41"))
        self.broken("no refx_index", lambda f: f["refs/0"].attrs.__delitem__("refx_index"))
        self.broken("refx_index is 7", attribute("refs/0", "refx_index", 7))
        self.broken("neither text nor", attribute("refs/0", "refx_collection", np.uint64(1 << 63)))
        self.broken("version 2", attribute("/", "refx_version", 2), refx_files.Unsupported)
        self.broken("another program", lambda f: f.attrs.__delitem__("refx_format"), refx_files.Unsupported)
        self.broken("float3.*newer", attribute("tree/c/0", "refx_dtype", "float3"), refx_files.Unsupported)
        self.broken("kind of node 'set'.*newer", attribute("tree/d", "refx_node", "set"), refx_files.Unsupported)
        self.broken("the dtype int4 as float64", attribute("tree/c/0", "refx_dtype", "int4"))
        self.broken("hole with a value", attribute("tree/c/1", "refx_node", "hole"))
        self.broken("a Ref that is not under /refs", attribute("tree/d", "refx_node", "ref"))
        self.broken("no /tree", gone("tree"))

        def stranger(settings):
            def change(file):
                del file["tree/c/0"], file.attrs["refx_structure"]
                file["tree/c"].create_dataset("0", **settings)
            return change

        self.broken("filters", stranger(dict(data=np.ones((4, 4)), compression="lzf")), refx_files.Unsupported)
        self.broken("another file", stranger(dict(shape=(2,), dtype="f4", external=[("/etc/hostname", 0, 8)])),
                    refx_files.Unsupported)

    def test_depth_is_bounded(self):
        def nested(path, levels):
            with h5py.File(path, "w") as file:
                file.attrs["refx_format"], file.attrs["refx_version"] = "refx", 1
                group = file
                for level in range(levels + 1):
                    group = group.create_group("x" if level else "tree")
                    group.attrs["refx_node"] = "dict"

        nested(self.path("x.h5"), 1000)
        with refx_files.open(self.path("x.h5")) as file:
            self.assertEqual(len(refx_files.digest(file)), 3)
        nested(self.path("x.h5"), 1001)
        with self.assertRaisesRegex(refx_files.Damaged, "deeper than 1000"):
            refx_files.open(self.path("x.h5"))

    def test_what_is_declared_is_checked_before_memory_is_taken(self):
        text = h5py.string_dtype()

        def declared(name="x", **settings):
            def change(file):
                del file.attrs["refx_structure"]
                made = file["tree/d"].create_dataset(name, **settings)
                if settings["shape"] == ():
                    made.attrs["refx_node"] = "static"
            return change

        def many(file):
            del file.attrs["refx_structure"]
            for number in range(30):
                file["tree/d"].create_dataset(str(number), shape=(50 << 20,), dtype="f4", chunks=(1024,))

        def large_chunk(file):
            declared(shape=(10,), maxshape=(None,), dtype="u1", chunks=(1 << 29,), compression="gzip")(file)
            file["tree/d/x"][:] = 1

        def metadata(file):
            del file["metadata"]
            file.create_dataset("metadata", shape=(), dtype="S209715200")

        for words, change in (
                ("'d/x'.*far more", declared(shape=(1 << 40,), dtype="f4", chunks=(1024,))),
                ("'d/x'.*far more", declared(shape=(1 << 40,), dtype=text, chunks=(1 << 20,))),
                ("'d/x'.*far more", declared(shape=(4,), dtype="S1073741824", chunks=(1,))),
                ("'d/x'.*a text of", declared(shape=(), dtype="S209715200")),
                ("'d/1'.*far more", many), ("x.h5: 'd/x'.*chunks of 536870912", large_chunk), ("a text of 209715200", metadata)):
            tracemalloc.start()
            self.broken(words, change, refx_files.LimitExceeded)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            self.assertLess(peak, 8 << 20, words)

    def test_attributes_in_the_metadata_that_do_not_hold_together(self):
        def listed(*entries):
            def change(file):
                del file["metadata"]
                file["metadata"] = json.dumps({"refx_attributes": list(entries)})
            return change

        def value(**fields):
            return [["d"], "x", fields]

        self.broken("refx_attributes", lambda f: (f.__delitem__("metadata"), f.__setitem__("metadata", '{"refx_attributes":5}')))
        for entry in (5, [], ["d", "x", None], [["d"], 5, None], [[5], "x", None], [["d"], "x", 5],
                      value(dtype="string", shape=[1 << 40], texts=[]), value(dtype="string", shape=[3], texts=["a"]),
                      value(dtype="string", shape=[1], texts=[5]), value(dtype="O", shape=[1], bytes="00" * 8),
                      value(dtype="U4", shape=[1], bytes="00" * 16), value(dtype="int64", shape=[], value={"a": 1}),
                      value(dtype="int64", shape=[], value=True), value(dtype="int8", shape=[-1], bytes=""),
                      value(dtype="int8", shape=[True], bytes="00"), value(dtype="int8", shape=[1], bytes="zz"),
                      value(dtype="float64", shape=[2], bytes="00" * 8), value(dtype="float64", shape=[])):
            self.broken("refx_attributes does not hold together", listed(entry))
        self.broken("nested deeper", lambda f: (f.__delitem__("metadata"), f.__setitem__(
            "metadata", '{"x":' + "[" * 600 + "]" * 600 + "}")))

    def test_words_out_of_a_file_are_shown_without_what_moves_a_terminal(self):
        escape = "\x1b[31m"
        for change in (lambda f: f["tree/d"].attrs.__setitem__("refx_node", escape),
                       lambda f: f.attrs.__setitem__("refx_version", escape),
                       lambda f: f["tree/c/0"].attrs.__setitem__("refx_dtype", escape),
                       lambda f: f["tree/d"].create_group(escape), lambda f: f.attrs.__setitem__("refx_structure", escape),
                       lambda f: f["refs"].create_group(escape)):
            with self.assertRaises(refx_files.FileError) as caught:
                self.changed(change)
            self.assertNotIn("\x1b", str(caught.exception))
        refx_files.save(self.path("x.h5"), {})
        with h5py.File(self.path("x.h5"), "r+") as file:
            file.create_group(escape)
            file.create_group(b"\xff")
            file["tree"].attrs[escape] = np.zeros(1, "i4,i4")
        with refx_files.open(self.path("x.h5")) as file:
            self.assertNotIn("\x1b", "".join(file.warnings))
            self.assertEqual(len(file.warnings), 2)

    def test_what_others_write_into_the_layout_is_read(self):
        refx_files.save(self.path("x.h5"), {"x": np.ones(3), "y": {}})
        with h5py.File(self.path("x.h5"), "r+") as file:
            del file.attrs["refx_structure"]
            file["tree/y"].create_dataset("big", data=np.arange(3, dtype=">i4"))
            file["tree/y"].create_dataset("packed", data=np.arange(300.0), chunks=(7,), compression="gzip", fletcher32=True)
            file["tree/y"].attrs["no text"] = np.array([b"\xff"])
            file["tree"].attrs["odd"] = np.array([(1, 2)], dtype=[("x", "i4"), ("y", "i4")])
            file["other"] = 1
        with refx_files.open(self.path("x.h5")) as file:
            found = file.tree()
            self.assertEqual(found["y"]["big"].tolist(), [0, 1, 2])
            self.assertEqual(found["y"]["packed"].tolist(), list(range(300)))
            self.assertEqual(len(file.warnings), 4)
            from refx_files import listing
            self.assertIn("'crc32': None", str(listing.document(file)))

    def test_damage_of_any_byte_is_seen_or_changes_nothing(self):
        """HDF5 keeps no sum of everything; what is given away is what was saved, or an error comes."""
        import random
        import subprocess
        import sys
        from support import ROOT, content
        w = np.arange(2000, dtype=np.float32)
        refx_files.save(self.path("x.h5"), {"a": w, "b": w, "c": [np.ones(3), 5, "text"]}, collections={"a": "params"},
                        compression="none")
        sound, choose = content(self.path("x.h5")), random.Random(7)
        with open(self.path("list"), "w", encoding="utf-8") as names:
            for number in range(150):
                damaged = bytearray(sound)
                damaged[choose.randrange(len(damaged))] ^= 1 << choose.randrange(8)
                with open(self.path(f"{number}.h5"), "wb") as file:
                    file.write(damaged)
                names.write(self.path(f"{number}.h5") + "\n")
        # In a process of its own, since libhdf5 may break.
        script = ("import sys, refx_files\n"
                  "for path in open(sys.argv[1]).read().split():\n"
                  "    try: print(refx_files.digest(path)['values'] + refx_files.digest(path)['topology'])\n"
                  "    except refx_files.FileError: print('refused')\n")
        done = subprocess.run(
            [sys.executable, "-c", script, self.path("list")], capture_output=True, text=True, timeout=120,
            env={**os.environ, "PYTHONPATH": os.path.join(ROOT, "Tools", "python")})
        self.assertEqual(done.returncode, 0, done.stderr[-1000:])
        right = refx_files.digest(self.path("x.h5"))
        answers = done.stdout.split()
        self.assertEqual(len(answers), 150)
        self.assertLessEqual(set(answers), {"refused", right["values"] + right["topology"]})
        self.assertGreater(answers.count("refused"), 50)


class WithoutH5py(Scratch):
    def test_is_refused_in_a_sentence(self):
        from unittest import mock
        from refx_files import hdf5
        with mock.patch.object(hdf5, "h5py", None), self.assertRaisesRegex(refx_files.Unsupported, "h5py; install"):
            refx_files.save(self.path("x.h5"), {})


if __name__ == "__main__":
    unittest.main()
