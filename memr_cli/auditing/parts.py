"""Training and test parts: what they share, and whether they have enough of each class and speaker.

N utterances, K folds, C classes. Training is all labelled rows of the training side of a fold.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from memr_cli.auditing.findings import Checked, Code, Severity, counted, few, percent
from memr_cli.evaluation.columns import NONE, Codes, Columns
from memr_cli.evaluation.protocols import Fold, Protocol
from memr_cli.results.audit import Finding, PartCounts, Shared, SpeakerCounts

MANY = 0.05
"""From this share of test utterances on, speakers or dialogues are not shared by accident."""

FEW, VERY_FEW = 20, 5
"""Below these a class, or the test part of a fold, has few and very few utterances."""

SHARED_SPEAKERS = Code(
    "shared_speakers",
    "test utterances of speakers who are in training too",
    "severe from 5 % of test utterances, else a warning",
    "Use --protocol speaker or loso, which keep speakers apart, or say with every score that "
    "test speakers were trained on.",
)
SHARED_DIALOGUES = Code(
    "shared_dialogues",
    "test utterances whose dialogue is in training too",
    "a warning from 5 % of test utterances, else info",
    "Use a protocol that keeps dialogues whole: --protocol session where the corpus has sessions.",
)
SHARED_SESSIONS = Code(
    "shared_sessions",
    "test utterances whose session is in training too",
    "info",
    "Room and microphones are known from training; --protocol session tests on others.",
)
SPLIT_PARTNERS = Code(
    "split_partners",
    "test speakers whose partner in a dialogue is in training",
    "a warning",
    "Use a protocol that keeps partners together: --protocol session where the corpus has "
    "sessions.",
)


def check_shared(columns: Columns, cut: Sequence[Fold], protocol: Protocol) -> Checked[Shared]:
    """Look for speakers, dialogues, sessions and partners that are tested and trained on."""
    speakers = _shared(columns.speaker, cut)
    dialogues = _shared(columns.dialogue, cut)
    sessions = _shared(columns.session, cut)
    partners, n_tested = _split_partners(columns, cut)
    split_share = len(partners) / n_tested if n_tested else None
    session_helps = bool(columns.session_names) and not protocol.keeps_dialogues
    whole = "Use --protocol session, which keeps dialogues and partners together."
    action = whole if session_helps else ""
    findings = []
    if speakers:
        names = sorted({n for f in cut for n in set(f.test_speakers) & set(f.train_speakers)})
        message = (
            f"{counted(len(names), 'speaker is', 'speakers are')} both trained on and tested "
            f"({few(names)}); {percent(speakers)} of test utterances are theirs."
        )
        severity = Severity.SEVERE if speakers >= MANY else Severity.WARNING
        findings.append(SHARED_SPEAKERS.found(severity, speakers, message))
    if dialogues:
        message = (
            f"{percent(dialogues)} of test utterances come from a dialogue that is in training too."
        )
        severity = Severity.WARNING if dialogues >= MANY else Severity.INFO
        findings.append(SHARED_DIALOGUES.found(severity, dialogues, message, action=action))
    if sessions:
        message = (
            f"{percent(sessions)} of test utterances come from a session that is in training too."
        )
        findings.append(SHARED_SESSIONS.found(Severity.INFO, sessions, message))
    if partners:
        message = (
            f"{len(partners)} of {counted(n_tested, 'tested speaker')} talk in a dialogue with "
            f"a speaker who is in training ({few(partners)})."
        )
        share = float(split_share or 0)
        findings.append(SPLIT_PARTNERS.found(Severity.WARNING, share, message, action=action))
    numbers = Shared(
        speakers=speakers, dialogues=dialogues, sessions=sessions, partners=split_share
    )
    return Checked(numbers, tuple(findings))


def _shared(codes: Codes, cut: Sequence[Fold]) -> float | None:
    """Return the share of test utterances whose code is in training; None without codes."""
    n_shared = n_tested = 0
    for fold in cut:
        tested = codes[fold.test]
        n_shared += int(((tested != NONE) & np.isin(tested, codes[fold.train])).sum())
        n_tested += tested.size
    return n_shared / n_tested if n_tested and (codes != NONE).any() else None


def _split_partners(columns: Columns, cut: Sequence[Fold]) -> tuple[list[str], int]:
    """Return pairs of a tested speaker and a partner in training, and the number tested."""
    partners = _partners(columns)
    pairs, n_tested = [], 0
    for fold in cut:
        trained = set(np.unique(columns.speaker[fold.train]).tolist())
        for speaker in np.unique(columns.speaker[fold.test]).tolist():
            n_tested += 1
            found = sorted(partners[speaker] & trained)
            if found:
                name, other = columns.speaker_names[speaker], columns.speaker_names[found[0]]
                pairs.append(f"{name} with {other}")
    return pairs, n_tested


def _partners(columns: Columns) -> dict[int, set[int]]:
    """Return for each speaker the others who talk in one of its dialogues, labelled or not."""
    by_dialogue: dict[int, set[int]] = defaultdict(set)
    for dialogue, speaker in zip(columns.dialogue.tolist(), columns.speaker.tolist(), strict=True):
        if dialogue != NONE:
            by_dialogue[dialogue].add(speaker)
    partners: dict[int, set[int]] = defaultdict(set)
    for together in by_dialogue.values():
        for speaker in together:
            partners[speaker] |= together - {speaker}
    return partners


SMALL_CLASS = Code(
    "small_class",
    "a class with few utterances to learn from or to be scored on",
    "severe where a training part has 1 to 4 utterances of it; a warning where one has fewer than "
    "20, or all test parts together fewer than 20; none where a training part lacks a class that "
    "is tested, which is fold_without_class",
    "Read the figures of this class, UAR and macro-F1 with care; merge the class with another, or "
    "label more.",
)
FOLD_WITHOUT_CLASS = Code(
    "fold_without_class",
    "a class that the training or the test part of a fold lacks",
    "severe where a class is tested that its training part lacks; else a warning",
    "Use fewer folds, or another --protocol; UAR of a fold runs over the classes it tests.",
)


def check_classes(
    columns: Columns, class_names: Sequence[str], cut: Sequence[Fold]
) -> Checked[dict[str, PartCounts]]:
    """Look for classes that are small, or that the training or test part of a fold lacks."""
    n_classes = len(class_names)
    train, test = (
        np.array([np.bincount(columns.label[rows], minlength=n_classes) for rows in parts])
        for parts in ([fold.train for fold in cut], [fold.test for fold in cut])
    )  # (K, C) utterances of each class
    numbers = {
        name: PartCounts(train=int(train[:, i].min()), test=int(test[:, i].sum()))
        for i, name in enumerate(class_names)
    }
    untrained = ((train == 0) & (test > 0)).any(axis=0)
    small = sorted(
        (min(counts.train, counts.test), name, counts)
        for lacks, (name, counts) in zip(untrained, numbers.items(), strict=True)
        if not lacks and (0 < counts.train < FEW or 0 < counts.test < FEW)
    )
    findings = []
    if small:
        words = [
            f"{name} (trained on {counts.train} in the smallest part, tested on {counts.test} in "
            "all)"
            for _, name, counts in small
        ]
        severe = any(0 < counts.train < VERY_FEW for _, _, counts in small)
        message = (
            f"{counted(len(small), 'class has', 'classes have')} few utterances: {few(words)}."
        )
        severity = Severity.SEVERE if severe else Severity.WARNING
        findings.append(SMALL_CLASS.found(severity, small[0][0], message))
    return Checked(numbers, (*findings, *_lacking(class_names, train, test)))


def _lacking(
    class_names: Sequence[str], train: NDArray[np.int64], test: NDArray[np.int64]
) -> Iterator[Finding]:
    """Yield a finding where counts (K, C) are zero: tested but not trained on, else either."""
    untrained = (train == 0) & (test > 0)
    severe = bool(untrained.any())
    lacking = untrained if severe else (test == 0) | (train == 0)
    folds = int(lacking.any(axis=1).sum())
    if not folds:
        return
    start = "Not all classes are trained on and tested"
    if severe:
        start = "A class is tested that training lacks"
    names = [class_names[i] for i in np.flatnonzero(lacking.any(axis=0)).tolist()]
    message = f"{start} in {folds} of {counted(len(train), 'fold')} ({few(names)})."
    yield FOLD_WITHOUT_CLASS.found(Severity.SEVERE if severe else Severity.WARNING, folds, message)


SMALL_SPEAKER = Code(
    "small_speaker",
    "a fold that tests few utterances, or a speaker with few",
    "a warning where a fold tests fewer than 20 utterances; info where a tested speaker has fewer "
    "than 5",
    "Look at pooled scores, or at folds of several speakers: --protocol speaker.",
)


def check_speakers(columns: Columns, cut: Sequence[Fold]) -> Checked[SpeakerCounts]:
    """Look for folds that test few utterances, and for tested speakers who have few."""
    sizes = np.array([fold.test.size for fold in cut])
    tested = np.concatenate([fold.test for fold in cut])
    codes, counts = np.unique(columns.speaker[tested], return_counts=True)
    numbers = SpeakerCounts(
        smallest_fold=int(sizes.min()),
        smallest_speaker=int(counts.min()),
        speakers=int(codes.size),
    )
    n = int((sizes < FEW).sum())
    if n:
        least = numbers.smallest_fold
        message = (
            f"{n} of {counted(len(cut), 'fold')} {'tests' if n == 1 else 'test'} fewer than {FEW} "
            f"utterances; where there are {least}, one of them moves the fold's accuracy by "
            f"{100 / max(least, 1):.0f} points."
        )
        return Checked(numbers, (SMALL_SPEAKER.found(Severity.WARNING, least, message),))
    if (counts < VERY_FEW).any():
        names = [columns.speaker_names[code] for code in codes[counts < VERY_FEW]]
        message = (
            f"{counted(len(names), 'tested speaker has', 'tested speakers have')} fewer than "
            f"{VERY_FEW} labelled utterances ({few(names)}): too few to normalise by, or to score "
            "a speaker by."
        )
        least = numbers.smallest_speaker
        return Checked(numbers, (SMALL_SPEAKER.found(Severity.INFO, least, message),))
    return Checked(numbers)
