"""What features know that they should not: labels of a published split, speakers, lengths.

N utterances, D dims, C classes.
"""

import numpy as np
from numpy.typing import NDArray

from memr_cli.audit import probe
from memr_cli.audit.findings import Checked, Finding, Severity, percent
from memr_cli.data.scaling import standardise_groups
from memr_cli.evaluation.bootstrap import FEW_CLUSTERS
from memr_cli.evaluation.columns import NONE, Columns, Rows
from memr_cli.evaluation.metrics import confusion, scores
from memr_cli.evaluation.protocols.split import SPLIT_NAMES
from memr_cli.vocabulary import ProtocolName

LEAK = 0.10
"""The gap in UAR between training folds and test part that the lower bound has to exceed."""
LEAST_SPEAKERS = 5
"""Speakers of either published part below which a bootstrap over them says too little."""
IDENTITY = 0.25
"""The share of errors that a speaker probe removes to be worth telling."""
SPEAKERS = 40
"""Speakers told apart at most: those with the most utterances."""
SPEAKER_FOLDS, SPEAKER_STRENGTH = 3, 0.1
LENGTH, LENGTH_SEVERE = 0.01, 0.10

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Published = tuple[Rows, Rows]


def published_parts(columns: Columns) -> Published | str:
    """The labelled rows of the published training and test part, or why there are none.

    Only of classes that both have: what a probe never saw, it cannot name.
    """
    rows = columns.labelled
    names = np.array([name.strip().casefold() for name in columns.split_names] + [""])
    split = names[columns.split[rows]]  # code -1 takes the last entry
    train, test = (rows[np.isin(split, SPLIT_NAMES[part])] for part in ("train", "test"))
    if not train.size or not test.size:
        return "the store has no published split with labelled utterances in training and test"
    if np.unique(columns.speaker[train]).size < 2:
        return "the published training part has a single speaker, so no folds by speaker"
    both = np.intersect1d(columns.label[train], columns.label[test])
    if both.size < 2:
        return "the published training and test part have fewer than two classes in common"
    of_train, of_test = (rows[np.isin(columns.label[rows], both)] for rows in (train, test))
    return of_train, of_test


HONEST = (
    "Features were probably extracted by a network trained on these labels. Scores under "
    "--protocol split are honest; scores under every other protocol are not, unless features are "
    "extracted without the labels."
)
"""What to do about a label leak under --protocol split."""


def check_label_leak(
    name: str,
    features: Floats,
    columns: Columns,
    parts: Published,
    rng: np.random.Generator,
    protocol: ProtocolName,
) -> Checked:
    """A linear probe by folds inside the training part against its score on the test part.

    features: (N, D), NaN where missing. The gap is one in UAR, as accuracy also differs where the
    parts have other shares of classes. Its interval resamples the speakers, and their dialogues, of
    either part; with fewer than LEAST_SPEAKERS in one of them, nothing is found.
    """
    train, test = (probe.drawn(rows[_present(features)[rows]], rng) for rows in parts)
    if probe.n_folds(columns.label[train], columns.speaker[train]) < 2 or not test.size:
        return Checked(notes=(f"{name}: too few utterances of the published split to probe",))
    rows = np.concatenate([train, test])
    seen = probe.projected(features[rows], rng)
    inside, outside = seen[: train.size], seen[train.size :]
    labels = columns.label
    by_folds = probe.cross_predict(inside, labels[train], columns.speaker[train])
    on_test = probe.predict(inside, labels[train], outside)
    within = _replicates(columns, train, by_folds, rng, "uar")
    beyond = _replicates(columns, test, on_test, rng, "uar")
    low, high = (float(bound) for bound in np.percentile(within - beyond, [2.5, 97.5]))
    inner, outer = _accuracy(labels[train], by_folds), _accuracy(labels[test], on_test)
    recalls = _uar(labels[train], by_folds), _uar(labels[test], on_test)
    gap = recalls[0] - recalls[1]
    n_train, n_test = (np.unique(columns.speaker[rows]).size for rows in (train, test))
    numbers = {
        "train": inner,
        "test": outer,
        "uar": dict(zip(("train", "test"), recalls, strict=True)),
        "gap": gap,
        "ci95": [low, high],
        "speakers": {"train": n_train, "test": n_test},
    }
    fewest = min(n_train, n_test)
    if fewest < LEAST_SPEAKERS:
        note = (
            f"label_leak cannot be told for {name}: its interval would rest on {n_train} speakers "
            f"in training and {n_test} in test, and needs {LEAST_SPEAKERS} in either"
        )
        return Checked({"label_leak": numbers}, notes=(note,))
    rough = f"; rough, with {n_train} and {n_test} speakers" if fewest < FEW_CLUSTERS else ""
    finding = Finding(
        "label_leak",
        Severity.SEVERE,
        gap,
        f"A linear probe of the {name} features has a UAR of {percent(recalls[0])} (accuracy "
        f"{percent(inner)}) by folds within the published training part and {percent(recalls[1])} "
        f"({percent(outer)}) on the test part: {100 * gap:.1f} points of UAR more (95 % interval "
        f"{100 * low:.1f} to {100 * high:.1f}{rough}).",
        name,
        HONEST if protocol is ProtocolName.SPLIT else "",
    )
    return Checked({"label_leak": numbers}, (finding,) if low > LEAK else ())


