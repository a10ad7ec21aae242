"""The refx layout of HDF5, read and written through h5py.

libhdf5 itself decodes the file here, and it was not made for files that mean harm: those from strangers go through
the command `refx convert` first.
"""

import functools
import hashlib
import os
import struct
import zlib

import numpy as np

from . import attributes as attribute_values
from . import chunks, digests, dtypes, jsontext
from .catalogue import DEEPEST, RANK, Limits
from .errors import Damaged, FileError, LimitExceeded, Unsupported, demand, shown
from .outline import Tuple
from .reader import Stored
from .tree import HOLE, NOTHING, Ref, members, sites

try:
    import h5py
    from h5py import h5d, h5g, h5o, h5p, h5s, h5t
except ImportError:
    h5py = None

_MARKS = {"none": None, "nothing": NOTHING, "hole": HOLE}
_OURS = ("refx_node", "refx_index", "refx_collection", "refx_crc32", "refx_dtype", "refx_texts_crc32")
_FILTERS = (1, 2, 3)  # deflate, shuffle, fletcher32


def needed():
    if h5py is None:
        raise Unsupported("HDF5 needs the package h5py; install it")


# Keys

_ESCAPES = {"/": "%2F", "%": "%25", "\0": "%00"}


def encoded(key):
    if key in ("", ".", ".."):
        return {"": "%", ".": "%2E", "..": "%2E%2E"}[key]
    return "".join(_ESCAPES.get(c, c) for c in key)


def decoded(name, where):
    if name in ("%", "%2E", "%2E%2E"):
        return {"%": "", "%2E": ".", "%2E%2E": ".."}[name]
    pieces = name.split("%")
    key = pieces[0]
    for piece in pieces[1:]:
        demand(piece[:2] in ("2F", "25", "00"), f"{where}: {name!r} holds an escape that is none")
        key += {"2F": "/", "25": "%", "00": "\0"}[piece[:2]] + piece[2:]
    return key


# Types

def _bfloat16():
    form = h5t.IEEE_F32LE.copy()
    form.set_fields(15, 7, 8, 0, 7)
    form.set_size(2)
    form.set_ebias(127)
    return form


def _float8_e5m2():
    form = h5t.IEEE_F16LE.copy()
    form.set_fields(7, 2, 5, 0, 2)
    form.set_size(1)
    form.set_ebias(15)
    return form


def _type_of(name):
    """HDF5's type of a dtype's elements."""
    if name == "bfloat16":
        return _bfloat16()
    if name == "float8_e5m2":
        return _float8_e5m2()
    base = {"float8_e4m3fn": "u1", "int4": "i1", "uint4": "u1"}.get(name)
    return h5t.py_create(np.dtype(base) if base else np.dtype(name).newbyteorder("<"), logical=True)


def _float_name(form):
    fields, bias = form.get_fields(), form.get_ebias()
    known = {
        (2, (15, 10, 5, 0, 10), 15): "float16", (4, (31, 23, 8, 0, 23), 127): "float32",
        (8, (63, 52, 11, 0, 52), 1023): "float64", (2, (15, 7, 8, 0, 7), 127): "bfloat16",
        (1, (7, 2, 5, 0, 2), 15): "float8_e5m2",
    }
    return known.get((form.get_size(), tuple(fields), bias)) if form.get_precision() == 8 * form.get_size() else None


def _name_of(form):
    """The dtype of an HDF5 type and whether it is big-endian, or None."""
    kind = form.get_class()
    if kind == h5t.ENUM:
        base = form.get_super()
        names = {form.get_member_name(n): form.get_member_value(n) for n in range(form.get_nmembers())}
        return ("bool", False) if base.get_size() == 1 and names == {b"FALSE": 0, b"TRUE": 1} else None
    if kind == h5t.INTEGER:
        size = form.get_size()
        if form.get_precision() != 8 * size or size not in (1, 2, 4, 8):
            return None
        return ("int" if form.get_sign() else "uint") + str(8 * size), form.get_order() == h5t.ORDER_BE
    if kind == h5t.FLOAT:
        name = _float_name(form)
        return name and (name, form.get_order() == h5t.ORDER_BE)
    if kind == h5t.COMPOUND and form.get_nmembers() == 2:
        if [form.get_member_name(n) for n in (0, 1)] != [b"r", b"i"]:
            return None
        parts = [_name_of(form.get_member_type(n)) for n in (0, 1)]
        if parts[0] != parts[1] or parts[0] is None or parts[0][0] not in ("float32", "float64"):
            return None
        half = form.get_size() // 2
        if [form.get_member_offset(n) for n in (0, 1)] != [0, half] or half != dtypes.SIZES[parts[0][0]]:
            return None
        return ("complex64" if half == 4 else "complex128"), parts[0][1]
    return None


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


