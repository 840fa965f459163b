"""Who and what is on both sides: speakers, dialogues, sessions, partners in conversation.

N utterances, K folds. Training is all labelled rows of the training side of a fold.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from memr_cli.audit.findings import Checked, Finding, Severity, counted, few, percent
from memr_cli.evaluation.columns import NONE, Codes, Columns
from memr_cli.evaluation.protocols import Fold
from memr_cli.vocabulary import ProtocolName

MANY = 0.05
"""From this share of test utterances on, what is shared is no accident."""


def check_sharing(columns: Columns, cut: Sequence[Fold], protocol: ProtocolName) -> Checked:
    """Speakers, dialogues, sessions and partners that are tested and trained on."""
    speakers = _shared(columns.speaker, cut)
    dialogues = _shared(columns.dialogue, cut)
    sessions = _shared(columns.session, cut)
    partners, n_tested = _split_partners(columns, cut)
    split_share = len(partners) / n_tested if n_tested else None
    session_helps = bool(columns.session_names) and protocol is not ProtocolName.SESSION
    whole = "Use --protocol session, which keeps dialogues and partners together."
    action = whole if session_helps else ""
    findings = []
    if speakers:
        names = sorted({n for f in cut for n in set(f.test_speakers) & set(f.train_speakers)})
        findings.append(
            Finding(
                "shared_speakers",
                Severity.SEVERE if speakers >= MANY else Severity.WARNING,
                speakers,
                f"{counted(len(names), 'speaker is', 'speakers are')} both trained on and tested "
                f"({few(names)}); {percent(speakers)} of test utterances are theirs.",
            )
        )
    if dialogues:
        findings.append(
            Finding(
                "shared_dialogues",
                Severity.WARNING if dialogues >= MANY else Severity.INFO,
                dialogues,
                f"{percent(dialogues)} of test utterances come from a dialogue that is in training "
                "too.",
                action=action,
            )
        )
    if sessions:
        findings.append(
            Finding(
                "shared_sessions",
                Severity.INFO,
                sessions,
                f"{percent(sessions)} of test utterances come from a session that is in training "
                "too.",
            )
        )
    if partners:
        findings.append(
            Finding(
                "split_partners",
                Severity.WARNING,
                float(split_share or 0),
                f"{len(partners)} of {counted(n_tested, 'tested speaker')} talk in a dialogue with "
                f"a speaker who is in training ({few(partners)}).",
                action=action,
            )
        )
    numbers = {
        "speakers": speakers,
        "dialogues": dialogues,
        "sessions": sessions,
        "partners": split_share,
    }
    return Checked(numbers, tuple(findings))


def _shared(codes: Codes, cut: Sequence[Fold]) -> float | None:
    """The share of test utterances whose code is in training; None where there are no codes."""
    n_shared = n_tested = 0
    for fold in cut:
        tested = codes[fold.test]
        n_shared += int(((tested != NONE) & np.isin(tested, codes[fold.train])).sum())
        n_tested += tested.size
    return n_shared / n_tested if n_tested and (codes != NONE).any() else None


def _split_partners(columns: Columns, cut: Sequence[Fold]) -> tuple[list[str], int]:
    """Pairs of a tested speaker and a partner in training, in words; and how many were tested."""
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
    """For each speaker the others who talk in a dialogue of theirs, labelled or not."""
    known = columns.dialogue != NONE
    pairs = np.unique(np.stack([columns.dialogue[known], columns.speaker[known]]), axis=1)
    by_dialogue: dict[int, set[int]] = defaultdict(set)
    for dialogue, speaker in pairs.T.tolist():
        by_dialogue[dialogue].add(speaker)
    partners: dict[int, set[int]] = defaultdict(set)
    for together in by_dialogue.values():
        for speaker in together:
            partners[speaker] |= together - {speaker}
    return partners
