"""Feature vectors on both sides of the split, and IEMOCAP's scripts, which explain many of them.

N utterances, D dims.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.audit.findings import Checked, Finding, Severity, percent
from memr_cli.corpora.subsets import inside
from memr_cli.evaluation.columns import Columns
from memr_cli.evaluation.leakage import vector_codes
from memr_cli.evaluation.protocols import Fold
from memr_cli.evaluation.similarity import (
    Copies,
    NearCopies,
    identical,
    near_copies,
)
from memr_cli.vocabulary import Subset

LIMITS = {"lexical": (0.10, 0.25)}
"""From which share on a modality's copies are a warning, and severe."""
OTHER_LIMITS = (0.001, 0.01)

FEW_COPIES = 5
"""Nearly identical vectors below which they are worth no warning."""

CERTAIN = 0.999
"""The quantile of what chance gives that nearly identical vectors have to exceed."""

SCRIPTED = 0.05
"""From this share of identical vectors on, scripts are worth a warning."""

# Ses01F_script01_1_F003 plays script01_1.
_SCRIPT = re.compile(r"Ses[0-9]+[FM]_(script[0-9]+(?:_[0-9][0-9a-z]*)?)_", re.ASCII)

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


def check_copies(
    name: str, features: Floats, columns: Columns, cut: Sequence[Fold], rng: np.random.Generator
) -> tuple[Checked, Copies]:
    """Identical and nearly identical vectors of one modality; also which are identical."""
    code = vector_codes(features, cut)
    same = identical(code, cut)
    near = near_copies(features, code, cut, rng)
    agreeing = _agreement(code, same, columns, cut)
    findings, notes = [], []
    if same.found.any():
        share = float(same.share or 0)
        constant = int((np.ptp(features[same.found], axis=1) == 0).sum())
        filled = f" {constant} of them hold one number throughout." if constant else ""
        findings.append(
            Finding(
                "identical_vectors",
                _severity(name, share),
                share,
                f"{int(same.found.sum())} of {same.n} {name} test vectors ({percent(share)}) occur "
                f"in training bit for bit; {percent(agreeing or 0)} of these have the label that "
                f"most of their training copies have.{filled}",
                name,
            )
        )
    findings += _near(name, near)
    notes += _notes(name, same, near)
    numbers = {
        "identical": {"share": same.share, "n": same.n, "same_label": agreeing},
        "near_identical": {
            "share": near.share,
            "n": near.n,
            "local_dims": near.local_dims,
            "by_chance": near.by_chance,
        },
    }
    return Checked(numbers, tuple(findings), tuple(notes)), same


def _near(name: str, near: NearCopies) -> list[Finding]:
    """Nearly identical vectors, where there are more than chance gives."""
    from scipy.stats import poisson

    n_found, expected = int(near.found.sum()), near.n * (near.by_chance or 0)
    if n_found <= poisson.ppf(CERTAIN, expected):
        return []
    share = float(near.share or 0)
    by_chance = f"about {expected:.1f}" if expected >= 0.1 else "none"  # shown to one digit
    return [
        Finding(
            "near_identical_vectors",
            _severity(name, share) if n_found >= FEW_COPIES else Severity.INFO,
            share,
            f"{n_found} of {near.n} {name} test vectors ({percent(share)}) have a cosine above "
            "0.999 to a training vector, after standardisation, without being identical to one; "
            f"{by_chance} would by chance.",
            name,
        )
    ]


def _notes(name: str, same: Copies, near: NearCopies) -> list[str]:
    if near.reason is not None:
        return [f"{name}: near copies were not looked for; {near.reason}"]
    if near.n < same.n and near.n:
        return [f"{name}: near copies were looked for among {near.n} of {same.n} test vectors"]
    return []


def _severity(name: str, share: float) -> Severity:
    warning, severe = LIMITS.get(name, OTHER_LIMITS)
    if share >= severe:
        return Severity.SEVERE
    return Severity.WARNING if share >= warning else Severity.INFO


def _agreement(
    code: NDArray[np.int64], same: Copies, columns: Columns, cut: Sequence[Fold]
) -> float | None:
    """The share of identical test vectors that have their training copies' most frequent label."""
    n_found = int(same.found.sum())
    if not n_found:
        return None
    n_classes = int(columns.label.max()) + 1
    agreeing = 0
    for fold in cut:
        asked = fold.test[same.found[fold.test]]
        codes, place = np.unique(code[asked], return_inverse=True)
        copies = fold.train[np.isin(code[fold.train], codes)]
        counts = np.zeros((codes.size, n_classes), np.int64)
        np.add.at(counts, (np.searchsorted(codes, code[copies]), columns.label[copies]), 1)
        agreeing += int((counts.argmax(axis=1)[place.reshape(-1)] == columns.label[asked]).sum())
    return agreeing / n_found


def check_scripts(
    ids: Sequence[str], cut: Sequence[Fold], identical_by_modality: Mapping[str, Copies]
) -> Checked:
    """Scripted against improvised dialogues, and how identical vectors divide between them."""
    scripted, improvised = inside(ids, Subset.SCRIPTED), inside(ids, Subset.IMPROVISED)
    tested = np.zeros(len(ids), np.bool_)
    for fold in cut:
        tested[fold.test] = True
    n_scripted, n_improvised = int((tested & scripted).sum()), int((tested & improvised).sum())
    if not n_scripted + n_improvised:
        return Checked()
    share = n_scripted / (n_scripted + n_improvised)
    repeated = _repeated(ids, cut)
    shares = {
        name: {"scripted": _share(copies, scripted), "improvised": _share(copies, improvised)}
        for name, copies in identical_by_modality.items()
    }
    numbers: dict[str, Any] = {"share": share, "repeated": repeated, "identical": shares}
    known = f"{percent(share)} of the test utterances are scripted"
    findings = [
        Finding(
            "scripted_lines",
            Severity.WARNING,
            found["scripted"],
            f"{known}, and {percent(found['scripted'])} of their {name} vectors occur in training "
            f"bit for bit{_against(found['improvised'])}.",
            name,
        )
        for name, found in shares.items()
        if found["scripted"] is not None
        and found["scripted"] >= max(SCRIPTED, 2 * (found["improvised"] or 0))
    ]
    if not findings and repeated:
        findings.append(
            Finding(
                "scripted_lines",
                Severity.INFO,
                repeated,
                f"{known}; by their ids, {percent(repeated)} of these play a script that is in "
                "training too, though no modality repeats them bit for bit.",
            )
        )
    return Checked(numbers, tuple(findings))


def _against(improvised: float | None) -> str:
    return "" if improvised is None else f", against {percent(improvised)} of the improvised ones"


def _share(copies: Copies, of: Mask) -> float | None:
    n = int((copies.tested & of).sum())
    return float((copies.found & of).sum() / n) if n else None


def _repeated(ids: Sequence[str], cut: Sequence[Fold]) -> float | None:
    """The share of scripted test utterances whose script is in training too."""
    found = [_SCRIPT.match(utterance) for utterance in ids]
    scripts = np.array([match[1] if match else "" for match in found])
    n_repeated = n_scripted = 0
    for fold in cut:
        asked = scripts[fold.test]
        asked = asked[asked != ""]
        n_scripted += asked.size
        n_repeated += int(np.isin(asked, scripts[fold.train]).sum())
    return n_repeated / n_scripted if n_scripted else None