def _python_texts():
    """Texts of variable length as Python holds them in memory."""
    return h5t.py_create(h5py.string_dtype())


def _texts(identifier, form, shape, path, as_attribute=False):
    """The texts of a dataset or an attribute, as an array of str."""
    try:
        if form.is_variable_str():
            found = np.empty(shape, h5py.string_dtype())
            if found.size and as_attribute:
                identifier.read(found, mtype=_python_texts())
            elif found.size:
                identifier.read(h5s.ALL, h5s.ALL, found, _python_texts())
            raw = list(found.reshape(-1))
        else:
            size = form.get_size()
            found = np.empty(tuple(shape) + (size,), np.uint8)
            if as_attribute:
                identifier.read(found.reshape(-1).view(f"V{size}").reshape(shape), mtype=form)
            elif found.size:
                identifier.read(h5s.ALL, h5s.ALL, found.reshape(-1).view(f"V{size}").reshape(shape), form)
            pad = form.get_strpad()
            raw = []
            for row in found.reshape(-1, size):
                row = row.tobytes()
                if pad == h5t.STR_SPACEPAD:
                    raw.append(row.rstrip(b" "))
                elif pad == h5t.STR_NULLTERM:
                    raw.append(row.split(b"\0")[0])
                else:
                    raw.append(row.rstrip(b"\0"))
        out = np.empty(shape, object)
        flat = out.reshape(-1)
        for place, text in enumerate(raw):
            flat[place] = text.decode("utf-8")
        return out
    except UnicodeDecodeError:
        raise Damaged(f"{shown(path)}: a text that is not valid UTF-8")


def _attribute(node, name, path):
    """The value of one attribute, or NOTHING where it cannot be represented."""
    found = h5py.h5a.open(node.id, name)
    form, space = found.get_type(), found.get_space()
    if space.get_simple_extent_type() == h5s.NULL:
        return None
    shape = space.get_simple_extent_dims() if space.get_simple_extent_type() == h5s.SIMPLE else ()
    if form.get_class() == h5t.STRING:
        texts = _texts(found, form, shape, path, as_attribute=True)
        return texts if shape else texts[()]
    known = _name_of(form)
    if known is None:
        return NOTHING
    dtype, swapped = known
    data = np.empty(dtypes.count_of(shape) * form.get_size(), np.uint8)
    if data.size:
        found.read(data.view(f"V{form.get_size()}").reshape(shape), mtype=form)
    value = dtypes.array_of(dtype, shape, _little(data, dtype, swapped), shown(path), raw=dtypes.ml_dtypes is None)
    if not shape and dtype in ("int64", "float64", "bool"):
        return value[()].item()
    return value


