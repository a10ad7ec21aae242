"""The examples run. Where a package is missing they are skipped, and say so."""

import importlib.util
import os
import subprocess
import sys
import unittest

from support import REFX, ROOT, Scratch, refx, refx_files, refx_json

FLAX = all(importlib.util.find_spec(name) for name in ("jax", "flax"))


class Examples(Scratch):
    @unittest.skipUnless(FLAX, "jax and flax are not installed")
    def test_flax_nnx(self):
        path = self.path("model.refx")
        done = subprocess.run(
            [sys.executable, os.path.join(ROOT, "Tools", "python", "examples", "flax_nnx.py"), path],
            capture_output=True, text=True, timeout=300, env={**os.environ, "JAX_PLATFORMS": "cpu"})
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        self.assertIn("trained on to the same bits", done.stdout)
        self.assertIn("an untied model is refused", done.stdout)
        found = refx_files.load(path)
        self.assertIs(found["embed"]["embedding"], found["head"]["kernel"])
        self.assertIs(found["first"], found["again"])
        if REFX:
            refx("verify", path)
            listing = refx_json("inspect", "--shared", path)
            shared = {"/".join(row["path"]) for row in listing["leaves"]}
            self.assertLessEqual({"embed/embedding", "head/kernel", "first", "again"}, shared)
            self.assertEqual({row["collection"] for row in listing["collections"]}, {"Param", "BatchStat", None})


if __name__ == "__main__":
    unittest.main()
