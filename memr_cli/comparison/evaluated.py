"""One evaluated method as its metrics and predictions tell it. K folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from memr_cli.errors import InputError
from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import digest
from memr_cli.results.predictions import Predictions
from memr_cli.results.schema import MOST_SEEDS

_LARGEST = 2**62

_KINDS = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True, eq=False)
class Evaluated:
    """A method under a protocol, with what it predicted.

    path: of its metrics file, below `folder`. modalities: those it works on. n_train, n_test: (K,)
    utterances of each fold. votes: whether it has votes in place of probabilities, so that seeds
    are never averaged. sees_dialogues: whether turns of test dialogues, without labels, are context
    in training. vouched: hashes of the files that were scored, by name in `folder`.
    """

    path: Path
    folder: ResultFolder
    method: str
    preset: str
    protocol: str
    description: str
    fingerprint: str
    settings: Mapping[str, Any]
    modalities: tuple[str, ...]
    versions: Mapping[str, Any]
    n: int
    n_train: tuple[int, ...]
    n_test: tuple[int, ...]
    synthetic: bool
    class_names: tuple[str, ...]
    votes: bool
    sees_dialogues: bool
    vouched: Mapping[str, str]

    @classmethod
    def parse(cls, value: Mapping[str, Any], path: Path, folder: ResultFolder) -> "Evaluated":
        """Read the object of a metrics file.

        Raises ValueError, which names the field, where it is not shaped as one.
        """
        folds = _field(value, "protocol.folds", list)
        settings = _field(value, "settings", dict)
        for name in ("settings.seed", "settings.seeds"):
            _field(value, name, int)
        _field(value, "settings.ensemble", bool, optional=True)
        for name in ("settings.normalize", "settings.overrides", "versions"):
            _field(value, name, dict, optional=True)
        evaluated = cls(
            path=path,
            folder=folder,
            method=_field(value, "method", str),
            preset=_field(value, "preset", str),
            protocol=_field(value, "protocol.name", str),
            description=_field(value, "protocol.description", str),
            fingerprint=_field(value, "fingerprint", str),
            settings=settings,
            modalities=_texts(value, "settings.modalities"),
            versions=value.get("versions") or {},
            n=_field(value, "n", int),
            n_train=_in_folds(folds, "n_train"),
            n_test=_in_folds(folds, "n_test"),
            synthetic=_field(value, "synthetic", bool),
            class_names=_texts(value, "confusion.labels"),
            votes=value.get("ties") is not None,
            sees_dialogues=_sees_dialogues(value),
            vouched=_field(value, "hashes", dict),
        )
        evaluated._check()
        return evaluated

    def _check(self) -> None:
        """Raise ValueError for numbers that no result has."""
        tested = self.n_test
        if min(self.n_train, default=0) <= 0 or max(tested) <= 0 or min(tested) < 0:
            raise ValueError("in its field protocol.folds one trains on nothing, or none tests")
        first, count = self.settings["seed"], self.settings["seeds"]
        if not (0 <= first < _LARGEST and 1 <= count <= MOST_SEEDS):
            raise ValueError(f"its settings name {count} seeds from {first} on")
        if not self.class_names or self.n < 1:
            raise ValueError("it scores nothing")

    @cached_property
    def predictions(self) -> Predictions:
        """What was predicted, read once.

        Raises InputError where the file is no such thing, or names folds that there are not.
        """
        path = self.folder.predictions(self.protocol, self.method)
        found = Predictions.read(path)
        if not ((found.fold >= 0) & (found.fold < len(self.n_test))).all():
            raise InputError(
                f"{path} names folds that {self.path} does not have, which was made with it. "
                "Delete both and run `memr evaluate` again."
            )
        return found

    @cached_property
    def hashes(self) -> dict[str, str]:
        """Of the metrics and the predictions file, by name in `folder`."""
        predictions = self.folder.relative(self.folder.predictions(self.protocol, self.method))
        vouched = {predictions: self.vouched[predictions]}
        return {self.folder.relative(self.path): digest(self.path), **vouched}

    @property
    def overrides(self) -> dict[str, Any]:
        """What replaces values of the preset, by setting."""
        return dict(self.settings.get("overrides") or {})

    @property
    def subset(self) -> str:
        """Which dialogues took part; files from before there was a choice do not say."""
        return str(self.settings.get("subset") or "all")

    @property
    def normalize(self) -> dict[str, str]:
        """How each modality that the method uses is normalised."""
        said = self.settings.get("normalize") or {}
        return {name: str(said.get(name, "global")) for name in self.modalities}

    @property
    def transductive(self) -> tuple[str, ...]:
        """The modalities that are normalised with test speakers' own features."""
        return tuple(name for name, how in self.normalize.items() if how == "speaker")

    @property
    def seeds(self) -> tuple[int, ...]:
        """Every seed that was trained with, ascending."""
        first = int(self.settings["seed"])
        return tuple(range(first, first + int(self.settings["seeds"])))

    @property
    def ensemble(self) -> bool:
        """Whether the probabilities of its seeds were averaged; earlier files do not say."""
        return bool(self.settings.get("ensemble"))

    @property
    def runs(self) -> tuple[int, ...]:
        """The seeds under which its predictions stand: of an ensemble the first alone."""
        return self.seeds[:1] if self.ensemble else self.seeds

    @property
    def training(self) -> dict[str, str]:
        """What a person chose about training, in words by setting."""
        chosen = {name.replace("_", " "): str(value) for name, value in self.overrides.items()}
        return {"preset": self.preset, **dict(sorted(chosen.items()))}


def _sees_dialogues(value: Mapping[str, Any]) -> bool:
    """What `leakage.dialogues.as_context` says; earlier files do not, as nothing was."""
    return bool(_field(value, "leakage.dialogues.as_context", bool, optional=True))


def _field(value: object, name: str, kind: type, *, optional: bool = False, whole: str = "") -> Any:
    """What lies at `a.b` of an object. whole: what messages call the field, where not `name`.

    Raises ValueError where it is not there or not of its kind. Null passes where optional.
    """
    found = value
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if optional and found is None:
        return found
    # Python counts true as a whole number, JSON does not.
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        wrong = "missing" if found is None else f"not {_KINDS[kind]}"
        raise ValueError(f"its field {whole or name} is {wrong}")
    return found


def _texts(value: object, name: str) -> tuple[str, ...]:
    texts = _field(value, name, list)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"its field {name} is not a list of texts")
    return tuple(texts)


def _in_folds(folds: Sequence[object], name: str) -> tuple[int, ...]:
    return tuple(
        _field(fold, name, int, whole=f"protocol.folds[{place}].{name}")
        for place, fold in enumerate(folds)
    )
