"""The result of `memr evaluate`: one method under one protocol, scored.

Letters: K folds, S runs (one a seed, or one for all seeds of an ensemble), C classes.
"""

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.metrics import METRICS
from memr_cli.results.schema import (
    UNSET,
    Count,
    Figure,
    Fraction,
    Interval,
    Part,
    Protocol,
    Result,
    UnsetType,
)
from memr_cli.results.settings import Settings

Weight = Figure
Parameter = dict[str, Figure] | tuple[Figure | str | tuple[Figure, ...], ...]


class Fold(Part):
    """The speakers and utterances of one fold."""

    test: tuple[str, ...]
    """Speakers who are tested."""
    validation: tuple[str, ...]
    """Speakers whose utterances chose the epoch."""
    train: tuple[str, ...]
    """Speakers whose labels the final weights saw."""
    n_train: Count
    """Utterances that the final weights were trained on."""
    n_validation: Count
    """Utterances that chose the epoch."""
    n_test: Count
    """Utterances that are tested."""


class FoldedProtocol(Protocol):
    """A protocol with its folds."""

    folds: tuple[Fold, ...]
    """(K,) one entry a fold."""


class Score(Part):
    """One metric, as a fraction; null where it is undefined."""

    mean: Fraction | None
    """Mean over folds."""
    std: Fraction | None
    """Standard deviation over folds (of the population, as numpy.std)."""
    folds: tuple[Fraction | None, ...]
    """(K,) score of each fold, mean over runs."""
    seeds: tuple[Fraction | None, ...]
    """(S,) score of each run, mean over folds."""
    pooled: Fraction | None
    """Score of all test utterances at once."""
    ci95: Interval | None
    """95 % interval of the mean, by a clustered bootstrap."""

    def __post_init__(self) -> None:
        """Raise ValueError where it is undefined in some fold and has a mean, or the reverse."""
        undefined = None in self.folds
        if undefined != (self.mean is None) or undefined != (self.std is None):
            raise ValueError("a mean does not fit the scores of its folds")


class ClassScore(Part):
    """The scores of one class, over all test utterances at once."""

    precision: Fraction
    """Share of right ones among those predicted as the class."""
    recall: Fraction
    """Share of right ones among those of the class."""
    f1: Fraction
    """Harmonic mean of precision and recall."""
    support: Count
    """Test utterances of the class, each counted once a run."""


class Confusion(Part):
    """Decisions counted by true and predicted class."""

    labels: tuple[str, ...]
    """(C,) class names."""
    counts: tuple[tuple[Count, ...], ...]
    """(C, C) decisions; row: true class, column: predicted class. Each run counts."""
    folds: tuple[tuple[tuple[Count, ...], ...], ...]
    """(K, C, C) the same by fold."""


class Measure(Part):
    """One measure of calibration; lower is better."""

    mean: Figure
    """Mean over folds."""
    std: Figure
    """Standard deviation over folds."""
    folds: tuple[Figure, ...]
    """(K,) of each fold, mean over runs."""
    seeds: tuple[Figure, ...]
    """(S,) of each run, mean over folds."""
    pooled: Figure
    """Of all test utterances at once."""


class Bin(Part):
    """A bin of the reliability diagram: decisions of similar confidence."""

    confidence: Fraction
    """Mean confidence."""
    accuracy: Fraction
    """Share of right decisions."""
    n: Count
    """Decisions in the bin."""


class Temperature(Part):
    """The temperature that divides the logits of one fold and run."""

    fold: Count
    """Number of the fold."""
    seed: Count
    """First seed of the run."""
    temperature: Figure
    """Above 1: the method was too sure."""
    n: Count
    """Validation rows it was fitted on."""
    fitted: bool
    """False where no temperature was best; it is 1 then."""


