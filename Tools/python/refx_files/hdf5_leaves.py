"""What the datasets of a file of the HDF5 layout hold: leaves and static values, and their elements."""

import functools
import math
import zlib

import numpy as np

from . import dtypes
from .catalogue import RANK
from .errors import Damaged, FileError, LimitExceeded, Unsupported, demand, shown, visible
from .hdf5_types import HELD_AS, little, name_of, texts_of

try:
    from h5py import h5d, h5s, h5t
except ImportError:
    h5d = None

_FILTERS = (1, 2, 3)  # deflate, shuffle, fletcher32
_CHUNK = 64 << 20
# No file of deflate streams holds more bytes for each of its own.
_MOST = 1040


class Leaf:
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


def raises_damaged(function):
    """What h5py and libhdf5 raise about a file is damage."""
    @functools.wraps(function)
    def wrapped(*arguments, **options):
        try:
            return function(*arguments, **options)
        except FileError:
            raise
        except (RuntimeError, ValueError, LookupError, TypeError, OSError, AttributeError, ArithmeticError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise Damaged(f"libhdf5 cannot read it: {visible(str(error))}") from None
    return wrapped


class Elements:
    """Reads the datasets of one file of `file_size` bytes, which bounds what they may declare."""

    def __init__(self, file_size, limits):
        self._limits = limits
        self._most = (256 << 20) + _MOST * file_size
        self._chunk = max(_CHUNK, 4 * file_size)
        self._declared = self._bytes = 0

    def leaf(self, node, attributes, path):
        """The leaf that a dataset is; `attributes` gives the value of one of the layout's attributes, or None."""
        leaf = Leaf()
        leaf.dataset, leaf.shape, leaf.path = node, tuple(node.shape), path
        demand(len(leaf.shape) <= RANK, f"{len(leaf.shape)} dimensions", path)
        form = node.id.get_type()
        leaf.dtype, leaf.swapped = ("string", False) if form.get_class() == h5t.STRING else name_of(form) or (None, None)
        if leaf.dtype is None:
            raise Unsupported(f"{shown(path)}: a type that no leaf has")
        name = attributes("refx_dtype")
        if name is not None:
            if not isinstance(name, str) or name not in HELD_AS:
                raise Unsupported(f"{shown(path)}: the dtype {name!r}, which this package does not know: install a newer one")
            demand(leaf.dtype == HELD_AS[name], f"the dtype {name} as {leaf.dtype}", path)
            leaf.dtype = name
        leaf.crc = attributes("refx_crc32")
        demand(leaf.crc is None or type(leaf.crc) is int, "refx_crc32 is no number", path)
        self._count(leaf, form)
        return leaf

    def _count(self, leaf, form):
        """Refuses what declares more than its file can hold: mostly fill values, or a lie."""
        self._bytes += leaf.size
        if self._bytes > self._limits.bytes:
            raise LimitExceeded(
                f"the leaves have more than {self._limits.bytes} bytes; raise Limits.bytes to read them")
        self._declared += dtypes.count_of(leaf.shape) * form.get_size()
        if self._declared > self._most:
            raise LimitExceeded(f"{shown(leaf.path)}: the leaves up to here declare {self._declared} bytes, "
                                f"far more than the file can hold ({self._most})")

    def static(self, node, path):
        """The value of a dataset that is a static one."""
        demand(node.shape == (), "a static value that is no single one", path)
        form = node.id.get_type()
        if form.get_class() == h5t.STRING:
            return self.text(node, form, path)
        known = name_of(form)
        demand(known is not None, "a static value of no known type", path)
        dtype, swapped = known
        value = dtypes.array_of(dtype, (), self._bytes_of(node, swapped, path), shown(path), raw=True)[()].item()
        demand(isinstance(value, (bool, int, float)) and not (isinstance(value, int) and value >= 1 << 63),
               f"a static value of the dtype {dtype}", path)
        return value

    def text(self, node, form, path):
        """The text of a dataset that holds a single one."""
        size, stored = form.get_size(), node.id.get_storage_size()
        if size > max(1 << 20, _MOST * stored):
            raise LimitExceeded(f"{shown(path)}: a text of {size} bytes, of which the file holds {stored}")
        self._check_storage(node, form, path)
        return str(texts_of(node.id, form, (), path)[()])

    def array(self, leaf, raw):
        """The elements of a leaf, checked."""
        if leaf.dtype == "string":
            self._check_storage(leaf.dataset, leaf.dataset.id.get_type(), leaf.path)
            array = texts_of(leaf.dataset.id, leaf.dataset.id.get_type(), leaf.shape, leaf.path)
            data = dtypes.text_bytes(array, leaf.path)
        else:
            data, array = self._bytes_of(leaf.dataset, leaf.swapped, leaf.path, leaf.dtype), None
        found = zlib.crc32(data)
        demand(leaf.crc is None or found == leaf.crc,
               f"the elements have the CRC-32 {found:08x}, and refx_crc32 says {leaf.crc or 0:08x}", leaf.path)
        return array if array is not None else dtypes.array_of(leaf.dtype, leaf.shape, data, shown(leaf.path), raw)

    def _bytes_of(self, node, swapped, path, dtype=None):
        """The elements of a dataset, little-endian, in C order."""
        form = node.id.get_type()
        self._check_storage(node, form, path)
        data = np.empty(dtypes.count_of(node.shape) * form.get_size(), np.uint8)
        if data.size:
            # As the file has it, so that nothing is converted.
            node.id.read(h5s.ALL, h5s.ALL, data.view(f"V{form.get_size()}").reshape(node.shape), form)
        return little(data, dtype or name_of(form)[0], swapped)

    def _check_storage(self, node, form, path):
        settings = node.id.get_create_plist()
        layout = settings.get_layout()
        if layout == getattr(h5d, "VIRTUAL", 3) or settings.get_external_count():
            raise Unsupported(f"{shown(path)}: its elements lie in another file")
        if layout != h5d.CHUNKED:
            return
        size = math.prod(settings.get_chunk()) * form.get_size()
        if size > self._chunk:
            raise LimitExceeded(f"{shown(path)}: chunks of {size} bytes; {self._chunk} are read")
        filters = [settings.get_filter(n)[0] for n in range(settings.get_nfilters())]
        if any(number not in _FILTERS for number in filters) or len(set(filters)) != len(filters):
            raise Unsupported(f"{shown(path)}: the filters {filters}; deflate, shuffle and fletcher32 are read")
