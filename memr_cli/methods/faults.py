"""Faults of a method that another package has: what it does and gives is checked and told.

Letters: n rows asked for, C classes.
"""

import importlib
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.errors import MethodUnsupportedError

TOLERANCE = 1e-4
"""How far the probabilities of a row may be from 1 in all: float32 is no more exact."""

WANDERING = 1e-3
"""How far a probability may move with the rows asked for: GPUs compute batches of other sizes by
other ways, in as few as 10 bits."""

_FOLDERS = "|".join(
    re.escape(f"{Path(file).parent}{os.sep}") for file in (__file__, importlib.__file__)
)
_OURS = re.compile(rf"^(?:{_FOLDERS}|<frozen importlib)")
"""Files on the way from memr to other people's code."""


@dataclass(frozen=True)
class Faults:
    """Those of one method. of: it and its package in words."""

    of: str

    def broken(self, what: str) -> MethodUnsupportedError:
        """The error that tells of a fault."""
        return MethodUnsupportedError(
            f"{self.of} failed: {what}. Mend or update the package, or leave the method out."
        )

    @contextmanager
    def code(self, function: str) -> Iterator[None]:
        """Around what the package does: its exceptions become ours, and what it prints no result.

        Raises MethodUnsupportedError for any exception but those of the system or the person.
        """
        try:
            with redirect_stdout(sys.stderr):
                yield
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:
            raise self.broken(f"{function} raised {told(error)}") from error

    def as_float32(self, name: str, value: Any) -> NDArray[np.float32]:
        """An array that is kept. float64 is rounded; what would become another number is refused.

        Raises MethodUnsupportedError for what is no number, whole numbers that float32 cannot hold,
        and what would become infinite.
        """
        with self.code("to_arrays"):
            given = np.asarray(value)
        if given.dtype.kind not in "biuf":
            raise self.broken(
                f"to_arrays gave {name} of type {given.dtype}, expected numbers; keep text and "
                "objects as numbers, or make them anew in from_arrays"
            )
        with np.errstate(over="ignore"):
            kept = np.array(given, np.float32, order="C")
        integers = given.dtype.kind in "iu"
        lost = kept.astype(np.float64) != given if integers else np.isinf(kept) & np.isfinite(given)
        if lost.any():
            raise self.broken(
                f"to_arrays gave {name} with {given[lost].flat[0]}, which float32 cannot hold; "
                "whole numbers are exact up to 16777216"
            )
        return kept

    def probabilities(self, said: NDArray[Any], expected: tuple[int, int]) -> NDArray[np.float64]:
        """(n, C) what predict_proba said, each row divided by its sum.

        Raises MethodUnsupportedError for another shape than expected, (n, C), and for rows that
        are no probabilities.
        """
        if said.shape != expected or said.dtype.kind not in "fiub":
            raise self.broken(
                f"predict_proba gave an array of shape {said.shape} and type {said.dtype}, "
                f"expected numbers of shape {expected}: a row an utterance, a column a class"
            )
        given = said.astype(np.float64)
        total = given.sum(axis=1, keepdims=True)
        fine = (given >= 0) & (abs(total - 1) <= TOLERANCE)  # NaN is neither
        if not fine.all():
            row = int(np.flatnonzero(~fine.all(axis=1))[0])
            shown = ", ".join(f"{value:.4g}" for value in given[row])
            raise self.broken(
                f"predict_proba gave no probabilities in row {row}: {shown}; expected numbers "
                "from 0 up that sum to 1"
            )
        probabilities: NDArray[np.float64] = given / total
        return probabilities

    def check_steady(
        self, among_others: NDArray[np.float64], by_themselves: NDArray[np.float64], unit: str
    ) -> None:
        """Compare what predict_proba said of the same rows (n, C) with others in X and without.

        unit: what a row may depend on, in words. Raises MethodUnsupportedError where they differ.
        """
        moved = abs(among_others - by_themselves)
        if moved.max(initial=0) <= WANDERING:
            return
        place = np.unravel_index(moved.argmax(), moved.shape)
        raise self.broken(
            f"predict_proba gave {among_others[place]:.4g} for a class of an utterance that it was "
            f"asked of among others, and {by_themselves[place]:.4g} with fewer others; expected "
            f"the same, since it is to depend on {unit} alone: not on what else is in X, such as "
            "the mean of its rows, nor on chance"
        )


def told(error: BaseException) -> str:
    """An exception of other people's code in one line: what it says, and where it arose."""
    says = " ".join(str(error).split())
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not _OURS.search(frame.filename)]
    where = f" ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno})" if theirs else ""
    return f"{type(error).__name__}{': ' if says else ''}{says}{where}"
