"""Reads the refx layout of HDF5 through h5py."""

import functools
import hashlib
import os
import zlib

import numpy as np

from . import digests, dtypes, hdf5_attributes, jsontext
from .catalogue import DEEPEST, RANK, Limits
from .errors import Damaged, FileError, LimitExceeded, Unsupported, demand, shown, visible
from .hdf5_types import HELD_AS, decoded, little, name_of, texts_of
from .outline import Tuple
from .reader import Stored
from .tree import HOLE, NOTHING, Ref

try:
    import h5py
    from h5py import h5d, h5g, h5o, h5s, h5t
except ImportError:
    h5py = None

_MARKS = {"none": None, "nothing": NOTHING, "hole": HOLE}
_FILTERS = (1, 2, 3)  # deflate, shuffle, fletcher32


class _Leaf:
    """A dataset of the layout."""

    __slots__ = ("dataset", "dtype", "shape", "swapped", "crc", "path")

    is_leaf = True
    compressed = False

    @property
    def item(self):
        return dtypes.SIZES[self.dtype]

    @property
    def size(self):
        return (self.item or 0) * dtypes.count_of(self.shape)

    @property
    def stored(self):
        return self.dataset.id.get_storage_size()


def _raises_damaged(function):
    """What h5py and libhdf5 raise about a file is damage."""
    @functools.wraps(function)
    def wrapped(*arguments, **options):
        try:
            return function(*arguments, **options)
        except FileError:
            raise
        except (RuntimeError, ValueError, KeyError, TypeError, OSError, AttributeError, UnicodeError) as error:
            raise Damaged(f"libhdf5 cannot read it: {error}") from None
    return wrapped


