"""Trees: what a checkpoint is in Python.

A tree is made of dict, list and tuple, of arrays, and of None, str, int, float and bool. Sharing is identity: two
places that hold the same object share it. `Ref` says the same aloud, and may name a collection.
"""

from __future__ import annotations

from typing import Any

from . import dtypes
from .errors import Unsupported, shown


class _Mark:
    """A value of which there is one."""

    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name

    def __reduce__(self):
        return self.name

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


NOTHING = _Mark("NOTHING")
"""No value: refx's own `NOTHING`."""
HOLE = _Mark("HOLE")
"""The place of a value that is in another file: of a part, of a patch, of a load by patterns."""


class Ref:
    """A shared value: all places that hold one Ref object share it. `collection` is a str, an int or None."""

    __slots__ = ("value", "collection")

    def __init__(self, value: Any, collection: str | int | None = None) -> None:
        self.value: Any = value
        self.collection: str | int | None = collection

    def __repr__(self):
        return f"Ref({type(self.value).__name__}, collection={self.collection!r})"


CONTAINERS = (dict, list, tuple)


def members(node):
    """The (key, member) of a container of a tree, in the order of a file: names by bytes, positions as numbers."""
    if isinstance(node, dict):
        return sorted(node.items(), key=lambda member: member[0].encode())
    return enumerate(node)


def sites(tree, is_container=lambda node: isinstance(node, CONTAINERS)):
    """Yields (path, node, ref, is_first) of each place of an exact tree, depth first, a node before its members.

    Of a Ref `node` is its value, which is looked into at its first site alone; a Ref directly inside a Ref stands at
    the key "0". Does not recurse.
    """
    seen = set()
    # Of each container that is open, its path and the members left: the paths of all of them at once may be too many.
    frames = [((), iter(((None, tree),)))]
    while frames:
        front, left = frames[-1]
        for key, node in left:
            path = front if key is None else front + (str(key),)
            first = True
            while isinstance(node, Ref):
                ref, node = node, node.value
                first = id(ref) not in seen
                seen.add(id(ref))
                yield path, node, ref, first
                if not first or not isinstance(node, Ref):
                    break
                path += ("0",)
            else:
                yield path, node, None, True
            if first and is_container(node):
                frames.append((path, iter(members(node))))
                break
        else:
            frames.pop()


def unique_leaves(tree):
    """Each leaf of an exact tree once, in order."""
    seen, waiting = set(), [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Ref):
            if id(node) not in seen:
                seen.add(id(node))
                waiting.append(node.value)
        elif isinstance(node, CONTAINERS):
            waiting.extend(reversed([member for _, member in members(node)]))
        elif is_leaf(node):
            yield node


def is_leaf(node):
    return getattr(node, "is_leaf", False)


_NOT_YET = object()


class _Frame:
    """A container that is being made."""

    __slots__ = ("source", "left", "target", "parent", "key", "refs")

    def __init__(self, source, left, target, parent, key, refs):
        self.source, self.left, self.target = source, left, target
        self.parent, self.key, self.refs = parent, key, refs


def rebuilt(tree, leaf, keep_refs=False, wanted=None):
    """A copy of an exact tree in which each leaf is `leaf(node)`, called once for each.

    Without `keep_refs` each Ref is dissolved: its value itself stands at all its sites, one object. `wanted`, where
    it is given, is asked `wanted(container, key)` for each member; dictionaries lose the others, lists and tuples
    hold a HOLE in their place. Does not recurse.
    """
    made = {}  # id of a Ref: its value here, or the Ref
    frames = []
    late = []  # (container, key, Ref): places of a tuple that was not ready
    same = {}  # id of a Ref around such a Ref: that one
    result = []

    def put(parent, key, value):
        if parent is None:
            result.append(value)
        elif isinstance(parent, dict):
            parent[key] = value
        elif isinstance(parent, Ref):
            parent.value = value
        else:
            parent.append(value)

    def begin(node, parent, key):
        refs = []
        while isinstance(node, Ref):
            known = made.get(id(node))
            if keep_refs:
                if known is not None:
                    put(parent, key, known)
                    return
                known = made[id(node)] = Ref(None, node.collection)
                put(parent, key, known)
                parent, key, node = known, "0", node.value
                continue
            if known is _NOT_YET:
                holder = frames[-1].source if frames else None
                if holder is None or node in refs or isinstance(holder, tuple):
                    raise Unsupported("a value that holds itself without a dict or list between: load it with refs=True")
                same.update((id(ref), node) for ref in refs)
                put(parent, key, None)
                late.append((parent, key if isinstance(parent, dict) else len(parent) - 1, node))
                return
            if id(node) in made:
                for ref in refs:
                    made[id(ref)] = known
                put(parent, key, known)
                return
            made[id(node)] = _NOT_YET
            refs.append(node)
            node = node.value
        if isinstance(node, CONTAINERS):
            target = {} if isinstance(node, dict) else []
            if not isinstance(node, tuple):
                for ref in refs:
                    made[id(ref)] = target
                put(parent, key, target)
            left = iter(node.items()) if isinstance(node, dict) else iter(enumerate(node))
            frames.append(_Frame(node, left, target, parent, key, refs))
            return
        value = leaf(node)
        for ref in refs:
            made[id(ref)] = value
        put(parent, key, value)

    begin(tree, None, None)
    while frames:
        frame = frames[-1]
        depth = len(frames)
        for key, member in frame.left:
            if wanted is not None and not wanted(frame.source, key):
                if not isinstance(frame.source, dict):
                    frame.target.append(HOLE)
                continue
            begin(member, frame.target, key)
            if len(frames) > depth:
                break
        else:
            frames.pop()
            if isinstance(frame.source, tuple):
                value = tuple(frame.target)
                for ref in frame.refs:
                    made[id(ref)] = value
                put(frame.parent, frame.key, value)
    for container, key, ref in late:
        while made[id(ref)] is _NOT_YET:
            ref = same[id(ref)]
        container[key] = made[id(ref)]
    return result[0]


def check_collection(collection, path):
    """A collection as a file may have it."""
    if isinstance(collection, bool) or not (collection is None or isinstance(collection, (int, str))):
        raise Unsupported(f"{shown(path)}: a collection is a str, an int or None, not {collection!r}")
    if isinstance(collection, int) and not -1 << 63 <= collection < 1 << 63:
        raise Unsupported(f"{shown(path)}: the collection {collection} does not fit 64 bits")
    if isinstance(collection, str):
        return dtypes.plain_name(collection, path, "a collection")
    return collection if collection is None else int(collection)
