"""Patches: the changed values alone, with what they stand on named by its digests."""

import numpy as np

from . import digests, dtypes
from .errors import Damaged, Unsupported, shown
from .stored import Stored
from .tree import HOLE, Ref, is_leaf, sites, unique_leaves

KEY = "refx_patch"


def logical(array):
    return dtypes.logical_bytes(array, dtypes.array_name(array, ()), ())


def value_digest(stored):
    return digests.values(stored.exact, lambda leaf: logical(stored.array(leaf, raw=True)))


def _replaced(tree, replace):
    """Replaces leaves and holes in place, each once, at its first site; the tree, which may be another root."""
    found, seen = [], set()
    holder = [tree]
    waiting = [((), tree, holder, 0)]
    while waiting:
        path, node, parent, key = waiting.pop()
        if isinstance(node, Ref):
            if id(node) not in seen:
                seen.add(id(node))
                step = ("0",) if isinstance(node.value, Ref) else ()
                waiting.append((path + step, node.value, node, None))
        elif isinstance(node, (dict, list)):
            inside = list(node.items() if isinstance(node, dict) else enumerate(node))
            waiting.extend((path + (str(k),), member, node, k) for k, member in inside)
        elif node is HOLE or is_leaf(node):
            found.append((path, node, parent, key))
    for path, node, parent, key in found:
        node = replace(path, node)
        if isinstance(parent, Ref):
            parent.value = node
        else:
            parent[key] = node
    return holder[0]


def arrays_by_path(tree):
    return {path: node for path, node, _, _ in sites(tree) if is_leaf(node)}


class _Patched(Stored):
    """A checkpoint that is a patch on a base, both open."""

    format = "patch"

    def __init__(self, base, patch, tree, metadata, closes):
        super().__init__(patch.name)
        self._closes = closes
        self.reads_parts = base.reads_parts and patch.reads_parts
        self._base, self._patch, self._from_patch = base, patch, set()
        self.exact, self.metadata = tree, metadata
        self.attributes = patch.attributes
        self._from_patch = {id(leaf) for leaf in unique_leaves(patch.exact)}

    def close(self):
        for part in self._closes:
            part.close()

    def files(self):
        return self._base.files() | self._patch.files()

    def _owner(self, leaf):
        return self._patch if id(leaf) in self._from_patch else self._base

    def array(self, leaf, raw=False):
        return self._owner(leaf).array(leaf, raw)

    def part(self, leaf, start, end, raw=False):
        return self._owner(leaf).part(leaf, start, end, raw)


def applied(base, patch, closes):
    """The checkpoint that `patch` leads to from `base`, both open; its leaves are read where they lie. With it `closes`
    are closed."""
    record = patch.metadata.get(KEY)
    if record is None:
        raise Unsupported(f"{patch.name}: this is no patch, so it needs no base")
    try:
        if record["version"] != 1:
            raise Unsupported(f"{patch.name}: a patch of version {record['version']!r}; this package reads version 1: "
                              "install a newer one")
        wanted = [bytes.fromhex(record["base"][name]) for name in ("structure", "topology", "values")]
        result = tuple(bytes.fromhex(record["result"][name]) for name in ("structure", "topology"))
        holes = {tuple(path) for path in record["holes"]}
        metadata = record["metadata"]
        if not isinstance(metadata, dict) or not all(isinstance(key, str) for path in holes for key in path):
            raise TypeError("a field is of another kind")
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"{patch.name}: the record of the patch does not hold together: {error}")
    found = list(digests.structure(base.exact))
    if found == wanted[:2]:
        found.append(value_digest(base))
    for name, expected, seen in zip(("structure", "topology", "values"), wanted, found):
        if expected != seen:
            raise Unsupported(f"{base.name}: not the base of the patch {patch.name}: the {name} digest is {seen.hex()}, "
                              f"expected {expected.hex()}")
    known = arrays_by_path(base.exact)

    def fill(path, node):
        if node is not HOLE:
            return node
        if path in holes:
            holes.discard(path)
            return node
        if path not in known:
            raise Damaged(f"{patch.name}: the patch keeps what its base has at {shown(path)}, where that has no array")
        return known[path]

    from .outline import loosened, tightened
    # Tuples cannot be changed in place.
    tree = tightened(_replaced(loosened(patch.exact), fill))
    if holes or digests.structure(tree) != result:
        raise Damaged(f"{patch.name}: the patch does not lead to the checkpoint that it names")
    return _Patched(base, patch, tree, metadata, closes)


def made(base, outline_tree, metadata):
    """The tree and the metadata of the patch that leads from `base`, which is open, to a tree that is to be saved."""
    known = arrays_by_path(base.exact)
    structure, topology = digests.structure(base.exact)
    result = digests.structure(outline_tree)
    holes = []

    def keep(path, node):
        if node is HOLE:
            holes.append(list(path))
            return node
        old = known.get(path)
        same = (old is not None and old.dtype == node.dtype and tuple(old.shape) == tuple(node.shape)
                and np.array_equal(logical(base.array(old, raw=True)), node.data(path)))
        return HOLE if same else node

    tree = _replaced(outline_tree, keep)
    record = {
        "version": 1,
        "base": {"structure": structure.hex(), "topology": topology.hex(), "values": value_digest(base).hex()},
        "result": {"structure": result[0].hex(), "topology": result[1].hex()},
        "holes": holes, "metadata": metadata or {},
    }
    return tree, {KEY: record}
