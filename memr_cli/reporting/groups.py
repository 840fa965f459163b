"""Results that may stand in one table: same store, folds, and terms such as preset and seeds.

Letters: K folds, C classes.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import PurePath

from memr_cli.results.ablation import Ablation
from memr_cli.results.comparison import ComparedMethod
from memr_cli.results.evaluation import Evaluation, Fold
from memr_cli.results.schema import Result, Value
from memr_cli.vocabulary import PUBLISHED

_MOST_BESIDE = 6


@dataclass(frozen=True)
class Terms:
    """The settings that results of one table share.

    normalize: `global` or `speaker` by modality, for those that a method uses. ensemble: whether
    the probabilities of the seeds are averaged before they are scored.
    """

    preset: str
    seeds: tuple[int, ...]
    overrides: Mapping[str, Value]
    subset: str
    normalize: Mapping[str, str]
    calibrate: str | None
    ensemble: bool

    @classmethod
    def of(cls, made: Evaluation | Ablation | ComparedMethod) -> "Terms":
        """Return the terms of a result or of a method that was compared."""
        settings = made.settings
        used = {name: settings.normalization(name) for name in settings.modalities}
        return cls(
            preset=made.preset,
            seeds=settings.all_seeds,
            overrides=settings.overrides,
            subset=settings.subset,
            normalize={**used, **settings.normalize},
            calibrate=settings.calibrate,
            ensemble=settings.ensemble,
        )

    @property
    def by_speaker(self) -> tuple[str, ...]:
        """The modalities that are normalised by speaker."""
        return tuple(name for name, how in self.normalize.items() if how != "global")

    def agree(self, other: "Terms") -> bool:
        """Whether all agrees, normalisation in the modalities that both use."""
        shared = self.normalize.keys() & other.normalize.keys()
        return (
            self.preset == other.preset
            and self.seeds == other.seeds
            and self.overrides == other.overrides
            and self.subset == other.subset
            and self.calibrate == other.calibrate
            and self.ensemble == other.ensemble
            and all(self.normalize[name] == other.normalize[name] for name in shared)
        )


def store_name(result: Result) -> str:
    """Return the file name of the store that a result was made from."""
    path = result.store or ""
    return PurePath(path).name or path


@dataclass(frozen=True)
class Group:
    """Results of one store, protocol with its folds, and terms; never empty.

    `results` are in the order of the table: the five, then others by name. `name` is unique in a
    report and fit for file names.
    """

    results: tuple[Evaluation, ...]
    name: str

    @property
    def reference(self) -> Evaluation:
        """The result that scores the most utterances; it speaks for folds and classes."""
        return max(self.results, key=lambda result: result.n)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that are there, in the order of the table."""
        return tuple(result.method for result in self.results)

    @property
    def is_crowded(self) -> bool:
        """Whether there are more methods than can stand beside each other or be told by colour."""
        return len(self.results) > _MOST_BESIDE

    @property
    def not_evaluated(self) -> tuple[str, ...]:
        """Those of the five that are not there."""
        return tuple(method for method in PUBLISHED if method not in self.methods)

    @property
    def store(self) -> str:
        """The file name of the store."""
        return store_name(self.reference)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the store's content."""
        return self.reference.fingerprint or ""

    @property
    def protocol(self) -> str:
        """The name of the protocol."""
        return self.reference.protocol.name

    @property
    def description(self) -> str:
        """The protocol in words."""
        return self.reference.protocol.description or f"protocol {self.protocol}"

    @property
    def folds(self) -> tuple[Fold, ...]:
        """The K folds, with everyone who is tested by any method."""
        return self.reference.protocol.folds

    @property
    def terms(self) -> Terms:
        """What the results agree in; normalisation is that of every modality that one uses."""
        normalize: dict[str, str] = {}
        for result in self.results:
            normalize |= Terms.of(result).normalize
        # Nothing calibrates a vote or averages its seeds, so it does not tell.
        asked = Terms.of(min(self.results, key=lambda one: one.votes))
        return replace(asked, normalize=normalize)

    @property
    def preset(self) -> str:
        """The name of the preset."""
        return self.reference.preset

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that the scores are means over, or the probabilities of ensembles."""
        return self.reference.settings.all_seeds

    @property
    def seeing_dialogues(self) -> tuple[str, ...]:
        """The methods that have turns of test dialogues, without labels, as context."""
        return tuple(one.method for one in self.results if one.reads_test_dialogues)

    @property
    def synthetic(self) -> bool:
        """Whether the corpus was made up."""
        return any(result.synthetic for result in self.results)

    @property
    def n(self) -> int:
        """The most utterances that any method scores."""
        return self.reference.n

    @property
    def class_names(self) -> tuple[str, ...]:
        """The C classes in the order of their indices."""
        return self.reference.class_names

    def get(self, method: str) -> Evaluation | None:
        """The result of a method, None where it is not there."""
        return next((result for result in self.results if result.method == method), None)


def group(results: Sequence[Evaluation], preferred: str | None = None) -> list[Group]:
    """Sort results into groups, the primary one first.

    Primary is a group of the store called `preferred`, then the one with the most methods.
    """
    parts: list[list[Evaluation]] = []
    # The widest first: a method that lacks a modality may have lost whole speakers of a fold.
    for result in sorted(results, key=lambda r: (-_tested(r), -r.n, _rank(r.method))):
        home = next((part for part in parts if _belongs(result, part)), None)
        if home is None:
            parts.append([result])
        else:
            home.append(result)
    parts.sort(key=lambda part: _priority(part, preferred))
    names = _names([slug(f"{part[0].protocol.name}-{part[0].preset}") for part in parts])
    return [
        Group(tuple(sorted(part, key=lambda r: _rank(r.method))), name)
        for part, name in zip(parts, names, strict=True)
    ]


def _rank(method: str) -> tuple[int, str]:
    return (PUBLISHED.index(method) if method in PUBLISHED else len(PUBLISHED), method)


def _tested(result: Evaluation) -> int:
    return sum(len(fold.test) for fold in result.protocol.folds)


def _priority(part: Sequence[Evaluation], preferred: str | None) -> tuple[object, ...]:
    first = part[0]
    terms = json.dumps(asdict(Terms.of(first)), sort_keys=True, default=str)
    return (
        store_name(first) != preferred,
        -len(part),
        store_name(first),
        first.fingerprint or "",
        first.protocol.name,
        first.preset,
        terms,
        first.protocol.folds[0].test,
    )


def _belongs(result: Evaluation, part: Sequence[Evaluation]) -> bool:
    return (
        _made_on(result) == _made_on(part[0])
        and all(_agree(result, other) for other in part)
        and _same_folds(result, part[0])
        and all(result.method != other.method for other in part)
    )


def _agree(result: Evaluation, other: Evaluation) -> bool:
    """Whether terms agree; a vote goes with calibrated methods and with ensembles too."""
    ours, theirs = Terms.of(result), Terms.of(other)
    votes = [Terms.of(one) for one in (result, other) if one.votes]
    if any(vote.calibrate is None for vote in votes):
        ours, theirs = replace(ours, calibrate=None), replace(theirs, calibrate=None)
    if not all(vote.ensemble for vote in votes):
        ours, theirs = replace(ours, ensemble=False), replace(theirs, ensemble=False)
    return ours.agree(theirs)


def _made_on(result: Evaluation) -> tuple[object, ...]:
    return (
        store_name(result),
        result.fingerprint,
        result.synthetic,
        result.protocol.name,
        result.class_names,
    )


def _same_folds(result: Evaluation, widest: Evaluation) -> bool:
    """Whether the folds test the same speakers, but for those that were left out entirely."""
    if len(result.protocol.folds) != len(widest.protocol.folds):
        return False
    pairs = [
        (set(fold.test), set(wide.test))
        for fold, wide in zip(result.protocol.folds, widest.protocol.folds, strict=True)
    ]
    if result.left_out:
        return all(tested and tested <= wide for tested, wide in pairs)
    return all(tested == wide for tested, wide in pairs)


def slug(text: str) -> str:
    """`text` as part of a file name or an anchor."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-") or "results"


def _names(slugs: Iterable[str]) -> list[str]:
    names: list[str] = []
    for slug in slugs:
        name, number = slug, 2
        while name in names:
            name, number = f"{slug}-{number}", number + 1
        names.append(name)
    return names
