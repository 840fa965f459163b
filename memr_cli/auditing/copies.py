"""Test vectors that repeat training vectors, and IEMOCAP's scripts, which explain many of them.

N utterances, D dims.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from memr_cli.auditing.findings import Checked, Code, Severity, percent
from memr_cli.corpora.iemocap import inside
from memr_cli.evaluation.columns import Columns
from memr_cli.evaluation.leakage import Copies, identical_vectors
from memr_cli.evaluation.protocols import Fold
from memr_cli.evaluation.similarity import NearCopies
from memr_cli.results.audit import Finding, Identical, NearIdentical, Scripts, ScriptShares
from memr_cli.vocabulary import Subset

LIMITS = {"lexical": (0.10, 0.25)}
"""The shares of a modality's vectors from which on copies are a warning, and severe."""
OTHER_LIMITS = (0.001, 0.01)

FEW_COPIES = 5
"""Fewer nearly identical vectors are worth no warning."""

CERTAIN = 0.999
"""The quantile of the number expected by chance that nearly identical vectors have to exceed."""

SCRIPTED = 0.05
"""From this share of identical vectors on, scripts are worth a warning."""

# Ses01F_script01_1_F003 plays script01_1.
_SCRIPT = re.compile(r"Ses[0-9]+[FM]_(script[0-9]+(?:_[0-9][0-9a-z]*)?)_", re.ASCII)

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

IDENTICAL_VECTORS = Code(
    "identical_vectors",
    "test vectors that occur in training bit for bit",
    "lexical, where the same words give the same vector: severe from 25 % of test vectors, a "
    "warning from 10 %, else info; other modalities: severe from 1 %, a warning from 0.1 %, else "
    "info",
    "Find out why they recur: repeated sentences, a file listed twice, or a constant in place of "
    "missing features, which should be an empty path.",
)
NEAR_IDENTICAL_VECTORS = Code(
    "near_identical_vectors",
    "test vectors with a cosine above 0.999 to one in training, after standardisation",
    "nothing where chance may give as many; info where they are fewer than 5; else as "
    "identical_vectors",
    "Find out why they recur: the same recording encoded twice, augmented copies, or overlapping "
    "segments belong on one side of the split.",
)


def check_identical(
    name: str, features: Floats, code: NDArray[np.int64], columns: Columns, cut: Sequence[Fold]
) -> tuple[Checked[Identical], Copies]:
    """Look for identical vectors of one modality by their codes (N,); return also which they are.

    features: (N, D).
    """
    same = identical_vectors(code, cut)
    agreeing = _agreement(code, same, columns, cut)
    numbers = Identical(share=same.share, n=same.n, same_label=agreeing)
    if not same.found.any():
        return Checked(numbers), same
    share = float(same.share or 0)
    constant = int((np.ptp(features[same.found], axis=1) == 0).sum())
    filled = f" {constant} of them hold one number throughout." if constant else ""
    message = (
        f"{int(same.found.sum())} of {same.n} {name} test vectors ({percent(share)}) occur in "
        f"training bit for bit; {percent(agreeing or 0)} of these have the label that most of "
        f"their training copies have.{filled}"
    )
    finding = IDENTICAL_VECTORS.found(_severity(name, share), share, message, name)
    return Checked(numbers, (finding,)), same


def check_near_identical(name: str, near: NearCopies, n_present: int) -> Checked[NearIdentical]:
    """Compare the number of nearly identical vectors with that expected by chance.

    n_present: test vectors, of which `near` may have looked at some.
    """
    numbers = NearIdentical(
        share=near.share, n=near.n, local_dims=near.local_dims, by_chance=near.by_chance
    )
    notes: tuple[str, ...] = ()
    if near.reason is not None:
        notes = (f"{name}: near copies were not looked for; {near.reason}",)
    elif 0 < near.n < n_present:
        notes = (f"{name}: near copies were looked for among {near.n} of {n_present} test vectors",)
    return Checked(numbers, tuple(_near(name, near)), notes)