def check_identity(
    name: str,
    features: Floats,
    columns: Columns,
    rng: np.random.Generator,
    *,
    speakers_shared: bool,
) -> Checked:
    """How well a linear probe tells speakers apart, and how well after normalising each.

    Folds keep dialogues whole where every speaker has several, as otherwise a topic or a room would
    tell. Chance is the share of the most frequent speaker.
    """
    rows = columns.labelled[_present(features)[columns.labelled]]
    codes, counts = np.unique(columns.speaker[rows], return_counts=True)
    codes, counts = codes[counts >= SPEAKER_FOLDS], counts[counts >= SPEAKER_FOLDS]
    kept = codes[np.argsort(-counts, kind="stable")][:SPEAKERS]
    rows = probe.drawn(rows[np.isin(columns.speaker[rows], kept)], rng)
    if kept.size < 2:
        return Checked()
    speaker = np.unique(columns.speaker[rows], return_inverse=True)[1].reshape(-1)
    groups = _dialogues(columns, rows)
    chosen = probe.projected(features[rows], rng)
    accuracy = _speakers_told(chosen, speaker, groups)
    own = features[rows]
    standardise_groups(own, speaker)
    own = probe.projected(own, rng)
    normalised = _speakers_told(own, speaker, groups)
    chance = float(np.bincount(speaker).max() / speaker.size)
    numbers = {
        "accuracy": accuracy,
        "chance": chance,
        "normalised": normalised,
        "speakers": int(kept.size),
        "n": int(rows.size),
        "by_dialogue": groups is not None,
    }
    which = f"the {kept.size} most frequent" if kept.size < codes.size else str(kept.size)
    finding = Finding(
        "speaker_identity",
        Severity.WARNING if speakers_shared else Severity.INFO,
        accuracy,
        f"A linear probe of the {name} features names the speaker of {percent(accuracy)} of "
        f"utterances {_unseen(columns, rows, groups)}, out of {which} speakers; "
        f"{percent(chance)} if it always named the most frequent one, "
        f"{percent(normalised)} once each speaker is normalised.",
        name,
    )
    tells = accuracy - chance >= IDENTITY * (1 - chance)
    return Checked({"speaker_identity": numbers}, (finding,) if tells else ())


