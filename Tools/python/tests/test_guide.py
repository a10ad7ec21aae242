"""Every block of Documentation/python.md is run, in order, in one folder."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import unittest

from support import REFX, ROOT, Scratch, needs_h5py, needs_refx


class Guide(Scratch):
    @needs_refx
    @needs_h5py
    def test_every_block_runs(self):
        with open(os.path.join(ROOT, "Documentation", "python.md"), encoding="utf-8") as page:
            text = page.read()
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        self.assertEqual(len(blocks) * 2, len(re.findall(r"^\s*(?:```|~~~)", text, re.MULTILINE)))
        self.assertEqual({language for language, _ in blocks} - {"python", "sh"}, set())
        self.assertGreater(sum(language == "python" for language, _ in blocks), 6)
        environment = {
            **os.environ, "PYTHONPATH": os.path.join(ROOT, "Tools", "python"),
            "PATH": os.pathsep.join([os.path.dirname(REFX), os.path.dirname(sys.executable), os.environ["PATH"]])}
        script = ""
        for language, block in blocks:
            if language == "python":
                script += block
                continue
            if "pip install" in block:
                continue  # which is the test below
            self.run_one([sys.executable, "-c", script], environment, script)
            self.run_one(["bash", "-euc", block], environment, block)
        # The block about refx asks whether it is there: where it is, it was used.
        script += f"assert (refx is not None) == {importlib.util.find_spec('refx') is not None}\n"
        self.run_one([sys.executable, "-c", script], environment, script)

    def run_one(self, command, environment, block):
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, f"{block}\n{done.stderr}")


class Installing(Scratch):
    def test_the_package_installs(self):
        copy = self.path("python")
        shutil.copytree(os.path.join(ROOT, "Tools", "python"), copy, ignore=shutil.ignore_patterns("__pycache__"))
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target",
             self.path("installed"), copy], capture_output=True, text=True, timeout=300)
        if done.returncode and ("Connection" in done.stderr or "No module named pip" in done.stderr):
            self.skipTest("pip reaches no index, or is not there")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run(
            [sys.executable, "-c", "import refx_files, refx_files.hdf5, refx_files.__main__ as m; print(m.__file__)"],
            cwd=self.folder, env={**os.environ, "PYTHONPATH": self.path("installed")}, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith(self.path("installed")))


if __name__ == "__main__":
    unittest.main()
