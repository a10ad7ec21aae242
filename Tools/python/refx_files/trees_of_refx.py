"""Trees of the package refx (0.0.2), in memory: its Refs, dereffed or not, and those of this package."""

from __future__ import annotations

from typing import Any

from . import dtypes
from .errors import Unsupported, shown
from .tree import HOLE, NOTHING, Ref

_NUMBERS = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}


def _refx():
    try:
        import refx
        refx.Ref, refx.Value, refx.Index, refx.Static, refx.NOTHING
        return refx
    except ImportError as error:
        raise Unsupported(f"the package refx cannot be imported: {error}; refx 0.0.2 needs a jax before 0.4.36") from None
    except AttributeError:
        raise Unsupported("the module refx is not that of refx 0.0.2") from None


def _walk(tree, begin):
    """A copy of a tree. `begin(node, path)` gives what stands for a node, and, where that is a Ref that is new or a
    container, the nodes inside as (key, node)."""
    out, tuples = [None], []
    waiting = [(tree, out, 0, ())]
    while waiting:
        node, parent, key, path = waiting.pop()
        copy, inside = begin(node, path)
        if inside is not None and isinstance(node, tuple):
            tuples.append((copy, parent, key))
        _put(parent, key, copy)
        for name, member in reversed(inside or []):
            waiting.append((member, copy, name, path if name is None else path + (str(name),)))
    for members, parent, key in reversed(tuples):
        _put(parent, key, tuple(members))
    return out[0]


def _put(parent, key, value):
    if isinstance(parent, (list, dict)):
        parent[key] = value
    else:
        # A Ref of either package. refx guards its values against other trace levels; this one was just made.
        setattr(parent, "value" if isinstance(parent, Ref) else "_value", value)


def _container(node, path):
    """A container's copy and its members, or None where it is none."""
    if type(node) is dict:
        for key in node:
            if not isinstance(key, str):
                raise Unsupported(f"{shown(path)}: the key {key!r} is no text; use str keys")
        return dict.fromkeys(node), sorted(node.items(), key=lambda member: member[0].encode())
    if type(node) in (list, tuple):
        return [None] * len(node), list(enumerate(node))
    return None


def from_refx(pytree: Any) -> Any:
    """A tree of this package, to be saved, from one of refx: of Refs, or dereffed (`refx.deref`).

    Each refx.Ref becomes one Ref with its collection, each refx.Static a static value, refx.NOTHING this package's
    NOTHING. A Python number is a leaf, as JAX has it: an array without dimensions.
    """
    refx = _refx()
    refs: dict = {}
    indexes: dict = {}
    keep = []

    def begin(node, path):
        if isinstance(node, refx.Ref):
            if id(node) in refs:
                return refs[id(node)], None
            keep.append(node)
            copy = refs[id(node)] = Ref(None, _collection(node.collection, path))
            return copy, [(None, node.value)]
        if isinstance(node, refx.Value):
            if node.index in indexes:
                raise Unsupported(f"{shown(path)}: the index {node.index} has two values")
            copy = indexes[node.index] = Ref(None, _collection(node.collection, path))
            return copy, [(None, node.value)]
        if isinstance(node, refx.Index):
            if node.index not in indexes:
                raise Unsupported(f"{shown(path)}: the index {node.index} comes before its value")
            return indexes[node.index], None
        if node is refx.NOTHING:
            return NOTHING, None
        if isinstance(node, refx.Static):
            if not isinstance(node.value, (str, bool, int, float)):
                kind = type(node.value).__name__
                raise Unsupported(f"{shown(path)}: a Static of {kind}; a file holds text and numbers")
            return node.value, None
        if type(node) in _NUMBERS:
            import numpy
            try:
                return numpy.array(node, _NUMBERS[type(node)]), None
            except OverflowError:
                raise Unsupported(f"{shown(path)}: {node} does not fit 64 bits") from None
        found = _container(node, path)
        if found is not None:
            return found
        if node is None or isinstance(node, str) or dtypes.is_array(node):
            return node, None
        raise Unsupported(f"{shown(path)}: a checkpoint cannot hold {type(node).__module__}.{type(node).__qualname__}")

    return _walk(pytree, begin)


def _collection(collection, path):
    if collection is None or isinstance(collection, (str, int)) and not isinstance(collection, bool):
        return collection
    raise Unsupported(f"{shown(path)}: the collection {collection!r}; a file holds str, int and None")


def to_refx(tree: Any, deref: bool = False) -> Any:
    """A pytree of refx from what `load(…, refs=True)` gives. Shared Refs are one refx.Ref; with `deref` they are
    refx's Values and Indexes, to cross into JAX. Static values are refx.Static, NOTHING and HOLE refx.NOTHING.
    """
    refx = _refx()
    refs: dict = {}

    def begin(node, path):
        if isinstance(node, Ref):
            if id(node) in refs:
                return refs[id(node)], None
            copy = refs[id(node)] = refx.Ref(None, node.collection)
            return copy, [(None, node.value)]
        if node is NOTHING or node is HOLE:
            return refx.NOTHING, None
        if isinstance(node, (str, bool, int, float)) and not dtypes.is_array(node):
            return refx.Static(node), None
        found = _container(node, path)
        return found if found is not None else (node, None)

    pytree = _walk(tree, begin)
    if not deref:
        return pytree
    leaves, form = refx.deref_flatten(pytree)
    import jax
    return jax.tree_util.tree_unflatten(form, leaves)