def _little(data, dtype, swapped):
    if not swapped:
        return data
    item = dtypes.SIZES[dtype] // (2 if dtype.startswith("complex") else 1)
    return np.ascontiguousarray(data.reshape(-1, item)[:, ::-1]).reshape(-1)


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
            raise Unsupported(f"version {version} of the layout; this package reads version 1")
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
        value = _attribute(node, name.encode(), ())
        if isinstance(value, np.ndarray):
            demand(value.size == 1, f"the attribute {name} is no single value")
            value = value.reshape(-1)[0]
        return value.item() if isinstance(value, np.generic) else value

    def _child(self, group, name):
        """A member of a group; hard links alone are followed."""
        link = group.id.links.get_info(name)
        demand(link.type == h5py.h5l.TYPE_HARD,
               f"{visible_name(name)}: a link that is not hard, which the layout does not have")
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
            where = f"/refs/{visible_name(name)}"
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
                demand(isinstance(node, h5py.Group) and self._names(node) == [b"0"], f"{shown(path)}: a Ref of no value")
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
            return str(_texts(node.id, form, (), path)[()])
        known = _name_of(form)
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
        return _little(data, dtype, swapped)

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
            known = _name_of(form)
            if known is None:
                raise Unsupported(f"{shown(path)}: a type that no leaf has")
            leaf.dtype, leaf.swapped = known
        if "refx_dtype" in node.attrs:
            name = self._one(node, "refx_dtype")
            base = {"float8_e4m3fn": "uint8", "int4": "int8", "uint4": "uint8"}.get(name)
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
            raise LimitExceeded(f"the leaves have more than {self._limits.bytes} bytes; raise Limits.bytes to read them")
        return leaf

    @_raises_damaged
    def array(self, leaf, raw=False):
        if leaf.dtype == "string":
            self._check_storage(leaf.dataset, leaf.path)
            array = _texts(leaf.dataset.id, leaf.dataset.id.get_type(), leaf.shape, leaf.path)
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
        text = str(_texts(node.id, form, (), ("metadata",))[()]).encode()
        if "refx_crc32" in node.attrs:
            demand(zlib.crc32(text) == self._one(node, "refx_crc32"),
                   "/metadata is not what refx_crc32 says")
        self.metadata = jsontext.parse(text, "/metadata")
        listed = self.metadata.pop("refx_attributes", [])
        try:
            for path, name, value in listed:
                self.attributes.setdefault(tuple(path), {})[name] = _listed_value(value)
        except (TypeError, ValueError, KeyError) as error:
            raise Damaged(f"/metadata: refx_attributes does not hold together: {error}")

    def _keep_attributes(self, node, path):
        found, texts = {}, []
        for place in range(h5py.h5a.get_num_attrs(node.id)):
            name = h5py.h5a.open(node.id, index=place).name
            if name.decode("utf-8", "replace") in _OURS or name.startswith(b"refx_"):
                continue
            value = _attribute(node, name, path)
            if value is NOTHING:
                self.warnings.append(f"{shown(path)}: the attribute {visible_name(name)} cannot be represented")
                continue
            found[_text(name, path)] = value
            form = h5py.h5a.open(node.id, name).get_type()
            if form.get_class() == h5t.STRING and form.is_variable_str():
                texts.append((name, [value] if isinstance(value, str) else list(value.reshape(-1))))
        if found:
            self.attributes[path] = dict(sorted(found.items(), key=lambda item: item[0].encode()))
        if "refx_texts_crc32" in node.attrs:
            if _texts_crc(texts) != self._one(node, "refx_texts_crc32"):
                self.warnings.append(f"{shown(path)}: its attributes are not those that it was saved with")


def visible_name(name):
    return name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name


def _text(name, path):
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        raise Damaged(f"{shown(path)}: a name that is not valid UTF-8")


def _texts_crc(texts):
    whole = 0
    for name, values in sorted(texts):
        part = struct.pack("<Q", len(name)) + name
        for value in values:
            value = value.encode()
            part += struct.pack("<Q", len(value)) + value
        whole = zlib.crc32(struct.pack("<I", zlib.crc32(part)), whole)
    return whole


def _listed_value(value):
    if value is None:
        return None
    dtype, shape = value["dtype"], tuple(value["shape"])
    if "value" in value:
        return value["value"]
    if "texts" in value:
        found = np.empty(shape, object)
        found.reshape(-1)[:] = value["texts"]
        return found
    data = np.frombuffer(bytearray.fromhex(value["bytes"]), np.uint8)
    array = dtypes.array_of(dtype, shape, data, "an attribute", raw=dtypes.ml_dtypes is None)
    return array[()].item() if not shape and dtype in ("int64", "float64", "bool") else array


def _put(parent, key, value):
    if isinstance(parent, Ref):
        parent.value = value
    else:
        parent[key] = value


def _address(node):
    info = h5o.get_info(node.id)
    return info.fileno, info.addr


