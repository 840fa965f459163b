"""The result of `memr audit`: what would mislead in a store under a protocol."""

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


class Finding(Part):
    """Something found."""

    code: str
    """What was found; `memr audit --help` and the docs list the codes."""
    severity: str
    """`severe`, `warning` or `info`."""
    modality: str | None
    """The modality it concerns, if one in particular."""
    value: float
    """The number that decided."""
    message: str
    """The finding in words."""
    action: str
    """Advice on it."""


class FindingCounts(Part):
    """Findings of each severity."""

    info: Count
    """Informational findings."""
    warning: Count
    """Warnings."""
    severe: Count
    """Severe findings."""


class Shared(Part):
    """Shares of test utterances; null where the corpus has no such column."""

    speakers: Fraction | None
    """Of a speaker who is in training too."""
    dialogues: Fraction | None
    """From a dialogue that is in training too."""
    sessions: Fraction | None
    """From a session that is in training too."""
    partners: Fraction | None
    """Share of the tested speakers who talk in a dialogue with a speaker of training."""


class PartCounts(Part):
    """A number in the training and one in the test part."""

    train: Count
    """In the training part."""
    test: Count
    """In the test part."""


class PartScores(Part):
    """A score by folds within the published training part, and one on the test part."""

    train: Fraction
    """Within the training part."""
    test: Fraction
    """On the test part."""


class SpeakerCounts(Part):
    """Tested speakers."""

    smallest_fold: Count
    """Test utterances of the fold that has the fewest."""
    smallest_speaker: Count
    """Test utterances of the speaker who has the fewest."""
    speakers: Count
    """Tested speakers."""


class ScriptShares(Part):
    """Shares of the test vectors that occur in training; null where there are none to look at."""

    scripted: Fraction | None
    """Of the vectors of scripted utterances."""
    improvised: Fraction | None
    """Of the vectors of improvised utterances."""


class Scripts(Part):
    """IEMOCAP's scripted dialogues."""

    share: Fraction
    """Share of the test utterances that are scripted."""
    repeated: Fraction | None
    """Share of the scripted ones whose script is in training too, by their ids."""
    identical: dict[str, ScriptShares]
    """Identical vectors by modality."""


class Identical(Part):
    """Test vectors that occur in training bit for bit."""

    share: Fraction | None
    """Share of the test vectors that were looked at."""
    n: Count
    """Test vectors that were looked at."""
    same_label: Fraction | None
    """Share of the identical ones with the label that most of their training copies have."""


class NearIdentical(Part):
    """Test vectors with a cosine above 0.999 to a training vector, identical ones apart."""

    share: Fraction | None
    """Share of the test vectors that were looked at."""
    n: Count
    """Test vectors that were looked at."""
    local_dims: float | None
    """Dimensions in which vectors spread around one of them, estimated."""
    by_chance: Fraction | None
    """Share of vectors that come this near to another by chance, estimated."""


class SpeakerIdentity(Part):
    """A linear probe that names the speaker of an utterance; accuracies."""

    accuracy: Fraction
    """Of the probe on features as they are."""
    chance: Fraction
    """Share of the most frequent speaker."""
    normalised: Fraction
    """After each speaker was standardised."""
    speakers: Count
    """Speakers that it tells apart."""
    n: Count
    """Utterances that were named."""
    by_dialogue: bool
    """True where folds kept dialogues whole."""


class Dimensions(Part):
    """Numbers of features."""

    dims: Count
    """Features of the modality."""
    dead: Count
    """Never vary."""
    dead_in_training: Count
    """Vary in the test part of a fold, and not in its training part."""
    duplicated: Count
    """Repeat another one."""


class Outliers(Part):
    """Values far outside the rest of their feature."""

    utterances: Count
    """Utterances with such a value."""
    values: Count
    """Such values."""
    share: Fraction
    """Share of utterances."""
    furthest: float
    """Distance of the furthest from the median, in ranges of the middle 99 %."""
    nearly_dead: Count
    """Features whose middle 99 % are one number."""


class Unevenness(Part):
    """The spread of a share over groups."""

    range: Fraction
    """Largest minus smallest share."""
    p: Fraction
    """Of a chi-squared test."""


class Missing(Part):
    """Utterances without the modality; null where there are no groups to compare."""

    share: Fraction
    """Share of all utterances."""
    by_class: Unevenness | None
    """Spread over classes."""
    by_speaker: Unevenness | None
    """Spread over speakers."""


class Length(Part):
    """A linear probe that names the class from frame counts; accuracies on unseen speakers."""

    accuracy: Fraction
    """Of the probe."""
    majority: Fraction
    """Always naming the most frequent class."""
    gain: Figure
    """Accuracy of the probe minus `majority`."""
    ci95: Interval
    """95 % bootstrap interval of the gain."""


class LabelLeak(Part):
    """A linear probe that names the class, within the published training part and on the test part.

    Accuracies, but for `uar` and `gap`.
    """

    train: Fraction
    """Within the training part, by folds."""
    test: Fraction
    """On the test part."""
    uar: PartScores
    """UAR of both."""
    gap: Figure
    """UAR within the training part minus UAR on the test part."""
    ci95: Interval
    """95 % bootstrap interval of the gap."""
    speakers: PartCounts
    """Speakers of both parts."""


class ModalityProbes(Part):
    """The measurements of one modality; those that could not be made are left out."""

    identical: Identical | UnsetType = UNSET
    """Vectors of test and training that are the same."""
    near_identical: NearIdentical | UnsetType = UNSET
    """Vectors of test and training that are almost the same."""
    speaker_identity: SpeakerIdentity | UnsetType = UNSET
    """How well features name the speaker."""
    dimensions: Dimensions | UnsetType = UNSET
    """Features that say nothing."""
    outliers: Outliers | UnsetType = UNSET
    """Values far outside the rest."""
    missing: Missing | UnsetType = UNSET
    """Utterances without the modality."""
    length: Length | UnsetType = UNSET
    """How well frame counts name the class."""
    label_leak: LabelLeak | UnsetType = UNSET
    """Whether the training part is easier than the test part."""


class Probes(Part):
    """All measurements."""

    shared: Shared
    """What test and training share."""
    classes: dict[str, PartCounts]
    """Utterances by class: in the smallest training part, and in all test parts together."""
    speakers: SpeakerCounts
    """How many utterances tested speakers have."""
    scripts: Scripts | None
    """Null where no utterance has an id like IEMOCAP's."""
    modalities: dict[str, ModalityProbes]
    """Measurements of each modality."""


class AuditFiles(Part):
    """Path of the audit."""

    audit: str
    """The audit file."""


class Audit(Result, tag="memr.audit/1"):
    """A store under a protocol, examined before anyone believes a score."""

    synthetic: bool
    """Whether the corpus is synthetic."""
    protocol: Protocol
    """Who is tested."""
    subset: str
    """IEMOCAP's dialogues that take part."""
    n: Count
    """Test utterances."""
    findings: tuple[Finding, ...]
    """The most severe first."""
    counts: FindingCounts
    """Findings of each severity."""
    probes: Probes
    """All numbers that were measured."""
    notes: tuple[str, ...]
    """What could not be examined, and why."""
    files: AuditFiles
    """Paths of the result's files."""
    seconds: float | UnsetType = UNSET
    """Time the command took, in seconds; printed only."""
