"""Documentation/RefxIO.docc/FromRefx.md has a row for every public name of refx 0.0.2. Skipped where that is not installed."""

import inspect
import os
import re
import types
import typing
import unittest

from support import ROOT

try:
    import refx
    from refx import partitioning, ref, ref_field, tracers
    missing = None
except (ImportError, AttributeError) as error:
    missing = f"refx 0.0.2 cannot be imported: {error}"


def public_names():
    """Every name: of the package as it is, of a module with the module before it, of a class with the class."""
    found = {name for name, value in vars(refx).items() if is_public(name, value)}
    for module in (ref, partitioning, ref_field, tracers):
        for name, value in vars(module).items():
            if not is_public(name, value) or getattr(value, "__module__", None) not in (module.__name__, "typing"):
                continue
            if not hasattr(refx, name):
                found.add(f"{module.__name__.split('.')[-1]}.{name}")
            if inspect.isclass(value) and value.__module__ == module.__name__:
                found |= {f"{name}.{member}" for member in vars(value) if not member.startswith("_")}
    return found


def is_public(name, value):
    return not (name.startswith("_") or isinstance(value, (types.ModuleType, typing.TypeVar)))


def rows():
    with open(os.path.join(ROOT, "Documentation", "RefxIO.docc", "FromRefx.md"), encoding="utf-8") as page:
        table = re.findall(r"^\| (`[^|]*) \|", page.read(), re.MULTILINE)
    return {re.sub(r"\(.*\)$", "", name) for cell in table for name in re.findall(r"`([^`]+)`", cell)}


@unittest.skipIf(missing, missing or "")
class Names(unittest.TestCase):
    def test_every_name_has_its_row(self):
        names = public_names()
        self.assertGreater(len(names), 50)
        for expected in ("deref", "tracers.refx_trace", "Ref.to_value", "partitioning.StrPath"):
            self.assertIn(expected, names)
        self.assertEqual(names - rows(), set(), "without a row")
        self.assertEqual(rows() - names, set(), "with a row, and not in refx")


if __name__ == "__main__":
    unittest.main()