def open_path(path, limits=None):
    needed()
    try:
        return HDF5File(path, limits)
    except FileError as error:
        raise type(error)(f"{path}: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise Damaged(f"{path}: {error}") from None


# Writing

def write(path, tree, metadata, attributes, level):
    """Writes an exact tree as a file of the layout."""
    needed()
    kept = {tuple(at): values for at, values in attributes.items()}
    metadata = dict(metadata)
    if "refx_attributes" in metadata:
        raise Unsupported("the metadata has refx_attributes, which is the layout's own")
    with h5py.File(path, "x", libver=("v108", "v110"), track_order=False) as file:
        file.attrs["refx_format"] = np.bytes_(b"refx")
        file.attrs["refx_version"] = np.int64(1)
        file.attrs["refx_structure"] = np.bytes_(hashlib.sha256(b"".join(digests.structure(tree))).hexdigest().encode())
        refs = {}
        group = file.create_group("refs") if any(ref is not None for _, _, ref, _ in sites(tree)) else None
        elsewhere = []
        waiting = [((), file, b"tree", tree)]
        while waiting:
            at, parent, name, node = waiting.pop()
            if isinstance(node, Ref):
                if id(node) in refs:
                    parent.id.links.create_hard(name, file.id, refs[id(node)])
                    continue
                index = len(refs)
                own = refs[id(node)] = b"/refs/%d" % index
                inner = isinstance(node.value, Ref)
                target = _made(group, str(index).encode(), node.value, at, level, "ref" if inner else None)
                target.attrs["refx_index"] = np.uint64(index)
                if node.collection is not None:
                    tag = node.collection
                    if isinstance(tag, int):
                        target.attrs["refx_collection"] = np.int64(tag)
                    else:
                        _set_fixed(target, "refx_collection", tag)
                parent.id.links.create_hard(name, file.id, own)
                node = node.value
                if inner:
                    waiting.append((at + ("0",), target, b"0", node))
            else:
                target = _made(parent, name, node, at, level)
            elsewhere += _write_attributes(target, kept.pop(at, {}), at)
            if isinstance(node, (dict, list, tuple)):
                inside = [(at + (str(key),), target, encoded(str(key)).encode(), member) for key, member in members(node)]
                waiting.extend(reversed(inside))
        if elsewhere:
            metadata["refx_attributes"] = sorted(elsewhere, key=lambda entry: [key.encode() for key in entry[0]])
        if metadata:
            text = jsontext.written(metadata)
            dataset = _fixed_dataset(file, b"metadata", [text], ())
            dataset.attrs["refx_crc32"] = np.uint32(zlib.crc32(text))


def _made(group, name, node, path, level, kind=None):
    """The object of one node, without its members."""
    if len(name) >= 64000:
        raise Unsupported(f"{shown(path[:-1])}: a key of {len(name)} bytes; HDF5 takes names below 64,000")
    if kind == "ref" or isinstance(node, (dict, list, tuple)):
        kind = kind or ("dict" if isinstance(node, dict) else "tuple" if isinstance(node, (tuple, Tuple)) else "list")
        links = h5p.create(h5p.LINK_CREATE)
        links.set_char_encoding(h5t.CSET_UTF8)
        made = h5py.Group(h5g.create(group.id, name, lcpl=links))
    elif getattr(node, "is_leaf", False):
        return _leaf_dataset(group, name, node, path, level)
    elif node is None or node is NOTHING or node is HOLE:
        kind = "none" if node is None else "nothing" if node is NOTHING else "hole"
        made = _dataset(group, name, h5t.STD_U8LE, h5s.create(h5s.NULL))
    else:
        kind = "static"
        if isinstance(node, str):
            made = _fixed_dataset(group, name, [node.encode()], ())
        else:
            value = np.array(node, "bool" if isinstance(node, bool) else "<i8" if isinstance(node, int) else "<f8")
            made = _dataset(group, name, _type_of(value.dtype.name), h5s.create(h5s.SCALAR))
            made.id.write(h5s.ALL, h5s.ALL, value.reshape(-1).view(f"V{value.itemsize}").reshape(()), made.id.get_type())
    made.attrs["refx_node"] = np.bytes_(kind.encode())
    return made


def _dataset(group, name, form, space, settings=None):
    links = h5p.create(h5p.LINK_CREATE)
    links.set_char_encoding(h5t.CSET_UTF8)
    if settings is None:
        settings = h5p.create(h5p.DATASET_CREATE)
    settings.set_obj_track_times(False)
    made = h5d.create(group.id, None, form, space, settings)
    h5o.link(made, group.id, name, lcpl=links)
    return h5py.Dataset(made)


def _fixed_form(texts, path=()):
    """A fixed-size string type that holds the texts as they are, and the texts padded."""
    ends = any(text.endswith(b"\0") for text in texts)
    if ends and any(text.endswith(b" ") for text in texts):
        raise Unsupported(f"{shown(path)}: texts of which one ends in a NUL and another in a space, which HDF5 cannot hold")
    form = h5t.C_S1.copy()
    size = max([1] + [len(text) for text in texts])
    form.set_size(size)
    form.set_cset(h5t.CSET_UTF8)
    form.set_strpad(h5t.STR_SPACEPAD if ends else h5t.STR_NULLPAD)
    return form, b"".join(text.ljust(size, b" " if ends else b"\0") for text in texts)


def _fixed_dataset(group, name, texts, shape, path=()):
    form, data = _fixed_form(texts, path)
    space = h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)
    made = _dataset(group, name, form, space)
    if data and texts:
        made.id.write(h5s.ALL, h5s.ALL, np.frombuffer(data, f"V{form.get_size()}").reshape(shape), form)
    return made


def _set_fixed(target, name, text):
    """A text as an attribute of fixed size, which keeps every character."""
    raw = text.encode()
    if len(raw) > 60000:
        raise Unsupported(f"the name of a collection has {len(raw)} bytes; HDF5 takes 60,000")
    form, data = _fixed_form([raw])
    made = h5py.h5a.create(target.id, name.encode(), form, h5s.create(h5s.SCALAR))
    made.write(np.frombuffer(data, f"V{form.get_size()}").reshape(()), mtype=form)