class HDF5File(Stored):
    """A file of the refx layout that is open."""

    format = "hdf5"

    def __init__(self, path, limits=None):
        super().__init__(os.fspath(path))
        self._limits = limits or Limits()
        self._nodes = self._bytes_declared = 0
        self._most = max(256 << 20, 1040 * os.path.getsize(path))
        self._file = h5py.File(path, "r")
        self.table = []
        self._read()

    def close(self):
        self._file.close()

    @_raises_damaged
    def _read(self):
        file = self._file
        if "refx_format" not in file.attrs:
            raise Unsupported("an HDF5 file of another program; `refx convert` makes a checkpoint of it")
        demand(self._one(file, "refx_format") == "refx", "refx_format is not refx")
        version = self._one(file, "refx_version")
        if version != 1:
            raise Unsupported(f"version {version} of the layout; this package reads version 1: install a newer one")
        self.codec = self._one(file, "refx_codec") if "refx_codec" in file.attrs else None
        demand("tree" in file and isinstance(file.get("tree", getlink=True), h5py.HardLink), "there is no /tree")
        others = sorted(set(file) - {"tree", "refs", "metadata"})
        if others:
            self.warnings.append(f"left out: {', '.join(others)}")
        self._read_refs()
        self._read_tree()
        self._read_metadata()
        for address, (ref, index, count) in self._refs.items():
            demand(count > 0, f"/refs/{index} stands nowhere in the tree")
        if "refx_structure" in file.attrs:
            found = digests.structure(self.exact)
            demand(self._one(file, "refx_structure") == hashlib.sha256(b"".join(found)).hexdigest(),
                   "the structure or the sharing is not what the file was saved with (refx_structure)")
        missing = sum(leaf.crc is None for leaf in self.table)
        if missing:
            self.warnings.append(f"{missing} leaves have no refx_crc32, so nothing shows whether they are whole")

    def _one(self, node, name):
        value = hdf5_attributes.read(node, name.encode(), ())
        if isinstance(value, np.ndarray):
            demand(value.size == 1, f"the attribute {name} is no single value")
            value = value.reshape(-1)[0]
        return value.item() if isinstance(value, np.generic) else value

    def _child(self, group, name):
        """A member of a group; hard links alone are followed."""
        link = group.id.links.get_info(name)
        demand(link.type == h5py.h5l.TYPE_HARD,
               f"{_shown_name(name)}: a link that is not hard, which the layout does not have")
        return h5py.Group(h5g.open(group.id, name)) if h5o.get_info(group.id, name).type == h5o.TYPE_GROUP \
            else h5py.Dataset(h5d.open(group.id, name))

    def _names(self, group):
        return [name for name in group.id]

    def _read_refs(self):
        self._refs = {}  # address: [Ref, index, sites seen]
        if "refs" not in self._file:
            return
        group = self._child(self._file, b"refs")
        demand(isinstance(group, h5py.Group), "/refs is no group")
        for name in self._names(group):
            node = self._child(group, name)
            address = _address(node)
            where = f"/refs/{_shown_name(name)}"
            demand(address not in self._refs, f"{where} is there twice")
            demand("refx_index" in node.attrs, f"{where} has no refx_index")
            index = self._one(node, "refx_index")
            demand(isinstance(index, int) and str(index).encode() == name, f"{where}: refx_index is {index}")
            collection = None
            if "refx_collection" in node.attrs:
                collection = self._one(node, "refx_collection")
                demand(isinstance(collection, (int, str)) and not isinstance(collection, bool),
                       f"{where}: refx_collection is neither text nor an integer")
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
                raise LimitExceeded(f"the tree has more than {self._limits.nodes} nodes")
            node = self._child(group, name)
            address = _address(node)
            known = self._refs.get(address)
            if known is None:
                demand(address not in plain,
                       f"{shown(path)}: the same object as {shown(plain.get(address, ()))}, and not under /refs")
                plain[address] = path
                for tag in ("refx_index", "refx_collection"):
                    demand(tag not in node.attrs, f"{shown(path)}: a copy of a Ref that lost its ties ({tag})")
            else:
                known[2] += 1
                _put(parent, key, known[0])
                if known[2] > 1:
                    continue
                parent, key = known[0], None
            kind = self._one(node, "refx_node") if "refx_node" in node.attrs else None
            if kind == "ref":
                demand(known is not None, f"{shown(path)}: a Ref that is not under /refs")
                demand(isinstance(node, h5py.Group) and self._names(node) == [b"0"],
                       f"{shown(path)}: a Ref of no value")
                inner = self._refs.get(_address(self._child(node, b"0")))
                demand(inner is not None, f"{shown(path)}: the value of a Ref of a Ref is none")
                waiting.append((node, b"0", parent, key, path + ("0",), depth + 1))
                self._keep_attributes(node, path)
                continue
            copy, inside = self._node(node, kind, path)
            if isinstance(copy, Tuple):
                tuples.append((copy, parent, key))
            _put(parent, key, copy)
            self._keep_attributes(node, path)
            for name, key_inside in reversed(inside):
                waiting.append((node, name, copy, key_inside, path + (str(key_inside),), depth + 1))
        for items, parent, key in reversed(tuples):
            _put(parent, key, tuple(items))
        self.exact = out[0]

    def _node(self, node, kind, path):
        if isinstance(node, h5py.Group):
            names = self._names(node)
            if kind == "dict":
                inside = [(name, decoded(_text(name, path), shown(path))) for name in names]
                inside.sort(key=lambda pair: pair[1].encode())
                copy = dict.fromkeys(key for _, key in inside)
                demand(len(copy) == len(inside), f"{shown(path)}: a key comes twice")
                return copy, inside
            demand(kind in ("list", "tuple"), f"{shown(path)}: a group that is no node ({kind})")
            demand(sorted(names) == sorted(str(n).encode() for n in range(len(names))),
                   f"{shown(path)}: the members are not 0 to {len(names) - 1}")
            items = [None] * len(names)
            return (Tuple(items) if kind == "tuple" else items), [(str(n).encode(), n) for n in range(len(items))]
        null = node.id.get_space().get_simple_extent_type() == h5s.NULL
        if kind in _MARKS:
            demand(null, f"{shown(path)}: {kind} with a value")
            return _MARKS[kind], []
        demand(not null, f"{shown(path)}: a leaf without a value")
        demand(kind in (None, "static"), f"{shown(path)}: a dataset that is no node ({kind})")
        if kind == "static":
            return self._static(node, path), []
        return self._leaf(node, path), []

    def _static(self, node, path):
        demand(node.shape == (), f"{shown(path)}: a static value that is no single one")
        form = node.id.get_type()
        if form.get_class() == h5t.STRING:
            return str(texts_of(node.id, form, (), path)[()])
        known = name_of(form)
        demand(known is not None, f"{shown(path)}: a static value of no known type")
        data = self._bytes(node, known, path)
        dtype, swapped = known
        value = dtypes.array_of(dtype, (), data, shown(path), raw=True)[()].item()
        demand(isinstance(value, (bool, int, float)) and not (isinstance(value, int) and value >= 1 << 63),
               f"{shown(path)}: a static value of the dtype {dtype}")
        return value

    def _bytes(self, node, known, path):
        """The elements of a dataset, little-endian, in C order."""
        dtype, swapped = known
        form = node.id.get_type()
        count = dtypes.count_of(node.shape)
        if count * form.get_size() > self._most:
            raise LimitExceeded(f"{shown(path)}: {count} elements, far more than the file can hold")
        self._check_storage(node, path)
        data = np.empty(count * form.get_size(), np.uint8)
        if data.size:
            # As the file has it, so that nothing is converted.
            node.id.read(h5s.ALL, h5s.ALL, data.view(f"V{form.get_size()}").reshape(node.shape), form)
        return little(data, dtype, swapped)

    def _check_storage(self, node, path):
        settings = node.id.get_create_plist()
        if settings.get_layout() == getattr(h5d, "VIRTUAL", 3) or settings.get_external_count():
            raise Unsupported(f"{shown(path)}: its elements lie in another file")
        filters = [settings.get_filter(n)[0] for n in range(settings.get_nfilters())]
        if any(number not in _FILTERS for number in filters) or len(set(filters)) != len(filters):
            raise Unsupported(f"{shown(path)}: the filters {filters}; deflate, shuffle and fletcher32 are read")

    def _leaf(self, node, path):
        leaf = _Leaf()
        leaf.dataset, leaf.shape, leaf.path = node, tuple(node.shape), path
        demand(len(leaf.shape) <= RANK, f"{shown(path)}: {len(leaf.shape)} dimensions")
        form = node.id.get_type()
        if form.get_class() == h5t.STRING:
            leaf.dtype, leaf.swapped = "string", False
        else:
            known = name_of(form)
            if known is None:
                raise Unsupported(f"{shown(path)}: a type that no leaf has")
            leaf.dtype, leaf.swapped = known
        if "refx_dtype" in node.attrs:
            name = self._one(node, "refx_dtype")
            base = HELD_AS.get(name)
            if base is None:
                raise Unsupported(f"{shown(path)}: the dtype {name!r}, which is not known")
            demand(leaf.dtype == base, f"{shown(path)}: the dtype {name} as {leaf.dtype}")
            leaf.dtype = name
        leaf.crc = None
        if "refx_crc32" in node.attrs:
            leaf.crc = self._one(node, "refx_crc32")
            demand(isinstance(leaf.crc, int), f"{shown(path)}: refx_crc32 is no number")
        self.table.append(leaf)
        self._bytes_declared += leaf.size
        if self._bytes_declared > self._limits.bytes:
            raise LimitExceeded(
                f"the leaves have more than {self._limits.bytes} bytes; raise Limits.bytes to read them")
        return leaf

    @_raises_damaged
    def array(self, leaf, raw=False):
        if leaf.dtype == "string":
            self._check_storage(leaf.dataset, leaf.path)
            array = texts_of(leaf.dataset.id, leaf.dataset.id.get_type(), leaf.shape, leaf.path)
            data = dtypes.text_bytes(array, leaf.path)
        else:
            data = self._bytes(leaf.dataset, (leaf.dtype, leaf.swapped), leaf.path)
            array = None
        demand(leaf.crc is None or zlib.crc32(data) == leaf.crc,
               f"{self.name}: {shown(leaf.path)}: the elements are not those of refx_crc32")
        return array if array is not None else dtypes.array_of(leaf.dtype, leaf.shape, data, shown(leaf.path), raw)

    def _read_metadata(self):
        if "metadata" not in self._file:
            return
        node = self._child(self._file, b"metadata")
        form = node.id.get_type()
        demand(isinstance(node, h5py.Dataset) and node.shape == () and form.get_class() == h5t.STRING,
               "/metadata is no single text")
        if not form.is_variable_str() and form.get_size() > self._limits.metadata_bytes:
            raise LimitExceeded(f"metadata of {form.get_size()} bytes; the limit is {self._limits.metadata_bytes}")
        text = str(texts_of(node.id, form, (), ("metadata",))[()]).encode()
        if "refx_crc32" in node.attrs:
            demand(zlib.crc32(text) == self._one(node, "refx_crc32"),
                   "/metadata is not what refx_crc32 says")
        self.metadata = jsontext.parse(text, "/metadata")
        listed = self.metadata.pop("refx_attributes", [])
        try:
            for path, name, value in listed:
                self.attributes.setdefault(tuple(path), {})[name] = hdf5_attributes.listed_value(value)
        except (TypeError, ValueError, KeyError) as error:
            raise Damaged(f"/metadata: refx_attributes does not hold together: {error}")

    def _keep_attributes(self, node, path):
        found, texts = {}, []
        for place in range(h5py.h5a.get_num_attrs(node.id)):
            name = h5py.h5a.open(node.id, index=place).name
            if name.startswith(b"refx_"):
                continue
            value = hdf5_attributes.read(node, name, path)
            if value is NOTHING:
                self.warnings.append(f"{shown(path)}: the attribute {_shown_name(name)} cannot be represented")
                continue
            found[_text(name, path)] = value
            form = h5py.h5a.open(node.id, name).get_type()
            if form.get_class() == h5t.STRING and form.is_variable_str():
                texts.append((name, [value] if isinstance(value, str) else list(value.reshape(-1))))
        if found:
            self.attributes[path] = dict(sorted(found.items(), key=lambda item: item[0].encode()))
        if "refx_texts_crc32" in node.attrs:
            if hdf5_attributes.texts_crc(texts) != self._one(node, "refx_texts_crc32"):
                self.warnings.append(f"{shown(path)}: its attributes are not those that it was saved with")


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


def _address(node):
    info = h5o.get_info(node.id)
    return info.fileno, info.addr