class Calibration(Part):
    """How far probabilities can be trusted; all null for votes, which have no probabilities."""

    brier: Measure | None
    """Brier score."""
    ece: Measure | None
    """Expected calibration error."""
    aurc: Measure | None
    """Area under the risk-coverage curve."""
    bins: tuple[Bin, ...] | None
    """The reliability diagram."""
    temperatures: tuple[Temperature, ...] | None
    """Null where probabilities are not calibrated."""


class GroupScore(Part):
    """The scores of one speaker or session, mean over runs."""

    n: Count
    """Utterances."""
    f1_micro: Fraction | None
    """Micro-F1, which equals accuracy."""
    uar: Fraction | None
    """Unweighted average recall."""


class Overlap(Part):
    """Test utterances that training shares something with."""

    share: Fraction | None
    """Of all test utterances."""
    folds: tuple[Fraction | None, ...]
    """(K,) of the test utterances of each fold."""


class SharedDialogues(Overlap):
    """Test utterances whose dialogue is in training too."""

    as_context: bool
    """Whether training read these utterances as context, without their labels."""


class Leakage(Part):
    """What training and test share."""

    speakers: Count
    """Speakers who are both trained on and tested."""
    dialogues: SharedDialogues | None
    """Null where the corpus has no dialogues."""
    identical: dict[str, Overlap]
    """Test vectors that occur in training bit for bit, by modality."""


class ModalityWeights(Part):
    """Mean weights of a method that weighs modalities, over utterances that have all of them."""

    modalities: tuple[str, ...]
    """The modalities that are weighed."""
    n: Count
    """Predictions that count."""
    mean: dict[str, Weight]
    """Mean weight of each modality."""
    by_class: dict[str, dict[str, Weight]]
    """By true class: the mean weight of each modality, and `n`, the predictions that count."""

    def __post_init__(self) -> None:
        """Raise ValueError for weights that are not shares of the modalities."""
        names = set(self.modalities)
        every = [self.mean, *self.by_class.values()]
        if not names or any(not names <= weights.keys() for weights in every):
            raise ValueError("its weights do not fit its modalities")
        if not all(0 <= weights[name] <= 1 + 1e-6 for weights in every for name in names):
            raise ValueError("its weights of modalities are not shares")


class Ties(Part):
    """Votes that the tie rule decided: the lowest class index wins."""

    count: Count
    """Votes that were tied."""
    share: Fraction
    """Of all votes."""


class Fusion(Part):
    """What a combination learned in one fold with one seed."""

    fold: Count
    """Number of the fold."""
    seed: Count
    """Seed of the members' models."""
    n: Count
    """Validation rows it was fitted on."""
    fitted: bool
    """False where these were too few; nothing was learned then."""
    parameters: dict[str, Parameter]
    """`weights` by member, or the `classes`, `coefficients` and `intercepts` of a regression."""


class EvaluationFiles(Part):
    """Paths of the files of an evaluation."""

    metrics: str
    """The metrics file."""
    predictions: str
    """The predictions file."""
    checkpoints: tuple[str, ...]
    """The trained weights."""


