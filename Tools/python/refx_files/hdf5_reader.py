"""Reads the refx layout of HDF5 through h5py: the root, the Refs, the tree, the metadata."""

import hashlib
import os
import zlib

import numpy as np

from . import digests, hdf5_attributes, jsontext
from .catalogue import DEEPEST, Limits
from .errors import Damaged, FileError, LimitExceeded, Unsupported, demand, shown, visible
from .hdf5_leaves import Elements, raises_damaged
from .hdf5_types import decoded
from .outline import Tuple
from .stored import Stored
from .tree import HOLE, NOTHING, Ref

try:
    import h5py
    from h5py import h5a, h5o, h5s, h5t
except ImportError:
    h5py = None

_MARKS = {"none": None, "nothing": NOTHING, "hole": HOLE}
_KINDS = {"dict", "list", "tuple", "ref", "static", *_MARKS}


class HDF5File(Stored):
    """A file of the refx layout that is open."""

    format = "hdf5"

    def __init__(self, path, limits=None):
        super().__init__(os.fspath(path))
        status = os.stat(path)
        self._identity = status.st_dev, status.st_ino
        self._limits = limits or Limits()
        self._nodes = 0
        self._elements = Elements(os.path.getsize(path), self._limits)
        self._file = h5py.File(path, "r")
        self.table = []
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise

    def close(self):
        self._file.close()

    def files(self):
        return {self._identity}

    def array(self, leaf, raw=False):
        if not self._file:
            raise ValueError(f"{self.name} is closed; read from it before that")
        try:
            return raises_damaged(self._elements.array)(leaf, raw)
        except FileError as error:
            raise type(error)(f"{self.name}: {error}") from None

    @raises_damaged
    def _read(self):
        file = self._file
        root = _Attributes(file)
        if b"refx_format" not in root:
            raise Unsupported("an HDF5 file of another program; `refx convert` makes a checkpoint of it")
        demand(root.one("refx_format") == "refx", "refx_format is not refx")
        version = root.one("refx_version")
        if type(version) is not int or version != 1:
            raise Unsupported(f"version {version!r} of the layout; this package reads version 1: install a newer one")
        self.codec = root.one("refx_codec")
        demand("tree" in file and isinstance(file.get("tree", getlink=True), h5py.HardLink), "there is no /tree")
        others = sorted(name for name in file.id if name not in (b"tree", b"refs", b"metadata"))
        if others:
            self.warnings.append(f"left out: {', '.join(map(_shown_name, others))}")
        self._read_refs()
        self._read_tree()
        self._read_metadata()
        for ref, index, count in self._refs.values():
            demand(count > 0, f"/refs/{index} stands nowhere in the tree")
        structure = root.one("refx_structure")
        if structure is not None:
            found = hashlib.sha256(b"".join(digests.structure(self.exact))).hexdigest()
            demand(structure == found,
                   "the structure or the sharing is not what the file was saved with (refx_structure): "
                   f"{found}, and the file says {structure!r}")
        missing = sum(leaf.crc is None for leaf in self.table)
        if missing:
            self.warnings.append(f"{missing} leaves have no refx_crc32, so nothing shows whether they are whole")

    def _child(self, group, name):
        """A member of a group, and its address; hard links alone are followed."""
        if group.id.links.get_info(name).type != h5py.h5l.TYPE_HARD:
            raise Damaged(f"{_shown_name(name)}: a link that is not hard, which the layout does not have")
        found = h5o.open(group.id, name)
        info = h5o.get_info(found)
        if info.type not in (h5o.TYPE_GROUP, h5o.TYPE_DATASET):
            raise Damaged(f"{_shown_name(name)}: neither a group nor a dataset")
        node = h5py.Group(found) if info.type == h5o.TYPE_GROUP else h5py.Dataset(found)
        return node, (info.fileno, info.addr)

    def _read_refs(self):
        self._refs = {}  # address: [Ref, index, sites seen]
        if "refs" not in self._file:
            return
        group, _ = self._child(self._file, b"refs")
        demand(isinstance(group, h5py.Group), "/refs is no group")
        for name in group.id:
            node, address = self._child(group, name)
            where, attributes = f"/refs/{_shown_name(name)}", _Attributes(node)
            demand(address not in self._refs, f"{where} is there twice")
            index, collection = attributes.one("refx_index"), attributes.one("refx_collection")
            demand(index is not None, f"{where} has no refx_index")
            demand(type(index) is int and str(index).encode() == name, f"{where}: refx_index is {index!r}")
            demand(collection is None or type(collection) is str or type(collection) is int and collection < 1 << 63,
                   f"{where}: refx_collection is {collection!r}, neither text nor an integer of 64 bits with a sign")
            self._refs[address] = [Ref(None, collection), index, 0]

    def _read_tree(self):
        out = [None]
        plain = {}  # address of an object that is no Ref: where it stands
        tuples = []
        waiting = [(self._file, b"tree", out, 0, (), 0)]
        while waiting:
            group, name, parent, key, path, depth = waiting.pop()
            demand(depth <= DEEPEST, f"the tree is deeper than {DEEPEST}")
            self._nodes += 1
            if self._nodes > self._limits.nodes:
                raise LimitExceeded(f"the tree has more than {self._limits.nodes} nodes; raise Limits.nodes to read it")
            node, address = self._child(group, name)
            known = self._refs.get(address)
            if known is None:
                if address in plain:
                    raise Damaged(f"{shown(path)}: the same object as {shown(plain[address])}, and not under /refs")
                plain[address] = path
            else:
                known[2] += 1
                _put(parent, key, known[0])
                if known[2] > 1:
                    continue
                parent, key = known[0], None
            attributes = _Attributes(node)
            if known is None:
                for tag in ("refx_index", "refx_collection"):
                    demand(tag.encode() not in attributes, f"a copy of a Ref that lost its ties ({tag})", path)
            kind = attributes.one("refx_node")
            if kind == "ref":
                demand(known is not None, "a Ref that is not under /refs", path)
                demand(isinstance(node, h5py.Group) and list(node.id) == [b"0"], "a Ref of no value", path)
                demand(self._child(node, b"0")[1] in self._refs, "the value of a Ref of a Ref is none", path)
                waiting.append((node, b"0", parent, key, path + ("0",), depth + 1))
                self._keep_attributes(attributes, path)
                continue
            copy, inside = self._node(node, kind, attributes, path)
            if isinstance(copy, Tuple):
                tuples.append((copy, parent, key))
            _put(parent, key, copy)
            self._keep_attributes(attributes, path)
            for name, key_inside in reversed(inside):
                waiting.append((node, name, copy, key_inside, path + (str(key_inside),), depth + 1))
        for items, parent, key in reversed(tuples):
            _put(parent, key, tuple(items))
        self.exact = out[0]

    def _node(self, node, kind, attributes, path):
        """A node, and its members as (name in the file, key)."""
        demand(kind is None or isinstance(kind, str), "refx_node is no text", path)
        if kind is not None and kind not in _KINDS:
            raise Unsupported(f"{shown(path)}: the kind of node {kind!r}, which this package does not know: "
                              "install a newer one")
        if isinstance(node, h5py.Group):
            names = list(node.id)
            if kind == "dict":
                inside = [(name, decoded(_text(name, path), path)) for name in names]
                inside.sort(key=lambda pair: pair[1].encode())
                copy = dict.fromkeys(key for _, key in inside)
                demand(len(copy) == len(inside), "a key comes twice", path)
                return copy, inside
            demand(kind in ("list", "tuple"), "a group that is no node", path, kind)
            demand(sorted(names) == sorted(str(n).encode() for n in range(len(names))),
                   f"the members are not 0 to {len(names) - 1}", path)
            items = [None] * len(names)
            return (Tuple(items) if kind == "tuple" else items), [(str(n).encode(), n) for n in range(len(items))]
        null = node.id.get_space().get_simple_extent_type() == h5s.NULL
        if kind in _MARKS:
            demand(null, f"{kind} with a value", path)
            return _MARKS[kind], []
        demand(not null, "a leaf without a value", path)
        demand(kind in (None, "static"), "a dataset that is no node", path, kind)
        if kind == "static":
            return self._elements.static(node, path), []
        leaf = self._elements.leaf(node, attributes.one, path)
        self.table.append(leaf)
        return leaf, []

    def _read_metadata(self):
        if "metadata" not in self._file:
            return
        node, _ = self._child(self._file, b"metadata")
        demand(isinstance(node, h5py.Dataset) and node.shape == () and node.id.get_type().get_class() == h5t.STRING,
               "/metadata is no single text")
        form = node.id.get_type()
        if not form.is_variable_str() and form.get_size() > self._limits.metadata_bytes:
            raise LimitExceeded(f"metadata of {form.get_size()} bytes; the limit is {self._limits.metadata_bytes}")
        text = self._elements.text(node, form, ("metadata",)).encode()
        crc = _Attributes(node).one("refx_crc32")
        demand(crc is None or zlib.crc32(text) == crc, "/metadata is not what refx_crc32 says")
        self.metadata = jsontext.parse(text, "/metadata")
        for path, name, value in hdf5_attributes.elsewhere(self.metadata.pop("refx_attributes", [])):
            self.attributes.setdefault(path, {})[name] = value

    def _keep_attributes(self, attributes, path):
        """The attributes of a node that are not the layout's own."""
        found, texts = {}, []
        for name in attributes:
            if name.startswith(b"refx_"):
                continue
            try:
                value = attributes.value(name, path)
            except Damaged:
                value = NOTHING  # text that is no UTF-8, a boolean that is none: another program's word
            if value is NOTHING:
                self.warnings.append(f"{shown(path)}: the attribute {_shown_name(name)} cannot be represented")
                continue
            found[_text(name, path)] = value
            form = attributes.open(name).get_type()
            if form.get_class() == h5t.STRING and form.is_variable_str():
                texts.append((name, [value] if isinstance(value, str) else list(value.reshape(-1))))
        if found:
            self.attributes[path] = dict(sorted(found.items(), key=lambda item: item[0].encode()))
        crc = attributes.one("refx_texts_crc32")
        if crc is not None and hdf5_attributes.texts_crc(texts) != crc:
            self.warnings.append(f"{shown(path)}: its attributes are not those that it was saved with")


class _Attributes:
    """The attributes of an object by their names, which are looked up once."""

    def __init__(self, node):
        self._node, self._names = node, []
        h5a.iterate(node.id, self._names.append)

    def __iter__(self):
        return iter(self._names)

    def __contains__(self, name):
        return name in self._names

    def open(self, name):
        return h5a.open(self._node.id, name)

    def value(self, name, path):
        return hdf5_attributes.read(self.open(name), path)

    def one(self, name):
        """The single value of one of the layout's own, as Python has it, or None where it is not there."""
        if name.encode() not in self._names:
            return None
        value = self.value(name.encode(), ())
        demand(value is not None and value is not NOTHING, f"the attribute {name} has no value that the layout knows")
        if isinstance(value, np.ndarray):
            demand(value.size == 1, f"the attribute {name} is no single value")
            value = value.reshape(-1)[0]
        return value.item() if isinstance(value, np.generic) else value


def _shown_name(name):
    return visible(name.decode("utf-8", "backslashreplace"))


def _text(name, path):
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        raise Damaged(f"{shown(path)}: a name that is not valid UTF-8")


def _put(parent, key, value):
    if isinstance(parent, Ref):
        parent.value = value
    else:
        parent[key] = value
