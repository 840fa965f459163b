"""The numbers themselves: dims that never vary, that repeat others, and values far outside.

N utterances, D dims, n rows that take part.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.audit.findings import Checked, Finding, Severity, counted, few, percent
from memr_cli.evaluation.columns import Rows
from memr_cli.evaluation.protocols import Fold
from memr_cli.evaluation.similarity import duplicates, extents

ROWS = 5000
"""Rows by which dims are compared with one another, at most."""
ALIKE = 0.9999
MIDDLE, RANGES, MANY_RANGES = 99.0, 10.0, 100.0
OFTEN = 0.01
WAKING = 0.05
_BLOCK = 256

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


def check_dims(
    name: str, features: Floats, rows: Rows, cut: Sequence[Fold], rng: np.random.Generator
) -> Checked:
    """Dims that never vary and dims that repeat another; rows (n,) are those present."""
    if rows.size < 2:
        return Checked()
    n_dims = features.shape[1]
    dead = _constant(features, rows, np.ones(n_dims, np.bool_))
    in_training = _dead_in_training(features, rows, cut, ~dead)
    some = np.sort(rng.choice(rows, ROWS, replace=False)) if rows.size > ROWS else rows
    repeats = duplicates(features[some], ALIKE)
    findings = []
    if dead.any() or in_training.any():
        n_dead, n_waking = int(dead.sum()), int(in_training.sum())
        many = 2 * n_dead >= n_dims or n_waking >= WAKING * n_dims
        words = [f"{n_dead} of {n_dims} {name} dims never vary"] * (n_dead > 0)
        waking = f"{n_waking} of {n_dims} {name} dims vary in a fold's test part, not in training"
        words += [waking] * (n_waking > 0)
        findings.append(
            Finding(
                "dead_dimensions",
                Severity.WARNING if many else Severity.INFO,
                n_dead + n_waking,
                f"{'; '.join(words)}.",
                name,
            )
        )
    if repeats.any():
        n_repeats = int(repeats.sum())
        findings.append(
            Finding(
                "duplicated_dimensions",
                Severity.WARNING if 2 * n_repeats >= n_dims else Severity.INFO,
                n_repeats,
                f"{n_repeats} of {n_dims} {name} dims repeat another one (numbers from 0: "
                f"{few([str(dim) for dim in np.flatnonzero(repeats)])}).",
                name,
            )
        )
    numbers: dict[str, Any] = {
        "dims": n_dims,
        "dead": int(dead.sum()),
        "dead_in_training": int(in_training.sum()),
        "duplicated": int(repeats.sum()),
    }
    return Checked({"dimensions": numbers}, tuple(findings))


def check_outliers(name: str, features: Floats, rows: Rows, ids: Sequence[str]) -> Checked:
    """Values far outside the rest; rows (n,) are those present."""
    middle, extent = extents(features, rows, MIDDLE)
    usual = np.median(extent[extent > 0]) if (extent > 0).any() else 0.0
    unit = np.where(extent > 0, extent, usual)
    n_values, affected, distance = 0, np.zeros(rows.size, np.bool_), np.zeros(rows.size)
    for start in range(0, features.shape[1], _BLOCK):
        here = slice(start, start + _BLOCK)
        off = np.abs(features[rows, here] - middle[here])
        ranges = np.divide(off, unit[here], out=np.zeros_like(off), where=unit[here] > 0)
        n_values += int((ranges > RANGES).sum())
        affected |= (ranges > RANGES).any(axis=1)
        distance = np.maximum(distance, ranges.max(axis=1))
    n = int(affected.sum())
    share = n / rows.size if rows.size else 0.0
    furthest = float(distance.max(initial=0))
    numbers = {
        "utterances": n,
        "values": n_values,
        "share": share,
        "furthest": furthest,
        "nearly_dead": int((extent == 0).sum()),
    }
    if not n:
        return Checked({"outliers": numbers})
    names = [ids[row] for row in rows[np.argsort(-distance, kind="stable")[:n]]]
    message = (
        f"{counted(n, 'utterance has', 'utterances have')} {name} values far outside the rest "
        f"({percent(share)}: {few(names)}); the furthest lies {furthest:.0f} times the range of "
        "the middle 99 % away from the median of its dim."
    )
    often = share >= OFTEN or furthest >= MANY_RANGES
    severity = Severity.WARNING if often else Severity.INFO
    return Checked({"outliers": numbers}, (Finding("outliers", severity, n, message, name),))


def _constant(features: Floats, rows: Rows, among: Mask) -> Mask:
    """(D,) those of the dims `among` (D,) that are one number in all of these rows."""
    constant = among.copy()
    for start in range(0, rows.size, _BLOCK):
        if not constant.any():
            break
        block = features[rows[start : start + _BLOCK]]
        constant &= (block == features[rows[0]]).all(axis=0)
    return constant


def _dead_in_training(features: Floats, rows: Rows, cut: Sequence[Fold], alive: Mask) -> Mask:
    """(D,) the dims alive that a training part holds constant, though its test part does not."""
    found = np.zeros(alive.size, np.bool_)
    present = np.zeros(len(features), np.bool_)
    present[rows] = True
    for fold in cut:
        train, test = (part[present[part]] for part in (fold.train, fold.test))
        if train.size and test.size:
            asleep = _constant(features, train, alive)
            found |= asleep & ~_constant(features, np.concatenate([train, test]), asleep)
    return found
