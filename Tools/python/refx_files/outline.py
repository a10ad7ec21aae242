"""What is saved: a user's tree made ready, with each shared value found by its identity."""

from collections.abc import Mapping

import numpy as np

from . import dtypes
from .catalogue import DEEPEST
from .errors import Unsupported, shown
from .selection import Pattern, names_a_leaf
from .tree import CONTAINERS, HOLE, NOTHING, Ref, check_collection, sites


def is_container(node):
    return isinstance(node, CONTAINERS)


class Pending:
    """A leaf that is to be written."""

    __slots__ = ("value", "dtype", "shape")

    is_leaf = True

    def __init__(self, value, dtype):
        self.value, self.dtype, self.shape = value, dtype, tuple(int(extent) for extent in value.shape)

    def data(self, path):
        """The logical bytes, an array of uint8."""
        return dtypes.logical_bytes(self.value, self.dtype, path)


class Outline:
    """A tree of dict, list and tuple with Refs wherever something is shared, and with `Pending` leaves.

    Refs that stand in the tree are taken as they are. Of arrays, dicts and lists without one that stand in several
    places by identity (`is`), each becomes a Ref without a collection, unless `collections` names one: a collection
    for all, a mapping from patterns, of which the first that matches counts, or a function of path and array.
    """

    def __init__(self, tree, collections=None):
        self._keep = []  # so that no id is used twice
        self._copies = {}  # id of what was given: what stands for it here
        self._places = {}  # id of what was given: how often it stands bare, and its first path
        self._in_refs = {}  # id of an array, dict or list that is the value of a Ref: the path
        self.tree = self._converted(tree)
        self._tie()
        if collections is not None:
            self._tag(collections)

    # Converting. A container is copied once, however often it is met, and its members with it.

    def _converted(self, tree):
        holder = [None]
        waiting = [(tree, holder, 0, (), 0)]
        while waiting:
            node, parent, key, path, depth = waiting.pop()
            if depth > DEEPEST:
                raise Unsupported(f"{shown(path[:8])}…: the tree is deeper than {DEEPEST}")
            parent_is_ref = isinstance(parent, Ref)
            copy, inside = self._copy(node, path, parent_is_ref)
            if parent_is_ref:
                parent.value = copy
            else:
                parent[key] = copy
            if inside is None:
                continue
            if isinstance(node, Ref):
                step = 1 if isinstance(node.value, Ref) else 0
                waiting.append((node.value, copy, None, path + ("0",) * step, depth + step))
                continue
            for place, (name, member) in reversed(list(enumerate(inside))):
                waiting.append((member, copy, name, path + (str(name),), depth + 1))
        return holder[0]

    def _copy(self, node, path, in_ref):
        """What stands for a node, and its members where it is a container that is met for the first time."""
        if node is None or node is NOTHING or node is HOLE:
            return node, None
        if isinstance(node, Ref):
            if id(node) in self._copies:
                return self._copies[id(node)], None
            self._keep.append(node)
            copy = self._copies[id(node)] = Ref(None, check_collection(node.collection, path))
            return copy, ()
        if isinstance(node, str):
            return dtypes.utf8(node, path).decode(), None
        if not isinstance(node, np.generic):
            if isinstance(node, bool):
                return node, None
            if isinstance(node, int):
                if not -1 << 63 <= node < 1 << 63:
                    raise Unsupported(f"{shown(path)}: the integer {node} does not fit 64 bits; use an array of uint64")
                return int(node), None
            if isinstance(node, float):
                return float(node), None
        if isinstance(node, tuple):
            # Tuples never count as shared: Python shares equal ones as it likes.
            self._keep.append(node)
            return Tuple([None] * len(node)), list(enumerate(node))
        shareable = isinstance(node, (list, Mapping)) or dtypes.is_array(node) and not isinstance(node, np.generic)
        if not shareable and not isinstance(node, np.generic):
            name = f"{type(node).__module__}.{type(node).__qualname__}"
            raise Unsupported(f"{shown(path)}: a checkpoint cannot hold {name}")
        if shareable:
            if in_ref:
                self._in_refs.setdefault(id(node), path)
            else:
                count, first = self._places.get(id(node), (0, path))
                self._places[id(node)] = (count + 1, first)
            if id(node) in self._copies and not (in_ref and dtypes.is_array(node)):
                if in_ref:
                    raise Unsupported(
                        f"{shown(path)}: a dict or list is the value of several Refs; use one Ref, or copies")
                return self._copies[id(node)], None
            self._keep.append(node)
        if isinstance(node, list):
            copy, inside = [None] * len(node), list(enumerate(node))
        elif isinstance(node, Mapping):
            inside = []
            for name, member in node.items():
                if not isinstance(name, str):
                    raise Unsupported(f"{shown(path)}: the key {name!r} is no text; use str keys")
                inside.append((dtypes.plain_name(name, path, "a key"), member))
            # By the bytes of their names, as in the file.
            inside.sort(key=lambda item: item[0].encode())
            copy = dict.fromkeys(name for name, _ in inside)
            if len(copy) != len(inside):
                raise Unsupported(f"{shown(path)}: a key comes twice")
        else:
            copy, inside = Pending(node, dtypes.array_name(node, path)), None
            if len(copy.shape) > 64:
                raise Unsupported(f"{shown(path)}: {len(copy.shape)} dimensions; a leaf has at most 64")
            if copy.dtype == "string" and isinstance(node, np.ndarray):
                dtypes.check_texts(node, path)
        if shareable and not (in_ref and inside is None):
            self._copies[id(node)] = copy
        return copy, inside

    # Ties

    def _tie(self):
        shared = {}
        for given, (count, path) in self._places.items():
            if given in self._in_refs:
                raise Unsupported(
                    f"{shown(path)}: the same object is the value of the Ref at {shown(self._in_refs[given])}; "
                    "put the Ref at both places")
            if count > 1:
                copy = self._copies[given]
                shared[id(copy)] = Ref(copy)
        seen = set()
        if id(self.tree) in shared:
            self.tree = shared[id(self.tree)]
        waiting = [self.tree]
        while waiting:
            node = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, Ref):
                waiting.append(node.value)
                continue
            if not is_container(node):
                continue
            for key, member in list(node.items() if isinstance(node, dict) else enumerate(node)):
                waiting.append(member)
                if id(member) in shared:
                    node[key] = shared[id(member)]
                    waiting.append(node[key])

    def _tag(self, collections):
        if callable(collections):
            choose = collections
        elif isinstance(collections, Mapping):
            patterns = [(Pattern(pattern), collection) for pattern, collection in collections.items()]

            def choose(path, _):
                return next((collection for pattern, collection in patterns if pattern.matches(path)), None)
        else:
            def choose(path, _):
                return collections
        tags, bare, leaves = {}, [], 0
        for path, node, ref, _ in sites(self.tree):
            if not isinstance(node, Pending):
                continue
            leaves += 1
            tag = check_collection(choose(path, node.value), path)
            if tag is None:
                continue
            if ref is None:
                bare.append((path, tag))
            elif ref.collection is None or id(ref) in tags:
                known, first = tags.setdefault(id(ref), (tag, path))
                if known != tag or isinstance(known, str) != isinstance(tag, str):
                    raise Unsupported(
                        f"{shown(path)}: the collection {tag!r}, but {known!r} at {shown(first)}, which shares its "
                        "value")
                ref.collection = tag
        for text in collections if isinstance(collections, Mapping) and leaves else ():
            if not names_a_leaf(self.tree, text):
                raise KeyError(f"no array at {text!r}, which is to have a collection")
        wanted = dict(bare)
        if not wanted:
            return
        # Plain leaves with a collection become Refs.
        if () in wanted:
            self.tree = Ref(self.tree, wanted[()])
            return
        seen, waiting = set(), [((), self.tree)]
        while waiting:
            path, node = waiting.pop()
            if isinstance(node, Ref):
                if id(node) in seen:
                    continue
                seen.add(id(node))
                waiting.append((path + ("0",) if isinstance(node.value, Ref) else path, node.value))
                continue
            if not is_container(node):
                continue
            inside = list(node.items() if isinstance(node, dict) else enumerate(node))
            for key, member in reversed(inside):
                place = path + (str(key),)
                if isinstance(member, Pending) and place in wanted:
                    node[key] = Ref(member, wanted[place])
                else:
                    waiting.append((place, member))


