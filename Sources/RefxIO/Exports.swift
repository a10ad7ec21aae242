// One import is enough: whoever saves a model names its Refs, tensors and trees, and what a file holds.
@_exported import Refx
@_exported import RefxHDF5
@_exported import RefxStore
