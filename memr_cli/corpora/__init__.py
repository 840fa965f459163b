"""Raw layouts become utterances with features; no torch, no h5py."""