def _leaf_dataset(group, name, leaf, path, level):
    if len(leaf.shape) > 32:
        raise Unsupported(f"{shown(path)}: {len(leaf.shape)} dimensions; HDF5 has at most 32")
    data = leaf.data(path)
    shape = leaf.shape
    space = h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)
    if leaf.dtype == "string":
        texts = [text.encode() for text in np.asarray(leaf.value).astype(object).reshape(-1)]
        if any(b"\0" in text for text in texts):
            made = _fixed_dataset(group, name, texts, shape, path)
        else:
            form = h5t.py_create(h5py.string_dtype(), logical=True)
            made = _dataset(group, name, form, space)
            if texts:
                made.id.write(h5s.ALL, h5s.ALL, _objects(texts, shape), _python_texts())
    else:
        form, settings = _type_of(leaf.dtype), h5p.create(h5p.DATASET_CREATE)
        if level is not None and shape and len(data) >= 4096:
            settings.set_chunk(chunks.chunk_shape(dtypes.SIZES[leaf.dtype], shape)[0])
            settings.set_shuffle()
            settings.set_deflate(level)
        made = _dataset(group, name, form, space, settings)
        if data.size:
            made.id.write(h5s.ALL, h5s.ALL, data.view(f"V{form.get_size()}").reshape(shape), form)
    made.attrs["refx_crc32"] = np.uint32(zlib.crc32(data))
    if leaf.dtype in ("float8_e4m3fn", "int4", "uint4"):
        made.attrs["refx_dtype"] = np.bytes_(leaf.dtype.encode())
    return made


def _write_attributes(target, values, path):
    """Writes what HDF5 has attributes for; gives the rest, as it stands in the metadata."""
    from .listing import listed_attribute
    texts, elsewhere = [], []
    for name, value in values.items():
        simple = attribute_values.simplest(value, path)
        # Names that begin so are the layout's own.
        if name.startswith("refx_") or not _set(target, name, simple):
            elsewhere.append([list(path), name, listed_attribute(value, path)])
            continue
        held = [simple.encode()] if isinstance(simple, str) else simple[2] if _is_texts(simple) else None
        if held is not None and not any(b"\0" in text for text in held):
            texts.append((name.encode(), [text.decode() for text in held]))
    if texts:
        target.attrs["refx_texts_crc32"] = np.uint32(_texts_crc(texts))
    return elsewhere


def _objects(texts, shape):
    found = np.empty(len(texts), h5py.string_dtype())
    found[:] = texts
    return found.reshape(shape)


def _is_texts(value):
    return isinstance(value, tuple) and value[0] == "string"


def _set(target, name, value):
    """Writes an attribute; False where HDF5 has none for it."""
    raw_name = name.encode()
    if not raw_name or b"\0" in raw_name or len(raw_name) >= 60000:
        return False
    shape, memory = (), None
    if value is None:
        form, space, data = h5t.STD_U8LE, h5s.create(h5s.NULL), None
    elif isinstance(value, str) or _is_texts(value):
        texts = [value.encode()] if isinstance(value, str) else value[2]
        shape = () if isinstance(value, str) else value[1]
        if sum(map(len, texts)) + 16 * len(texts) > 60000:
            return False
        if any(b"\0" in text for text in texts):
            if len(texts) > 1 and any(text.endswith(b"\0") for text in texts):
                return False
            form, data = _fixed_form(texts)
            data = np.frombuffer(data, f"V{form.get_size()}").reshape(shape)
        else:
            form = h5t.py_create(h5py.string_dtype(), logical=True)
            memory, data = _python_texts(), _objects(texts, shape)
    else:
        if not isinstance(value, tuple):
            dtype = "bool" if isinstance(value, bool) else "int64" if isinstance(value, int) else "float64"
            value = dtype, (), np.array(value, np.dtype(dtype).newbyteorder("<")).tobytes()
        dtype, shape, raw = value
        if dtype in ("float8_e4m3fn", "int4", "uint4") or len(raw) > 60000 or len(shape) > 32:
            return False
        form = _type_of(dtype)
        data = np.frombuffer(raw, f"V{form.get_size()}").reshape(shape)
    if value is not None:
        space = h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)
    made = h5py.h5a.create(target.id, raw_name, form, space)
    if data is not None and data.size:
        made.write(data, mtype=memory or form)
    return True
