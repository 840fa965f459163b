"""Whether a protocol's parts are large and even enough: classes, speakers, missing modalities.

N utterances, K folds, C classes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.audit.findings import Checked, Finding, Severity, counted, few, percent
from memr_cli.evaluation.columns import Codes, Columns, Rows
from memr_cli.evaluation.protocols import Fold

FEW, VERY_FEW = 20, 5
"""Utterances below which a class, or what a fold tests, is small, and very small."""

LEAST_GROUP = 20
"""Utterances of a class or speaker from which on its share of missing ones is worth comparing."""

UNEVEN, UNEVEN_SEVERE, SIGNIFICANT = 0.10, 0.30, 0.001

Mask = NDArray[np.bool_]


def check_classes(columns: Columns, class_names: Sequence[str], cut: Sequence[Fold]) -> Checked:
    """Classes that are small, or that the training or test part of a fold lacks."""
    train, test = (_counts(columns.label, cut, part, len(class_names)) for part in _PARTS)
    numbers = {
        name: {"train": int(train[:, i].min()), "test": int(test[:, i].sum())}
        for i, name in enumerate(class_names)
    }
    findings = []
    small = []
    untrained = ((train == 0) & (test > 0)).any(axis=0)
    for lacks, (name, counts) in zip(untrained, numbers.items(), strict=True):
        trained, tested = counts["train"], counts["test"]
        if lacks:
            continue  # fold_without_class says so
        if 0 < trained < FEW or 0 < tested < FEW:
            small.append((min(trained, tested), name, trained, tested))
    if small:
        least = min(small)[0]
        words = [
            f"{name} (trained on {trained} in the smallest part, tested on {tested} in all)"
            for _, name, trained, tested in sorted(small)
        ]
        severe = any(0 < trained < VERY_FEW for _, _, trained, _ in small)
        findings.append(
            Finding(
                "small_class",
                Severity.SEVERE if severe else Severity.WARNING,
                least,
                f"{counted(len(small), 'class has', 'classes have')} few utterances: {few(words)}.",
            )
        )
    findings += _lacking(class_names, train, test)
    return Checked(numbers, tuple(findings))


def _lacking(
    class_names: Sequence[str], train: NDArray[np.int64], test: NDArray[np.int64]
) -> list[Finding]:
    """From counts (K, C): classes that a part lacks."""
    untrained = (train == 0) & (test > 0)
    lacking = (test == 0) | (train == 0)
    if not lacking.any():
        return []
    counts = untrained if untrained.any() else lacking
    folds = int(counts.any(axis=1).sum())
    names = [class_names[i] for i in np.flatnonzero(counts.any(axis=0)).tolist()]
    where = f"Not all classes are trained on and tested in {folds} of {counted(len(train), 'fold')}"
    if untrained.any():
        where = f"A class is tested that training lacks in {folds} of {counted(len(train), 'fold')}"
    return [
        Finding(
            "fold_without_class",
            Severity.SEVERE if untrained.any() else Severity.WARNING,
            folds,
            f"{where} ({few(names)}).",
        )
    ]


def check_speakers(columns: Columns, cut: Sequence[Fold]) -> Checked:
    """Folds that test few utterances, and tested speakers who have few."""
    sizes = np.array([fold.test.size for fold in cut])
    tested = np.concatenate([fold.test for fold in cut])
    codes, counts = np.unique(columns.speaker[tested], return_counts=True)
    numbers = {
        "smallest_fold": int(sizes.min()),
        "smallest_speaker": int(counts.min()),
        "speakers": int(codes.size),
    }
    if (sizes < FEW).any():
        n, least = int((sizes < FEW).sum()), int(sizes.min())
        message = (
            f"{n} of {counted(len(cut), 'fold')} {'tests' if n == 1 else 'test'} fewer than {FEW} "
            f"utterances; where there are {least}, one of them moves the fold's accuracy by "
            f"{100 / max(least, 1):.0f} points."
        )
        return Checked(numbers, (Finding("small_speaker", Severity.WARNING, least, message),))
    if (counts < VERY_FEW).any():
        names = [columns.speaker_names[code] for code in codes[counts < VERY_FEW]]
        message = (
            f"{counted(len(names), 'tested speaker has', 'tested speakers have')} fewer than "
            f"{VERY_FEW} labelled utterances ({few(names)}): too few to normalise by, or to score "
            "a speaker by."
        )
        finding = Finding("small_speaker", Severity.INFO, int(counts.min()), message)
        return Checked(numbers, (finding,))
    return Checked(numbers)


def check_missing(
    name: str, present: Mask, columns: Columns, class_names: Sequence[str], rows: Rows
) -> Checked:
    """Whether a modality is missing more often for some classes or speakers than for others.

    present: (N,). rows: those that take part.
    """
    missing = ~present[rows]
    numbers: dict[str, Any] = {"share": float(missing.mean())}
    findings = []
    by = (
        ("class", columns.label[rows], class_names),
        ("speaker", columns.speaker[rows], columns.speaker_names),
    )
    for kind, codes, names in by:
        spread = _spread(missing, codes)
        numbers[f"by_{kind}"] = spread and {"range": spread["range"], "p": spread["p"]}
        if not spread or spread["range"] < UNEVEN or spread["p"] >= SIGNIFICANT:
            continue
        severe = kind == "class" and spread["range"] >= UNEVEN_SEVERE
        findings.append(
            Finding(
                "uneven_missing",
                Severity.SEVERE if severe else Severity.WARNING,
                spread["range"],
                f"The {name} modality is missing unevenly by {kind}: from "
                f"{percent(spread['low'])} ({names[spread['least']]}, {spread['low_counts']}) to "
                f"{percent(spread['high'])} ({names[spread['most']]}, {spread['high_counts']}) of "
                "utterances.",
                name,
            )
        )
    return Checked({"missing": numbers}, tuple(findings))


def _spread(missing: Mask, codes: Codes) -> dict[str, Any] | None:
    """The groups with the lowest and highest share missing, and p of a chi-squared test.

    Groups of fewer than LEAST_GROUP rows are left out; None where nothing is left to compare.
    """
    from scipy.stats import chi2_contingency

    groups, place = np.unique(codes, return_inverse=True)
    total = np.bincount(place.reshape(-1))
    lost = np.bincount(place.reshape(-1), weights=missing).astype(np.int64)
    large = total >= LEAST_GROUP
    groups, total, lost = groups[large], total[large], lost[large]
    if groups.size < 2 or not 0 < lost.sum() < total.sum():
        return None
    share = lost / total
    p = float(chi2_contingency(np.stack([lost, total - lost])).pvalue)
    least, most = int(share.argmin()), int(share.argmax())
    return {
        "range": float(share[most] - share[least]),
        "p": p,
        "low": float(share[least]),
        "high": float(share[most]),
        "least": int(groups[least]),
        "most": int(groups[most]),
        "low_counts": f"{lost[least]} of {total[least]}",
        "high_counts": f"{lost[most]} of {total[most]}",
    }


_PARTS = ("train", "test")


def _counts(label: Codes, cut: Sequence[Fold], part: str, n_classes: int) -> NDArray[np.int64]:
    """(K, C) utterances of each class in a part of each fold."""
    return np.array([np.bincount(label[getattr(fold, part)], minlength=n_classes) for fold in cut])
