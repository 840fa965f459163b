"""Writing a store row by row, in memory that does not grow with the features.

N utterances, D dims, T frames of one utterance.
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from store.hdf5 import MAX_ATTRIBUTE_BYTES, write_attribute
from store.integrity import Entry, fingerprint, provenance_sha256, write_numbers, write_texts
from store.modality_writer import ModalityWriter
from store.rules import (
    TEXT_EXPECTED,
    column_violations,
    is_scalar,
    label_index,
    speaker_index,
    text_problem,
)
from store.schema import FORMAT_NAME, FORMAT_VERSION, MODALITY_NAME, NAME_LISTS, Scalar
from store.utterances import Utterances


class StoreWriter:
    """Writes a store into a file of its own; a context manager that closes the file.

    Call `add_modality` for each modality, `append` for each row of each modality in store order,
    then `finish`. Leaving the block without `finish` raises RuntimeError, so that no unfinished
    file replaces a store. Wrap it in `atomic.replacing`: a file at `path` is overwritten.

    Wrong arguments raise ValueError; a system that refuses (disk full, permission) OSError.
    """

    def __init__(
        self,
        path: Path,
        utterances: Utterances,
        class_names: Sequence[str],
        *,
        provenance: Mapping[str, Scalar],
        synthetic: bool,
        sequences: bool = False,
    ) -> None:
        texts, numbers = _columns(utterances, class_names)
        _refuse_wrong_columns(texts, numbers)
        _refuse_wrong_provenance(provenance)
        self._n = len(utterances)
        self._synthetic = bool(synthetic)
        self._provenance = dict(provenance)
        self._sequences = sequences
        self._modalities: dict[str, ModalityWriter] = {}
        self._finished = False
        self._entries: dict[str, Entry] = {}
        self._sink = Sink(path)
        # In the form of HDF5 1.10, most structures have checksums, so damage is noticed.
        self._file = h5py.File(self._sink, "w", libver=("v110", "v110"))
        try:
            self._write_columns(texts, numbers)
            self._file.create_group("provenance")
            self._sink.raise_refusal()
        except BaseException:
            self._close_quietly()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close_quietly()
        if kind is None and not self._finished:
            raise RuntimeError("the store is not finished; call StoreWriter.finish")

    def add_modality(self, name: str, dim: int) -> None:
        """Announce a modality of `dim` dims; its name is lower-case letters, digits and `_`.

        It enters the store with its first present row, and not at all without one.
        """
        if not MODALITY_NAME.fullmatch(name):
            raise ValueError(f"modality {name!r}; expected a name like 'visual' or 'gaze_2'")
        if name in self._modalities:
            raise ValueError(f"modality {name} was added already")
        if dim < 1:
            raise ValueError(f"modality {name} has {dim} dims; expected at least 1")
        self._modalities[name] = ModalityWriter(self._file, name, self._n, dim, self._sequences)

    def append(
        self,
        name: str,
        vector: NDArray[Any] | None,
        n_frames: int,
        frames: NDArray[Any] | None = None,
    ) -> None:
        """Add the next row of a modality.

        vector: (D,) pooled features, or None where the modality is missing. n_frames: how many
        frames were pooled; 0 where missing. frames: (T, D) with T = n_frames, given for every
        present row of a store with sequences and for no other. Values have to be finite as float32.
        """
        if name not in self._modalities:
            raise ValueError(f"no modality {name}; added: {', '.join(self._modalities) or 'none'}")
        modality = self._modalities[name]
        if modality.row == self._n:
            raise ValueError(f"modality {name} has its {self._n} rows already")
        modality.append(vector, n_frames, frames)
        self._sink.raise_refusal()

    def finish(self, provenance: Mapping[str, Scalar] | None = None) -> str:
        """Write what is left, checksums and fingerprint, and close; returns the fingerprint.

        `provenance` adds what is known only now, such as a hash over all that was read. Raises
        ValueError where a modality has fewer than N rows, or none has a present row.
        """
        self._provenance |= provenance or {}
        _refuse_wrong_provenance(self._provenance)
        for name, modality in self._modalities.items():
            if modality.row != self._n:
                raise ValueError(f"modality {name} has {modality.row} rows; expected {self._n}")
        if not any(modality.present.any() for modality in self._modalities.values()):
            raise ValueError("no modality has a present row; a store holds at least one")
        for modality in self._modalities.values():
            self._entries.update(modality.finish())
        for path, entry in self._entries.items():
            write_attribute(self._file[path], "sha256", entry.sha256)
        mark = fingerprint(self._synthetic, self._entries)
        self._write_root(mark)
        for name, value in self._provenance.items():
            write_attribute(self._file["provenance"], name, value)
        self._file.close()
        self._sink.raise_refusal()
        self._finished = True
        return mark

    def _write_columns(
        self, texts: Mapping[str, Sequence[str]], numbers: Mapping[str, NDArray[Any]]
    ) -> None:
        for path, strings in texts.items():
            self._entries[path] = write_texts(self._file, path, strings)
        for path, values in numbers.items():
            self._entries[path] = write_numbers(self._file, path, values)

    def _write_root(self, mark: str) -> None:
        values: dict[str, Scalar] = {
            "format": FORMAT_NAME,
            "format_version": FORMAT_VERSION,
            "synthetic": self._synthetic,
            "fingerprint": mark,
            "provenance_sha256": provenance_sha256(self._provenance),
        }
        for name, value in values.items():
            write_attribute(self._file, name, value)

    def _close_quietly(self) -> None:
        """Close an abandoned file; errors would only hide why it was abandoned."""
        with contextlib.suppress(OSError, RuntimeError):
            self._file.close()
        self._sink.close()


def _columns(
    utterances: Utterances, class_names: Sequence[str]
) -> tuple[dict[str, Sequence[str]], dict[str, NDArray[Any]]]:
    """Texts and numbers of the store by dataset path."""
    texts: dict[str, Sequence[str]] = {"utterances/id": utterances.ids, "names/class": class_names}
    numbers: dict[str, NDArray[Any]] = {}
    for name in NAME_LISTS:
        texts[f"names/{name}"] = getattr(utterances, f"{name}s")
    for name in (*NAME_LISTS, "turn", "label"):
        numbers[f"utterances/{name}"] = np.asarray(getattr(utterances, name), np.int32)
    numbers["utterances/source_row"] = np.asarray(utterances.source_row, np.int64)
    lengths = {len(utterances), *(len(column) for column in numbers.values())}
    if len(lengths) > 1:
        raise ValueError(f"columns of one length expected, found lengths {sorted(lengths)}")
    numbers["index/speaker"] = speaker_index(
        numbers["utterances/speaker"], len(utterances.speakers)
    )
    numbers["index/label"] = label_index(numbers["utterances/label"])
    return texts, numbers


def _refuse_wrong_columns(
    texts: Mapping[str, Sequence[str]], numbers: Mapping[str, NDArray[Any]]
) -> None:
    for where, strings in texts.items():
        for text in strings:
            problem = text_problem(text.encode("utf-8", "surrogatepass"))
            if problem is not None:
                raise ValueError(f"{where}: {problem}; expected {TEXT_EXPECTED}")
    for violation in column_violations(texts, numbers):
        raise ValueError(str(violation))


def _refuse_wrong_provenance(provenance: Mapping[str, Scalar]) -> None:
    for name, value in provenance.items():
        if not is_scalar(value):
            raise ValueError(
                f"provenance {name} is {value!r}; expected a text, a bool, an int64 "
                "or a finite float"
            )
        if isinstance(value, str) and len(value.encode()) > MAX_ATTRIBUTE_BYTES:
            raise ValueError(
                f"provenance {name} has {len(value.encode())} bytes; "
                f"expected at most {MAX_ATTRIBUTE_BYTES}"
            )


class Sink:
    """The file that HDF5 writes into; keeps the first error of the system from HDF5.

    After a failed write (disk full, quota) HDF5 cannot close its file: it reports the failure from
    destructors and may crash the interpreter on exit. So after one error nothing more is written
    and HDF5 sees success; the owner calls `raise_refusal` after each step and deletes the file. A
    KeyboardInterrupt within a write is kept likewise. The other methods are those of a Python file
    that h5py calls.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._refusal: BaseException | None = None

    def raise_refusal(self) -> None:
        """Raise the error that was kept, if any."""
        if self._refusal is not None:
            raise self._refusal

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position in the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The position in the file."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes | None:
        """Read from the position; h5py recognises a file by this method."""
        return self._file.read(size)

    def readinto(self, buffer: Any) -> int | None:
        """Read into a buffer from the position."""
        return self._file.readinto(buffer)

    def write(self, content: Any) -> int:
        """Write all of `content`, or keep the error; returns its size either way."""
        rest = memoryview(content)
        size = len(rest)
        try:
            while self._refusal is None and len(rest):
                rest = rest[self._file.write(rest) :]  # the system may take a part at a time
        except BaseException as error:
            self._refusal = error
        return size

    def truncate(self, size: int) -> int:
        """Set the size of the file, or keep the error."""
        try:
            if self._refusal is None:
                self._file.truncate(size)
        except BaseException as error:
            self._refusal = error
        return size

    def flush(self) -> None:
        """Do nothing: there is no buffer."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()
