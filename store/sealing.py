"""Whether the content of an open store is what its checksums say, each looked at once.

The fingerprint follows from the checksums of the datasets, so content that agrees with its checksum
is the content that the fingerprint names. N rows, D dims.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.hashing import ContentHash, fingerprint
from store.layout import Layout
from store.violations import Rule, Violation


def chain_violations(layout: Layout) -> list[Violation]:
    """What keeps the fingerprint of a sound structure from following from the checksums.

    Reads no content.
    """
    found, expected = "missing", "64 hexadecimal digits"
    missing = sorted(layout.datasets.keys() - layout.entries.keys())
    if missing:
        places = [f"{path} attribute sha256" for path in missing]
        return [Violation(Rule.CHECKSUM, place, found, expected) for place in places]
    right = fingerprint(layout.class_names or (), bool(layout.synthetic), layout.entries)
    if layout.fingerprint == right:
        return []
    return [Violation(Rule.FINGERPRINT, "attribute fingerprint", str(layout.fingerprint), right)]


class Seals:
    """The checksums of an open store's datasets, and which of them were confirmed.

    A store is never changed in place, so a dataset is hashed once for as long as its file is open.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._confirmed: set[str] = set()

    def confirmed(self, path: str) -> bool:
        """Whether the content of a dataset was found to be what its checksum says."""
        return path in self._confirmed

    def confirm(self, path: str, content: ContentHash) -> list[Violation]:
        """Compare all of a dataset's content with its checksum; returns the breaches."""
        stated = self._layout.entries[path].sha256
        if content.hexdigest() != stated:
            found, expected = "other values than were written", f"those of sha256 {stated}"
            return [Violation(Rule.CHECKSUM, path, found, expected)]
        self._confirmed.add(path)
        return []

    def confirm_values(self, path: str, values: NDArray[Any]) -> list[Violation]:
        """The same for values just read, unless they were confirmed before."""
        if self.confirmed(path):
            return []
        content = ContentHash()
        content.add(values)
        return self.confirm(path, content)

    def confirm_rows(self, path: str, rows: "RowCheck") -> list[Violation]:
        """The same for features that `rows` was shown, and whether they follow their rules."""
        return rows.violations(path) or self.confirm(path, rows.content)


class RowCheck:
    """Looks at the rows (N, D) of a dataset of features, shown to it in order, slab by slab.

    present: (N,) which of them are to be finite; the others are to be NaN. All, where it is None.
    """

    def __init__(self, present: NDArray[np.bool_] | None) -> None:
        self.content = ContentHash()
        self._present = present
        self._seen = 0
        self._wrong: int | None = None

    def show(self, slab: NDArray[np.float32]) -> None:
        """The next rows (n, D)."""
        self.content.add_numbers(slab)
        right = np.asarray(np.isfinite(slab).all(axis=1))
        if self._present is not None:
            missing = np.flatnonzero(~self._present[self._seen : self._seen + len(slab)])
            right[missing] = np.isnan(slab[missing]).all(axis=1)
        if self._wrong is None and not right.all():
            self._wrong = self._seen + int(right.argmin())
        self._seen += len(slab)

    def violations(self, path: str) -> list[Violation]:
        """The breach that was seen."""
        if self._wrong is None:
            return []
        if self._present is None:
            expected, rule = "finite values", Rule.SEQUENCE_FINITE
        elif self._present[self._wrong]:
            expected, rule = "finite values where present", Rule.POOLED_FINITE
        else:
            expected, rule = "NaN throughout where missing", Rule.POOLED_MISSING
        return [Violation(rule, path, f"row {self._wrong}", expected)]
