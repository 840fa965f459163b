"""Linear probes for knowledge that features should not have: labels, speakers, lengths.

N utterances, D dims, C classes, n rows that a probe is asked about.
"""

import numpy as np
from numpy.typing import NDArray

from memr_cli.auditing import linear_probe as probe
from memr_cli.auditing.findings import Checked, Code, Severity, percent
from memr_cli.data.scaling import standardise_groups
from memr_cli.evaluation.bootstrap import FEW_CLUSTERS
from memr_cli.evaluation.columns import NONE, Columns, Rows
from memr_cli.evaluation.metrics import confusion, scores
from memr_cli.evaluation.protocols import Protocol, published_rows
from memr_cli.results.audit import LabelLeak, Length, PartCounts, PartScores, SpeakerIdentity
from memr_cli.results.schema import UNSET, UnsetType

LEAK = 0.10
"""The gap in UAR between training folds and test part that the lower bound has to exceed."""
LEAST_SPEAKERS = 5
"""With fewer speakers in either published part, a bootstrap over them means too little."""
IDENTITY = 0.25
"""The share of errors removed from which on a speaker probe is a finding."""
SPEAKERS = 40
"""Speakers to tell apart at most: those with the most utterances."""
SPEAKER_FOLDS, SPEAKER_STRENGTH = 3, 0.1
LENGTH, LENGTH_SEVERE = 0.01, 0.10
"""The gains in accuracy that the lower bound has to exceed."""

Floats = NDArray[np.float32]
Published = tuple[Rows, Rows]

LABEL_LEAK = Code(
    "label_leak",
    "features that know the labels of the published training part better than those of the test "
    "part: a linear probe has a higher UAR by folds within the training part than on the test "
    "part",
    "severe where the lower bound of the gap's 95 % interval is above 0.10; else no finding, and "
    "none where either part has fewer than 5 speakers",
    "Features were probably extracted by a network trained on these labels. Trust --protocol "
    "split alone, or extract features without the labels.",
)
UNDER_THE_SPLIT = (
    "Features were probably extracted by a network trained on these labels. Scores under "
    "--protocol split are honest; scores under every other protocol are not, unless features are "
    "extracted without the labels."
)
"""The action against a label leak under the protocol of the published split."""


def published_parts(columns: Columns) -> Published | str:
    """Return the labelled rows of the published training and test part, or why there are none.

    Only of classes that both have: a probe cannot name a class that it never saw.
    """
    rows = published_rows(columns)
    train, test = rows["train"], rows["test"]
    if not train.size or not test.size:
        return "the store has no published split with labelled utterances in training and test"
    if np.unique(columns.speaker[train]).size < 2:
        return "the published training part has a single speaker, so no folds by speaker"
    both = np.intersect1d(columns.label[train], columns.label[test])
    if both.size < 2:
        return "the published training and test part have fewer than two classes in common"
    return train[np.isin(columns.label[train], both)], test[np.isin(columns.label[test], both)]