class Evaluation(Result, tag="memr.evaluate/1"):
    """One method under one protocol, scored on utterances of speakers that training never heard.

    Scores are fractions. Raises ValueError where its parts do not fit together.
    """

    method: str
    """Name of the method."""
    preset: str
    """`default` or `original`."""
    settings: Settings
    """Every value that shaped the numbers."""
    synthetic: bool
    """Whether the corpus is synthetic."""
    protocol: FoldedProtocol
    """Who is tested, fold by fold."""
    n: Count
    """Test utterances that the method scores."""
    metrics: dict[str, Score]
    """By key of the metric."""
    per_class: dict[str, ClassScore]
    """Scores of each class."""
    confusion: Confusion
    """Decisions by true and predicted class."""
    calibration: Calibration
    """How far probabilities can be trusted."""
    by_speaker: dict[str, GroupScore] | None
    """Scores of each tested speaker."""
    by_session: dict[str, GroupScore] | None
    """Scores of each tested session; null where some tested utterance has none."""
    leakage: Leakage
    """What training and test share."""
    modality_weights: ModalityWeights | UnsetType | None = UNSET
    """Only of methods that weigh modalities; null where no tested utterance has all of them."""
    ties: Ties | UnsetType = UNSET
    """Only of votes."""
    notes: tuple[str, ...]
    """Sentences without a full stop that a reader of the figures should know."""
    fusion: tuple[Fusion, ...] | UnsetType = UNSET
    """Only of combinations that learn, by seed and fold."""
    transductive: bool
    """Whether features of test utterances, without their labels, shaped the model's input."""
    files: EvaluationFiles
    """Paths of the result's files."""
    versions: dict[str, str]
    """Versions of memr and of the libraries that numbers depend on."""
    key: str
    """Hash of everything that shaped the numbers; another key means stale."""
    left_out: Count
    """Labelled test utterances that lack what the method needs."""
    hashes: dict[str, str]
    """SHA-256 of the predictions and checkpoints, by path below the output folder."""
    digest: str | UnsetType = UNSET
    """Hash of all the above, in the file."""
    reused: bool | UnsetType = UNSET
    """Whether the result was read, not made; printed only."""
    seconds: float | UnsetType = UNSET
    """Time the command took for it, in seconds; printed only."""

    def __post_init__(self) -> None:
        """Check that the parts fit together."""
        folds, labels = len(self.protocol.folds), self.confusion.labels
        if not folds or not labels or not self.n:
            raise ValueError("it scores nothing")
        if any(not fold.test or not fold.n_train for fold in self.protocol.folds):
            raise ValueError("a fold tests nobody or trains on nothing")
        if len(set(labels)) < len(labels) or set(self.per_class) != set(labels):
            raise ValueError("its per-class scores do not fit its classes")
        shape = (len(labels), len(labels))
        try:
            counts, by_fold = self.counts, self.fold_counts
        except ValueError as error:  # rows of different lengths
            raise ValueError("its confusion counts are not a matrix") from error
        if counts.shape != shape or by_fold.shape != (folds, *shape):
            raise ValueError("its confusion counts do not fit its classes and folds")
        if not counts.any() or (by_fold.sum(axis=0) != counts).any():
            raise ValueError("its confusion counts do not fit each other")
        if set(METRICS) - self.metrics.keys():
            raise ValueError("it lacks a metric")
        if any(len(score.folds) != folds for score in self.metrics.values()):
            raise ValueError("its scores do not fit its folds")

    @property
    def counts(self) -> NDArray[np.int64]:
        """(C, C) decisions by true and predicted class."""
        return np.array(self.confusion.counts, np.int64)

    @property
    def fold_counts(self) -> NDArray[np.int64]:
        """(K, C, C) the same by fold."""
        return np.array(self.confusion.folds, np.int64)

    @property
    def class_names(self) -> tuple[str, ...]:
        """(C,) the classes in the order of their codes."""
        return self.confusion.labels

    @property
    def votes(self) -> bool:
        """Whether it gives shares of votes in place of probabilities."""
        return self.ties is not UNSET

    @property
    def runs(self) -> int:
        """How often each utterance is scored: once a seed, once for an ensemble."""
        return len(self.settings.runs)

    @property
    def is_unimodal(self) -> bool:
        """Whether it is the classifier of one modality, which it is named after."""
        return self.settings.modalities == (self.method,)

    @property
    def reads_test_dialogues(self) -> bool:
        """Whether training read turns of test dialogues as context, without labels."""
        return self.leakage.dialogues is not None and self.leakage.dialogues.as_context

    @property
    def training_choices(self) -> dict[str, str]:
        """The preset and what replaced its values, in words by setting."""
        chosen = {name.replace("_", " "): str(v) for name, v in self.settings.overrides.items()}
        return {"preset": self.preset, **dict(sorted(chosen.items()))}
