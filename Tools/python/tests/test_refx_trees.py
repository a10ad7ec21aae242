"""Pytrees of refx 0.0.2, through a file and back. Skipped where that package cannot be imported."""

import unittest

from support import NOTHING, Ref, Scratch, difference, np, refx_files

try:
    import refx
    refx.Ref(1)
    missing = None
except (ImportError, AttributeError) as error:
    missing = f"refx 0.0.2 cannot be imported: {error}"


@unittest.skipIf(missing, missing or "")
class RefxTrees(Scratch):
    def tree(self):
        w = refx.Ref(np.arange(6, dtype=np.float32), "params")
        stats = refx.Ref({"mean": refx.Ref(np.zeros(2), 3), "n": np.int32(4)}, "batch_stats")
        return {"b": [w, w, stats], "a": (w, refx.NOTHING, refx.Static("relu"), None), "c": stats, "lone": refx.Ref(1)}

    def check(self, found):
        self.assertIs(found["b"][0], found["b"][1])
        self.assertIs(found["b"][0], found["a"][0])
        self.assertIs(found["b"][2], found["c"])
        self.assertIsInstance(found["c"], refx.Ref)
        self.assertEqual(found["b"][0].collection, "params")
        self.assertEqual(found["c"].collection, "batch_stats")
        self.assertEqual(found["c"].value["mean"].collection, 3)
        self.assertEqual(found["b"][0].value.tolist(), list(range(6)))
        self.assertIs(found["a"][1], refx.NOTHING)
        self.assertEqual(found["a"][2].value, "relu")
        self.assertIsNone(found["a"][3])
        self.assertIsNone(found["lone"].collection)
        self.assertEqual(found["lone"].value.tolist(), 1)

    def test_refs_through_a_file(self):
        for suffix in ("refx", "h5"):
            refx_files.save(self.path("x." + suffix), refx_files.from_refx(self.tree()))
            found = refx_files.to_refx(refx_files.load(self.path("x." + suffix), refs=True))
            self.check(found)
            found["b"][0].value = found["b"][0].value + 1
            self.assertEqual(found["a"][0].value[0], 1)

    def test_dereffed_trees_through_a_file(self):
        # Without Refs inside Refs, which refx's own deref leaves as they are.
        tree = self.tree()
        del tree["c"], tree["b"][2]
        whole = self.path("whole.refx")
        refx_files.save(whole, refx_files.from_refx(tree))
        refx_files.save(self.path("x.refx"), refx_files.from_refx(refx.deref(tree)))
        with open(whole, "rb") as one, open(self.path("x.refx"), "rb") as other:
            self.assertEqual(one.read(), other.read())
        loaded = refx_files.load(whole, refs=True)
        dereffed = refx_files.to_refx(loaded, deref=True)
        kinds = [type(leaf).__name__ for leaf in (dereffed["a"][0], *dereffed["b"], dereffed["lone"])]
        self.assertEqual(kinds, ["Value", "Index", "Index", "Value"])
        found = refx.reref(dereffed)
        self.assertIs(found["a"][0], found["b"][1])
        self.assertIsNone(difference(refx_files.from_refx(found), loaded))

    def test_a_ref_that_holds_itself(self):
        node = refx.Ref(None, "graph")
        node.value = {"next": node, "x": np.ones(1)}
        refx_files.save(self.path("x.refx"), refx_files.from_refx([node]))
        found = refx_files.to_refx(refx_files.load(self.path("x.refx"), refs=True))
        self.assertIs(found[0].value["next"], found[0])

    def test_numbers_are_leaves_and_statics_are_static(self):
        import jax
        tree = {"n": 3, "x": 0.5, "s": refx.Static(3), "j": jax.numpy.arange(3)}
        refx_files.save(self.path("x.refx"), refx_files.from_refx(tree))
        plain = refx_files.load(self.path("x.refx"))
        self.assertEqual(plain["n"].shape, ())
        self.assertEqual(plain["s"], 3)
        found = refx_files.to_refx(plain)
        self.assertEqual(len(jax.tree_util.tree_leaves(found)), 3)
        self.assertEqual(found["s"].value, 3)

    def test_what_has_no_place_is_refused(self):
        for bad in (refx.Ref(1, (1, 2)), refx.Static((1,)), {1: 2}, object(), refx.Index(0, None),
                    [refx.Value(1, 0, None), refx.Value(2, 0, None)], 1 << 70):
            with self.assertRaises(refx_files.Unsupported):
                refx_files.from_refx({"x": bad})


@unittest.skipUnless(missing, "refx is there")
class WithoutRefx(unittest.TestCase):
    def test_is_refused_in_a_sentence(self):
        with self.assertRaisesRegex(refx_files.Unsupported, "refx"):
            refx_files.from_refx({})
        with self.assertRaisesRegex(refx_files.Unsupported, "refx"):
            refx_files.to_refx({"x": Ref(NOTHING)})


if __name__ == "__main__":
    unittest.main()