def check_label_leak(
    name: str,
    features: Floats,
    columns: Columns,
    parts: Published,
    rng: np.random.Generator,
    protocol: Protocol,
) -> Checked[LabelLeak | UnsetType]:
    """Compare a probe by folds inside the training part with its score on the test part.

    features: (N, D), NaN where missing. The gap is one in UAR, as accuracy also differs where the
    parts have other shares of classes. Its interval resamples the speakers, and their dialogues, of
    either part; with fewer than LEAST_SPEAKERS in one of them, nothing is found.
    """
    train, test = (probe.drawn(_present(features, rows), rng) for rows in parts)
    label, speaker = columns.label, columns.speaker
    if probe.n_folds(label[train], speaker[train]) < 2 or not test.size:
        note = f"{name}: too few utterances of the published split to probe"
        return Checked(UNSET, notes=(note,))
    seen = probe.projected(features[np.concatenate([train, test])], rng)
    inside, outside = seen[: train.size], seen[train.size :]
    by_folds = probe.cross_predict(inside, label[train], speaker[train])
    on_test = probe.predict(inside, label[train], outside)
    within = _replicates(columns, train, by_folds, rng, "uar")
    beyond = _replicates(columns, test, on_test, rng, "uar")
    low, high = _bounds(within - beyond)
    uar = PartScores(train=_uar(label[train], by_folds), test=_uar(label[test], on_test))
    n_train, n_test = (np.unique(speaker[rows]).size for rows in (train, test))
    numbers = LabelLeak(
        train=_accuracy(label[train], by_folds),
        test=_accuracy(label[test], on_test),
        uar=uar,
        gap=uar.train - uar.test,
        ci95=(low, high),
        speakers=PartCounts(train=n_train, test=n_test),
    )
    if min(n_train, n_test) < LEAST_SPEAKERS:
        note = (
            f"label_leak cannot be told for {name}: its interval would rest on {n_train} speakers "
            f"in training and {n_test} in test, and needs {LEAST_SPEAKERS} in either"
        )
        return Checked(numbers, notes=(note,))
    if low <= LEAK:
        return Checked(numbers)
    is_rough = min(n_train, n_test) < FEW_CLUSTERS
    rough = f"; rough, with {n_train} and {n_test} speakers" if is_rough else ""
    message = (
        f"A linear probe of the {name} features has a UAR of {percent(uar.train)} (accuracy "
        f"{percent(numbers.train)}) by folds within the published training part and "
        f"{percent(uar.test)} ({percent(numbers.test)}) on the test part: "
        f"{100 * numbers.gap:.1f} points of UAR more (95 % interval {100 * low:.1f} to "
        f"{100 * high:.1f}{rough})."
    )
    action = UNDER_THE_SPLIT if protocol.published else ""
    finding = LABEL_LEAK.found(Severity.SEVERE, numbers.gap, message, name, action)
    return Checked(numbers, (finding,))


SPEAKER_IDENTITY = Code(
    "speaker_identity",
    "a linear probe tells speakers apart by their features",
    "where the probe removes a quarter or more of the errors of always naming the most frequent "
    "speaker: a warning if test speakers are in training too, else info",
    "Try each speaker's own mean and spread: `{evaluate}{subset} --normalize {modality}=speaker "
    "--out {modality}-by-speaker/`.",
)


def check_identity(
    name: str,
    features: Floats,
    columns: Columns,
    rng: np.random.Generator,
    *,
    speakers_shared: bool,
) -> Checked[SpeakerIdentity | UnsetType]:
    """Measure how well a probe tells speakers apart, and how well after normalising each.

    Folds keep dialogues whole where every speaker has several, as otherwise topics or microphones
    would give speakers away. Chance is the share of the most frequent speaker.
    """
    rows = _present(features, columns.labelled)
    codes, counts = np.unique(columns.speaker[rows], return_counts=True)
    codes, counts = codes[counts >= SPEAKER_FOLDS], counts[counts >= SPEAKER_FOLDS]
    kept = codes[np.argsort(-counts, kind="stable")][:SPEAKERS]
    rows = probe.drawn(rows[np.isin(columns.speaker[rows], kept)], rng)
    if kept.size < 2:
        return Checked(UNSET)
    speaker = np.unique(columns.speaker[rows], return_inverse=True)[1].reshape(-1)
    groups, unseen = _dialogues(columns.dialogue[rows], speaker)

    def accuracy(features: Floats) -> float:
        seen = probe.projected(features, rng)
        named = probe.cross_predict(seen, speaker, groups, SPEAKER_FOLDS, SPEAKER_STRENGTH)
        return _accuracy(speaker, named)

    own = features[rows]
    plain = accuracy(own)
    standardise_groups(own, speaker)
    numbers = SpeakerIdentity(
        accuracy=plain,
        chance=float(np.bincount(speaker).max() / speaker.size),
        normalised=accuracy(own),
        speakers=int(kept.size),
        n=int(rows.size),
        by_dialogue=groups is not None,
    )
    if plain - numbers.chance < IDENTITY * (1 - numbers.chance):
        return Checked(numbers)
    among = f"the {kept.size} most frequent" if kept.size < codes.size else str(kept.size)
    message = (
        f"A linear probe of the {name} features names the speaker of {percent(plain)} of "
        f"utterances {unseen}, out of {among} speakers; {percent(numbers.chance)} if it always "
        f"named the most frequent one, {percent(numbers.normalised)} once each speaker is "
        "normalised."
    )
    severity = Severity.WARNING if speakers_shared else Severity.INFO
    return Checked(numbers, (SPEAKER_IDENTITY.found(severity, plain, message, name),))