class Tuple(list):
    """A tuple that can still be filled."""


def _copied(tree, tuple_type):
    """A copy of an exact tree, its Refs too, with tuples of another kind; leaves are the same objects."""
    refs, out = {}, [None]
    done = []  # tuples that were filled as lists: (what is to be, members, parent, key)
    waiting = [(tree, out, 0)]
    while waiting:
        node, parent, key = waiting.pop()
        if isinstance(node, Ref):
            copy = refs.get(id(node))
            if copy is None:
                copy = refs[id(node)] = Ref(None, node.collection)
                waiting.append((node.value, copy, None))
        elif isinstance(node, dict):
            copy = dict.fromkeys(node)
            waiting.extend((member, copy, name) for name, member in node.items())
        elif isinstance(node, (list, tuple)):
            is_tuple = isinstance(node, (tuple, Tuple))
            copy = Tuple([None] * len(node)) if is_tuple else [None] * len(node)
            if is_tuple and tuple_type is tuple:
                done.append((copy, parent, key))
            waiting.extend((member, copy, place) for place, member in enumerate(node))
        else:
            copy = node
        if isinstance(parent, Ref):
            parent.value = copy
        else:
            parent[key] = copy
    # The inner ones come last, and are ready first.
    for members, parent, key in reversed(done):
        if isinstance(parent, Ref):
            parent.value = tuple(members)
        else:
            parent[key] = tuple(members)
    return out[0]


def loosened(tree):
    """With tuples that can be changed."""
    return _copied(tree, Tuple)


def tightened(tree):
    """With real tuples again."""
    return _copied(tree, tuple)
