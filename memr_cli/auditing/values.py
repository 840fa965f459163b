"""Feature values: dims that never vary or repeat others, outliers, and missing modalities.

N utterances, D dims, n rows that take part.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from memr_cli.auditing.findings import Checked, Code, Severity, counted, few, percent
from memr_cli.evaluation.columns import Codes, Columns, Rows
from memr_cli.evaluation.protocols import Fold
from memr_cli.evaluation.similarity import duplicates, extents
from memr_cli.results.audit import Dimensions, Finding, Missing, Outliers, Unevenness
from memr_cli.results.schema import UNSET, UnsetType

ROWS = 5000
"""Dims are compared with one another on at most so many rows."""
ALIKE = 0.9999
"""The correlation from which on two dims are one."""
VARYING_IN_TEST = 0.05
"""The share of dims constant in training alone that is worth a warning."""
MIDDLE, RANGES, MANY_RANGES = 99.0, 10.0, 100.0
"""An outlier is RANGES ranges of the middle 99 % from the median; MANY_RANGES is a warning."""
OFTEN = 0.01
"""The share of utterances with outliers that is worth a warning."""
LEAST_GROUP = 20
"""Only classes and speakers with so many utterances are compared in their missing ones."""
UNEVEN, UNEVEN_SEVERE, SIGNIFICANT = 0.10, 0.30, 0.001
"""Differences in the share of missing utterances, and the p below which they are no chance."""
_BLOCK = 256

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

DEAD_DIMENSIONS = Code(
    "dead_dimensions",
    "features that never vary",
    "a warning where at least half of the dims never vary, or 5 % vary in the test part of a fold "
    "and not in training; else info",
    "Check the feature extraction; these dims carry nothing.",
)
DUPLICATED_DIMENSIONS = Code(
    "duplicated_dimensions",
    "features that repeat another one (correlation above 0.9999 or below -0.9999)",
    "a warning where at least half of the dims repeat another, else info",
    "Check the feature extraction; these dims carry nothing new and count twice.",
)


def check_dims(
    name: str, features: Floats, rows: Rows, cut: Sequence[Fold], rng: np.random.Generator
) -> Checked[Dimensions | UnsetType]:
    """Look for dims that never vary and dims that repeat another; rows (n,): those present."""
    if rows.size < 2:
        return Checked(UNSET)
    n_dims = features.shape[1]
    dead = _constant(features, rows, np.ones(n_dims, np.bool_))
    n_dead = int(dead.sum())
    n_varying = int(_constant_in_training(features, rows, cut, ~dead).sum())
    some = np.sort(rng.choice(rows, ROWS, replace=False)) if rows.size > ROWS else rows
    repeats = duplicates(features[some], ALIKE)
    n_repeats = int(repeats.sum())
    findings = []
    if n_dead or n_varying:
        many = 2 * n_dead >= n_dims or n_varying >= VARYING_IN_TEST * n_dims
        words = [f"{n_dead} of {n_dims} {name} dims never vary"] * (n_dead > 0)
        varying = f"{n_varying} of {n_dims} {name} dims vary in a fold's test part, not in training"
        words += [varying] * (n_varying > 0)
        severity = Severity.WARNING if many else Severity.INFO
        message = f"{'; '.join(words)}."
        findings.append(DEAD_DIMENSIONS.found(severity, n_dead + n_varying, message, name))
    if n_repeats:
        message = (
            f"{n_repeats} of {n_dims} {name} dims repeat another one (numbers from 0: "
            f"{few([str(dim) for dim in np.flatnonzero(repeats)])})."
        )
        severity = Severity.WARNING if 2 * n_repeats >= n_dims else Severity.INFO
        findings.append(DUPLICATED_DIMENSIONS.found(severity, n_repeats, message, name))
    numbers = Dimensions(dims=n_dims, dead=n_dead, dead_in_training=n_varying, duplicated=n_repeats)
    return Checked(numbers, tuple(findings))


def _constant(features: Floats, rows: Rows, among: Mask) -> Mask:
    """Return (D,) those of the dims `among` (D,) that are one number in all of these rows."""
    constant = among.copy()
    for start in range(0, rows.size, _BLOCK):
        if not constant.any():
            break
        block = features[rows[start : start + _BLOCK]]
        constant &= (block == features[rows[0]]).all(axis=0)
    return constant


def _constant_in_training(features: Floats, rows: Rows, cut: Sequence[Fold], among: Mask) -> Mask:
    """Return (D,) the dims `among` (D,) that vary in a fold and not in its training part."""
    found = np.zeros(among.size, np.bool_)
    present = np.zeros(len(features), np.bool_)
    present[rows] = True
    for fold in cut:
        train, test = (part[present[part]] for part in (fold.train, fold.test))
        if train.size and test.size:
            constant = _constant(features, train, among)
            found |= constant & ~_constant(features, np.concatenate([train, test]), constant)
    return found


OUTLIERS = Code(
    "outliers",
    "values far outside the rest: further from the median than 10 times the range of the middle "
    "99 % of that dim (of the modality's median dim, where that range is nil)",
    "a warning where at least 1 % of utterances have one, or one is 100 such ranges away; else "
    "info",
    "Check these utterances' feature files; one wild value sets the scale of its dim.",
)


def check_outliers(
    name: str, features: Floats, rows: Rows, ids: Sequence[str]
) -> Checked[Outliers | UnsetType]:
    """Look for values far outside the rest; rows (n,): those present."""
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
    numbers = Outliers(
        utterances=n,
        values=n_values,
        share=share,
        furthest=furthest,
        nearly_dead=int((extent == 0).sum()),
    )
    if not n:
        return Checked(numbers)
    names = [ids[row] for row in rows[np.argsort(-distance, kind="stable")[:n]]]
    message = (
        f"{counted(n, 'utterance has', 'utterances have')} {name} values far outside the rest "
        f"({percent(share)}: {few(names)}); the furthest lies {furthest:.0f} times the range of "
        "the middle 99 % away from the median of its dim."
    )
    many = share >= OFTEN or furthest >= MANY_RANGES
    severity = Severity.WARNING if many else Severity.INFO
    return Checked(numbers, (OUTLIERS.found(severity, n, message, name),))


UNEVEN_MISSING = Code(
    "uneven_missing",
    "a modality that is missing more often for some classes or speakers than for others",
    "where shares among classes or speakers of at least 20 utterances differ by 0.10 or more and a "
    "chi-squared test has p below 0.001: by class severe from a difference of 0.30, else a "
    "warning; by speaker a warning",
    "Compare methods on the utterances that have all modalities, and look at what a model learns "
    "from absence.",
)


def check_missing(
    name: str, present: Mask, columns: Columns, class_names: Sequence[str], rows: Rows
) -> Checked[Missing]:
    """Look for a modality that is missing more often for some classes or speakers than others.

    present: (N,). rows: those that take part.
    """
    missing = ~present[rows]
    by_class = _spread(missing, columns.label[rows], class_names)
    by_speaker = _spread(missing, columns.speaker[rows], columns.speaker_names)
    findings: list[Finding] = []
    for kind, spread in (("class", by_class), ("speaker", by_speaker)):
        if spread and spread.numbers.range >= UNEVEN and spread.numbers.p < SIGNIFICANT:
            severe = kind == "class" and spread.numbers.range >= UNEVEN_SEVERE
            message = (
                f"The {name} modality is missing unevenly by {kind}: from {spread.least} to "
                f"{spread.most} of utterances."
            )
            severity = Severity.SEVERE if severe else Severity.WARNING
            findings.append(UNEVEN_MISSING.found(severity, spread.numbers.range, message, name))
    numbers = Missing(
        share=float(missing.mean()),
        by_class=by_class and by_class.numbers,
        by_speaker=by_speaker and by_speaker.numbers,
    )
    return Checked(numbers, tuple(findings))


class _Spread(NamedTuple):
    """Shares over groups, with the groups of the smallest and largest in words."""

    numbers: Unevenness
    least: str
    most: str


def _spread(missing: Mask, codes: Codes, names: Sequence[str]) -> _Spread | None:
    """Compare the shares missing in groups of at least LEAST_GROUP rows; None with none to compare.

    missing, codes: (n,).
    """
    from scipy.stats import chi2_contingency

    total = np.bincount(codes)
    lost = np.bincount(codes, weights=missing).astype(np.int64)
    groups = np.flatnonzero(total >= LEAST_GROUP)
    total, lost = total[groups], lost[groups]
    if groups.size < 2 or not 0 < lost.sum() < total.sum():
        return None
    share = lost / total
    least, most = (
        f"{percent(share[i])} ({names[groups[i]]}, {lost[i]} of {total[i]})"
        for i in (share.argmin(), share.argmax())
    )
    p = float(chi2_contingency(np.stack([lost, total - lost])).pvalue)
    return _Spread(Unevenness(range=float(share.max() - share.min()), p=p), least, most)