def _near(name: str, near: NearCopies) -> list[Finding]:
    """Return a finding where there are more nearly identical vectors than chance gives."""
    from scipy.stats import poisson

    n_found, expected = int(near.found.sum()), near.n * (near.by_chance or 0)
    if n_found <= poisson.ppf(CERTAIN, expected):
        return []
    share = float(near.share or 0)
    by_chance = f"about {expected:.1f}" if expected >= 0.1 else "none"  # shown to one digit
    message = (
        f"{n_found} of {near.n} {name} test vectors ({percent(share)}) have a cosine above 0.999 "
        "to a training vector, after standardisation, without being identical to one; "
        f"{by_chance} would by chance."
    )
    severity = _severity(name, share) if n_found >= FEW_COPIES else Severity.INFO
    return [NEAR_IDENTICAL_VECTORS.found(severity, share, message, name)]


def _severity(name: str, share: float) -> Severity:
    warning, severe = LIMITS.get(name, OTHER_LIMITS)
    if share >= severe:
        return Severity.SEVERE
    return Severity.WARNING if share >= warning else Severity.INFO


def _agreement(
    code: NDArray[np.int64], same: Copies, columns: Columns, cut: Sequence[Fold]
) -> float | None:
    """Return the share of identical test vectors with the label most of their copies have."""
    n_found = int(same.found.sum())
    if not n_found:
        return None
    n_classes = int(columns.label.max()) + 1
    agreeing = 0
    for fold in cut:
        found = fold.test[same.found[fold.test]]
        codes, index = np.unique(code[found], return_inverse=True)
        copies = fold.train[np.isin(code[fold.train], codes)]
        counts = np.zeros((codes.size, n_classes), np.int64)
        np.add.at(counts, (np.searchsorted(codes, code[copies]), columns.label[copies]), 1)
        agreeing += int((counts.argmax(axis=1)[index.reshape(-1)] == columns.label[found]).sum())
    return agreeing / n_found


SCRIPTED_LINES = Code(
    "scripted_lines",
    "scripted dialogues of IEMOCAP in the test part whose script is in training too",
    "a warning where at least 5 % of the scripted test vectors of a modality are identical to "
    "training ones and twice the share of the improvised ones; else info",
    "Score improvised dialogues alone as well: `{evaluate} --subset improvised --out improvised/`.",
)


def check_scripts(
    ids: Sequence[str], cut: Sequence[Fold], identical: Mapping[str, Copies]
) -> Checked[Scripts | None]:
    """Compare scripted with improvised dialogues in their identical vectors, by modality."""
    scripted, improvised = inside(ids, Subset.SCRIPTED), inside(ids, Subset.IMPROVISED)
    tested = np.zeros(len(ids), np.bool_)
    for fold in cut:
        tested[fold.test] = True
    n_scripted, n_improvised = int((tested & scripted).sum()), int((tested & improvised).sum())
    if not n_scripted + n_improvised:
        return Checked(None)
    share = n_scripted / (n_scripted + n_improvised)
    repeated = _repeated(ids, cut)
    known = f"{percent(share)} of the test utterances are scripted"
    shares, findings = {}, []
    for name, copies in identical.items():
        lines, other = _share(copies, scripted), _share(copies, improvised)
        shares[name] = ScriptShares(scripted=lines, improvised=other)
        if lines is not None and lines >= max(SCRIPTED, 2 * (other or 0)):
            against = "" if other is None else f", against {percent(other)} of the improvised ones"
            message = (
                f"{known}, and {percent(lines)} of their {name} vectors occur in training bit for "
                f"bit{against}."
            )
            findings.append(SCRIPTED_LINES.found(Severity.WARNING, lines, message, name))
    if not findings and repeated:
        message = (
            f"{known}; by their ids, {percent(repeated)} of these play a script that is in "
            "training too, though no modality repeats them bit for bit."
        )
        findings.append(SCRIPTED_LINES.found(Severity.INFO, repeated, message))
    return Checked(Scripts(share=share, repeated=repeated, identical=shares), tuple(findings))


def _share(copies: Copies, of: Mask) -> float | None:
    n = int((copies.tested & of).sum())
    return float((copies.found & of).sum() / n) if n else None


def _repeated(ids: Sequence[str], cut: Sequence[Fold]) -> float | None:
    """Return the share of scripted test utterances whose script is in training too."""
    found = [_SCRIPT.match(utterance) for utterance in ids]
    scripts = np.array([match[1] if match else "" for match in found])
    n_repeated = n_scripted = 0
    for fold in cut:
        played = scripts[fold.test]
        played = played[played != ""]
        n_scripted += played.size
        n_repeated += int(np.isin(played, scripts[fold.train]).sum())
    return n_repeated / n_scripted if n_scripted else None
