"""Writing the datasets of one modality row by row.

N utterances, D dims, T frames of one utterance, F frames of all.
"""

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from store.integrity import Entry, write_numbers
from store.slabs import SlabWriter, write_rows


class ModalityWriter:
    """The rows of one modality; its datasets are created with the first present row.

    `present` (N,) bool and `frame_counts` (N,) int64 are kept in memory, the features are not.
    """

    def __init__(self, file: h5py.File, name: str, n: int, dim: int, sequences: bool) -> None:
        self._file = file
        self._name = name
        self._path = f"features/{name}"
        self._dim = dim
        self._has_sequences = sequences
        self._pooled: SlabWriter | None = None
        self._frames: SlabWriter | None = None
        self.row = 0
        self.present = np.zeros(n, dtype=np.bool_)
        self.frame_counts = np.zeros(n, dtype=np.int64)

    def append(
        self, vector: NDArray[Any] | None, n_frames: int, frames: NDArray[Any] | None
    ) -> None:
        """Add the next row; see StoreWriter.append."""
        if vector is None:
            self._append_missing(n_frames, frames)
        else:
            self._append_present(vector, n_frames, frames)
        self.row += 1

    def finish(self) -> dict[str, Entry]:
        """Write the rest; returns the entries of the fingerprint by path."""
        if self._pooled is None:
            return {}
        entries = {f"{self._path}/pooled": self._pooled.finish()}
        arrays: dict[str, NDArray[Any]] = {"present": self.present, "frames": self.frame_counts}
        if self._frames is not None:
            entries[f"{self._path}/sequence/frames"] = self._frames.finish()
            arrays["sequence/offsets"] = np.append(0, np.cumsum(self.frame_counts))
        for name, values in arrays.items():
            path = f"{self._path}/{name}"
            entries[path] = write_numbers(self._file, path, values)
        return entries

    def _append_missing(self, n_frames: int, frames: NDArray[Any] | None) -> None:
        if n_frames != 0 or frames is not None:
            raise ValueError(f"{self._at()}: frames without a vector; a missing row has none")
        if self._pooled is not None:
            self._pooled.add_missing(1)

    def _append_present(
        self, vector: NDArray[Any], n_frames: int, frames: NDArray[Any] | None
    ) -> None:
        if n_frames < 1:
            raise ValueError(f"{self._at()}: {n_frames} frames; expected at least 1")
        if self._has_sequences != (frames is not None):
            wanted = "expected" if self._has_sequences else "given to a store without sequences"
            raise ValueError(f"{self._at()}: frames {wanted}")
        row = self._floats(vector, (self._dim,))
        sequence = None if frames is None else self._floats(frames, (n_frames, self._dim))
        pooled = self._pooled or self._create()
        pooled.add(row[np.newaxis])
        if self._frames is not None and sequence is not None:
            self._frames.add(sequence)
        self.present[self.row] = True
        self.frame_counts[self.row] = n_frames

    def _create(self) -> SlabWriter:
        # Contiguous, because N is known: no chunk index, and any run of rows is one read. Every
        # row is written exactly once, so filling the space beforehand would be work for nothing.
        self._pooled = SlabWriter(
            self._file.create_dataset(
                f"{self._path}/pooled",
                shape=(len(self.present), self._dim),
                dtype="<f4",
                fillvalue=np.nan,
                fill_time="never",
            )
        )
        self._pooled.add_missing(self.row)
        if self._has_sequences:
            self._frames = SlabWriter(
                self._file.create_dataset(
                    f"{self._path}/sequence/frames",
                    shape=(0, self._dim),
                    dtype="<f4",
                    maxshape=(None, self._dim),
                    chunks=(write_rows(self._dim), self._dim),
                    fill_time="never",
                )
            )
        return self._pooled

    def _floats(self, values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
        if values.shape != shape:
            raise ValueError(f"{self._at()}: shape {values.shape}; expected {shape}")
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite: refused below
            floats = values.astype(np.float32, copy=False)
        if not np.isfinite(floats).all():
            raise ValueError(f"{self._at()}: NaN or infinity as float32; expected finite values")
        return floats

    def _at(self) -> str:
        return f"modality {self._name}, row {self.row}"
