"""The refx layout of HDF5.

libhdf5 itself decodes a file here, and it was not made for files that mean harm: those from strangers go through
the command `refx convert` first.
"""

from . import hdf5_reader, hdf5_writer
from .errors import Damaged, FileError, Unsupported, visible

try:
    import h5py
except ImportError:
    h5py = None


def needed(path):
    if h5py is None:
        raise Unsupported(f"{path}: HDF5 needs the package h5py; install it (pip install h5py)")


def open_path(path, limits=None):
    needed(path)
    try:
        return hdf5_reader.HDF5File(path, limits)
    except FileError as error:
        raise type(error)(f"{path}: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise Damaged(f"{path}: libhdf5 cannot open it: {visible(str(error))}") from None


def write(path, tree, metadata, attributes, level):
    """Writes an exact tree as a file of the layout."""
    needed(path)
    hdf5_writer.write(path, tree, metadata, attributes, level)
