"""The feature store of memr: one HDF5 file, as FORMAT.md specifies it; knows nothing of memr."""
