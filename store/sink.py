"""The file that HDF5 writes a store into."""

import os
from pathlib import Path
from typing import Any


class Sink:
    """A new file that keeps the first refusal of the system for its owner and lets HDF5 go on.

    HDF5 that sees a write fail (disk full, quota) cannot close its file any more: it reports the
    failure from destructors and may crash the interpreter on exit. So once a write was refused,
    nothing more is written and HDF5 is told that all is well; the owner calls `raise_refusal`
    after each step and throws the file away. The same holds for an interrupt from the keyboard
    that arrives within a write. The other methods are those of a Python file that h5py calls.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._refusal: BaseException | None = None

    def raise_refusal(self) -> None:
        """Raise what the system refused with, if it did."""
        if self._refusal is not None:
            raise self._refusal

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place in the file."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes | None:
        """Read from the place in the file; h5py knows a file by this method."""
        return self._file.read(size)

    def readinto(self, buffer: Any) -> int | None:
        """Read into a buffer from the place in the file."""
        return self._file.readinto(buffer)

    def write(self, content: Any) -> int:
        """Write all of `content`, or keep the refusal; returns its size either way."""
        rest = memoryview(content)
        size = len(rest)
        try:
            while self._refusal is None and len(rest):
                rest = rest[self._file.write(rest) :]  # the system may take a part at a time
        except BaseException as error:
            self._refusal = error
        return size

    def truncate(self, size: int) -> int:
        """Set the size of the file, or keep the refusal."""
        try:
            if self._refusal is None:
                self._file.truncate(size)
        except BaseException as error:
            self._refusal = error
        return size

    def flush(self) -> None:
        """Nothing is buffered here."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()
