import RefxHDF5
