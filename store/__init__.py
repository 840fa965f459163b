"""The feature store of memr: one HDF5 file, specified in FORMAT.md; needs numpy and h5py only."""
