"""Writes the refx layout of HDF5 through h5py."""

import hashlib
import zlib

import numpy as np

from . import chunks, digests, dtypes, hdf5_attributes, jsontext
from .errors import Unsupported, shown
from .hdf5_types import HELD_AS, encoded, fixed_form, objects, python_texts, type_of
from .outline import Tuple
from .tree import HOLE, NOTHING, Ref, members, sites

try:
    import h5py
    from h5py import h5d, h5g, h5o, h5p, h5s, h5t
except ImportError:
    h5py = None


def write(path, tree, metadata, attributes, level):
    """Writes an exact tree as a file of the layout."""
    kept = {tuple(at): values for at, values in attributes.items()}
    for at, node, _, _ in sites(tree):
        if getattr(node, "is_leaf", False) and len(node.shape) > 32:
            raise Unsupported(f"{shown(at)}: {len(node.shape)} dimensions; HDF5 has at most 32")
        if at and len(encoded(at[-1]).encode()) >= 64000:
            raise Unsupported(f"{shown(at[:-1])}: a key of {len(encoded(at[-1]).encode())} bytes; HDF5 takes names below 64,000")
    metadata = dict(metadata)
    if "refx_attributes" in metadata:
        raise Unsupported("the metadata has refx_attributes, which is the layout's own")
    with h5py.File(path, "w", libver=("v108", "v110"), track_order=False) as file:
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
                        hdf5_attributes.set_fixed(target, "refx_collection", tag)
                parent.id.links.create_hard(name, file.id, own)
                node = node.value
                if inner:
                    waiting.append((at + ("0",), target, b"0", node))
            else:
                target = _made(parent, name, node, at, level)
            elsewhere += hdf5_attributes.write(target, kept.pop(at, {}), at)
            if isinstance(node, (dict, list, tuple)):
                for key, member in reversed(list(members(node))):
                    waiting.append((at + (str(key),), target, encoded(str(key)).encode(), member))
        if elsewhere:
            metadata["refx_attributes"] = sorted(elsewhere, key=lambda entry: [key.encode() for key in entry[0]])
        if metadata:
            text = jsontext.written(metadata)
            dataset = _fixed_dataset(file, b"metadata", [text], ())
            dataset.attrs["refx_crc32"] = np.uint32(zlib.crc32(text))


def _made(group, name, node, path, level, kind=None):
    """The object of one node, without its members."""
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
            made = _dataset(group, name, type_of(value.dtype.name), h5s.create(h5s.SCALAR))
            data = value.reshape(-1).view(f"V{value.itemsize}").reshape(())
            made.id.write(h5s.ALL, h5s.ALL, data, made.id.get_type())
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


def _fixed_dataset(group, name, texts, shape, path=()):
    form, data = fixed_form(texts, path)
    space = h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)
    made = _dataset(group, name, form, space)
    if data and texts:
        made.id.write(h5s.ALL, h5s.ALL, np.frombuffer(data, f"V{form.get_size()}").reshape(shape), form)
    return made


def _leaf_dataset(group, name, leaf, path, level):
    data = leaf.data(path)
    shape = leaf.shape
    space = h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)
    if leaf.dtype == "string":
        texts = [text.encode() for text in dtypes.texts_of(shape, data.tobytes(), shown(path)).reshape(-1)]
        if any(b"\0" in text for text in texts):
            made = _fixed_dataset(group, name, texts, shape, path)
        else:
            form = h5t.py_create(h5py.string_dtype(), logical=True)
            made = _dataset(group, name, form, space)
            if texts:
                made.id.write(h5s.ALL, h5s.ALL, objects(texts, shape), python_texts())
    else:
        form, settings = type_of(leaf.dtype), h5p.create(h5p.DATASET_CREATE)
        if level is not None and shape and len(data) >= 4096:
            settings.set_chunk(chunks.chunk_shape(dtypes.SIZES[leaf.dtype], shape)[0])
            settings.set_shuffle()
            settings.set_deflate(level)
        made = _dataset(group, name, form, space, settings)
        if data.size:
            made.id.write(h5s.ALL, h5s.ALL, data.view(f"V{form.get_size()}").reshape(shape), form)
    made.attrs["refx_crc32"] = np.uint32(zlib.crc32(data))
    if leaf.dtype in HELD_AS:
        made.attrs["refx_dtype"] = np.bytes_(leaf.dtype.encode())
    return made