def check_length(
    name: str, frames: NDArray[np.int64], columns: Columns, rng: np.random.Generator
) -> Checked:
    """A probe on frame counts (N,) alone, 0 where missing, on speakers that it has not seen.

    It sees the logarithm and its square, so that lengths in the middle can be told as well.
    """
    rows = columns.labelled[frames[columns.labelled] > 0]
    speaker, label = columns.speaker[rows], columns.label[rows]
    if np.unique(frames[rows]).size < 2 or probe.n_folds(label, speaker) < 2:
        return Checked()
    length = np.log(frames[rows].astype(np.float32))
    seen = np.stack([length, (length - length.mean()) ** 2], axis=1)
    predicted = probe.cross_predict(seen, label, speaker)
    usual = probe.majority(label, speaker)
    accuracy, chance = _accuracy(label, predicted), _accuracy(label, usual)
    # Generators of one state draw the same clusters for both, so that the gain is paired.
    seed = int(rng.integers(2**32))
    gain = _replicates(columns, rows, predicted, np.random.default_rng(seed))
    gain = gain - _replicates(columns, rows, usual, np.random.default_rng(seed))
    low, high = (float(bound) for bound in np.percentile(gain, [2.5, 97.5]))
    numbers = {
        "accuracy": accuracy,
        "majority": chance,
        "gain": accuracy - chance,
        "ci95": [low, high],
    }
    finding = Finding(
        "length_shortcut",
        Severity.SEVERE if low > LENGTH_SEVERE else Severity.WARNING,
        accuracy - chance,
        f"From {name} frame counts alone a linear probe names the class of {percent(accuracy)} of "
        f"utterances of unseen speakers, against {percent(chance)} for the most frequent class "
        f"(95 % interval of the gain {100 * low:.1f} to {100 * high:.1f} points).",
        name,
    )
    return Checked({"length": numbers}, (finding,) if low > LENGTH else ())


def _speakers_told(features: Floats, speaker: probe.Codes, groups: probe.Codes | None) -> float:
    told = probe.cross_predict(features, speaker, groups, SPEAKER_FOLDS, SPEAKER_STRENGTH)
    return _accuracy(speaker, told)


def _replicates(
    columns: Columns,
    rows: Rows,
    predicted: probe.Codes,
    rng: np.random.Generator,
    metric: str = "accuracy",
) -> NDArray[np.float64]:
    """A metric in replicates that draw speakers, then their dialogues; utterances without any."""
    dialogue = columns.dialogue[rows]
    inner = np.arange(rows.size) if (dialogue == NONE).all() else dialogue
    return probe.replicates(
        columns.label[rows], predicted, columns.speaker[rows], inner, rng, metric
    )


def _dialogues(columns: Columns, rows: Rows) -> probe.Codes | None:
    """(n,) dialogues to keep whole, or None where that leaves a speaker untold."""
    dialogue, speaker = columns.dialogue[rows], columns.speaker[rows]
    if (dialogue == NONE).any():
        return None
    pairs = np.unique(np.stack([speaker, dialogue]), axis=1)
    several = np.unique(pairs[0], return_counts=True)[1].min() >= SPEAKER_FOLDS
    return dialogue if several else None


def _unseen(columns: Columns, rows: Rows, groups: probe.Codes | None) -> str:
    """What a speaker probe had not seen of the utterances that it was asked about, in words."""
    if groups is not None:
        return "of dialogues it has not seen"
    dialogue, speaker = columns.dialogue[rows], columns.speaker[rows]
    pairs = np.unique(np.stack([speaker, dialogue]), axis=1)
    if (dialogue == NONE).any() or pairs.shape[1] == np.unique(speaker).size:
        return "it has not seen (there are no dialogues to keep apart, so recordings may tell too)"
    return "it has not seen, of dialogues it has"


def _accuracy(true: probe.Codes, predicted: probe.Codes) -> float:
    return float((true == predicted).mean())


def _uar(true: probe.Codes, predicted: probe.Codes) -> float:
    n_classes = int(max(true.max(), predicted.max())) + 1
    return float(scores(confusion(true, predicted, n_classes))["uar"])


def _present(features: Floats) -> Mask:
    present: Mask = ~np.isnan(features[:, 0])
    return present