def _dialogues(dialogue: probe.Codes, speaker: probe.Codes) -> tuple[probe.Codes | None, str]:
    """Return the dialogues (n,) to keep whole, and in words what a speaker probe has not seen.

    None where a speaker has too few dialogues for that.
    """
    pairs = np.unique(np.stack([speaker, dialogue]), axis=1)
    per_speaker = np.unique(pairs[0], return_counts=True)[1]
    known = not (dialogue == NONE).any()
    if known and per_speaker.min() >= SPEAKER_FOLDS:
        return dialogue, "of dialogues it has not seen"
    if known and per_speaker.max() > 1:
        return None, "it has not seen, of dialogues it has"
    none_apart = "(there are no dialogues to keep apart, so recordings may tell too)"
    return None, f"it has not seen {none_apart}"


LENGTH_SHORTCUT = Code(
    "length_shortcut",
    "frame counts alone tell classes on speakers unseen",
    "where the lower bound of the 95 % interval of the gain over the most frequent class is above "
    "0.01: severe above 0.10, else a warning",
    "Check how utterances were cut and padded; a model may learn lengths and not emotions.",
)


def check_length(
    name: str, frames: NDArray[np.int64], columns: Columns, rng: np.random.Generator
) -> Checked[Length | UnsetType]:
    """Probe frame counts (N,) alone, 0 where missing, on speakers that the probe has not seen.

    It sees the logarithm and its square, so that it can name classes of middle length as well.
    """
    rows = columns.labelled[frames[columns.labelled] > 0]
    speaker, label = columns.speaker[rows], columns.label[rows]
    if np.unique(frames[rows]).size < 2 or probe.n_folds(label, speaker) < 2:
        return Checked(UNSET)
    length = np.log(frames[rows].astype(np.float32))
    seen = np.stack([length, (length - length.mean()) ** 2], axis=1)
    predicted = probe.cross_predict(seen, label, speaker)
    usual = probe.majority(label, speaker)
    accuracy, chance = _accuracy(label, predicted), _accuracy(label, usual)
    # Generators of one state draw the same clusters for both, so that the gain is paired.
    seed = int(rng.integers(2**32))
    gain = _replicates(columns, rows, predicted, np.random.default_rng(seed))
    gain = gain - _replicates(columns, rows, usual, np.random.default_rng(seed))
    low, high = _bounds(gain)
    numbers = Length(accuracy=accuracy, majority=chance, gain=accuracy - chance, ci95=(low, high))
    if low <= LENGTH:
        return Checked(numbers)
    message = (
        f"From {name} frame counts alone a linear probe names the class of {percent(accuracy)} of "
        f"utterances of unseen speakers, against {percent(chance)} for the most frequent class "
        f"(95 % interval of the gain {100 * low:.1f} to {100 * high:.1f} points)."
    )
    severity = Severity.SEVERE if low > LENGTH_SEVERE else Severity.WARNING
    return Checked(numbers, (LENGTH_SHORTCUT.found(severity, numbers.gain, message, name),))


def _replicates(
    columns: Columns,
    rows: Rows,
    predicted: probe.Codes,
    rng: np.random.Generator,
    metric: str = "accuracy",
) -> NDArray[np.float64]:
    """Return a metric in replicates that draw speakers, then their dialogues, else utterances."""
    dialogue = columns.dialogue[rows]
    inner = np.arange(rows.size) if (dialogue == NONE).all() else dialogue
    return probe.replicates(
        columns.label[rows], predicted, columns.speaker[rows], inner, rng, metric
    )


def _bounds(replicates: NDArray[np.float64]) -> tuple[float, float]:
    """Return the percentile interval of replicates (R,)."""
    low, high = np.percentile(replicates, [2.5, 97.5])
    return float(low), float(high)


def _accuracy(true: probe.Codes, predicted: probe.Codes) -> float:
    return float((true == predicted).mean())


def _uar(true: probe.Codes, predicted: probe.Codes) -> float:
    n_classes = int(max(true.max(), predicted.max())) + 1
    return float(scores(confusion(true, predicted, n_classes))["uar"])


def _present(features: Floats, rows: Rows) -> Rows:
    """Return those of the rows whose features are not missing."""
    present: Rows = rows[~np.isnan(features[rows, 0])]
    return present
