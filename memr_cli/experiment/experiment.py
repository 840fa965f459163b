"""One store under one protocol and one set of settings, and the choice of methods to try on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from memr_cli.data.dataset import Dataset, open_dataset
from memr_cli.data.holdings import Holdings
from memr_cli.errors import UnsupportedError
from memr_cli.evaluation.protocols import Fold, folds
from memr_cli.experiment.settings import ExperimentSettings
from memr_cli.methods.method import Method
from memr_cli.methods.registry import named, own, registered, unusable, why_unsupported
from memr_cli.progress import Progress
from memr_cli.results.folder import ResultFolder, refuse_another_stores
from memr_cli.vocabulary import PUBLISHED, Device, Normalization, Preset, Subset
from store.reader import Store


@dataclass(frozen=True)
class Place:
    """The store, the output folder and the device of an experiment, and who is notified.

    notice: for sentences that everyone should see; detail: for those that few want. wait: seconds
    to wait for another process that works on the same results, None without end.
    """

    store: Path
    out: Path
    notice: Callable[[str], None]
    detail: Callable[[str], None]
    progress: Progress
    device: Device = Device.AUTO
    wait: float | None = None


class Experiment:
    """An open store with settings; use it as a context manager.

    Raises the errors of Store.open, and UnsupportedError where a modality is to be normalised that
    the store does not hold.
    """

    def __init__(self, place: Place, settings: ExperimentSettings) -> None:
        self.place, self.settings = place, settings
        self.folder = ResultFolder(place.out)
        self.store = Store.open(place.store)
        self._data: dict[tuple[str, ...], Dataset] = {}
        lacking = [name for name in settings.normalize_each if name not in self.held]
        if lacking:
            self.store.close()
            raise UnsupportedError(
                f"--normalize names {lacking[0]}, and the store holds {', '.join(self.held)}. Name "
                "one of those."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.store.close()

    @cached_property
    def holdings(self) -> Holdings:
        """What the store offers to methods."""
        return Holdings(self.store)

    @property
    def held(self) -> tuple[str, ...]:
        """The modalities that the store holds."""
        return self.holdings.modalities

    def by_speaker(self, modalities: Sequence[str]) -> frozenset[str]:
        """Return those of the modalities that are normalised by speaker."""
        how = self.settings.normalization
        return frozenset(name for name in modalities if how(name) is Normalization.SPEAKER)

    def data(self, modalities: tuple[str, ...]) -> Dataset:
        """Return the utterances with features of these modalities, each read once.

        Raises UnsupportedError where no utterance is labelled.
        """
        if modalities not in self._data:
            subset = self.settings.subset
            data = open_dataset(self.store, modalities, subset, self.by_speaker(modalities))
            self._refuse_unlabelled(data)
            self._data[modalities] = data
        return self._data[modalities]

    def _refuse_unlabelled(self, data: Dataset) -> None:
        if data.columns.labelled.size:
            return
        subset = self.settings.subset
        if subset is not Subset.ALL:
            raise UnsupportedError(
                f"no labelled utterance of {self.place.store} is {subset} by its id, "
                "which would read like Ses01F_impro01_F001 or Ses01F_script01_1_F001. Use "
                "--subset all."
            )
        raise UnsupportedError(
            f"{self.place.store} holds no labelled utterance, so nothing can be learned or "
            "scored. Ingest a corpus whose emotion_labels are filled in."
        )

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        """The protocol's folds, with validation rows where the preset chooses an epoch."""
        asked = self.settings
        validation = asked.preset is Preset.DEFAULT
        return folds(asked.protocol, self.data(()).columns, asked.folds, validation=validation)

    def refuse_another_stores(self, path: Path, owner: object) -> None:
        """Raise UnsupportedError if `path` holds a result of a store of another name."""
        refuse_another_stores(path, owner, self.place.store)


@dataclass(frozen=True)
class Choice:
    """The methods to work on.

    by_name: those asked for by their own name, which may not be skipped. skipped: reasons, by name
    of a method that only a collective name stands for.
    """

    methods: tuple[Method, ...]
    by_name: frozenset[str]
    skipped: Mapping[str, str]


def choose(
    names: Sequence[str], collective: Mapping[str, Sequence[str]], holdings: Holdings
) -> Choice:
    """Resolve method names, some of which may stand for several (`all`, `every`).

    Raises UsageError for an unknown name, UnsupportedError for a method asked for by its own name
    that the store does not support, or where nothing remains.
    """
    if not holdings.modalities:
        raise UnsupportedError(
            "the store holds no modality, which methods work on. Ingest a corpus that has features."
        )
    methods: dict[str, Method] = {}
    skipped = unusable() if "every" in names else {}
    for name in names:
        for member in collective.get(name, (name,)):
            method = named(member, holdings.modalities)
            reason = why_unsupported(method, holdings)
            if reason is None:
                methods[method.name] = method
            elif name in collective:
                skipped[member] = reason
            else:
                raise UnsupportedError(reason)
    if not methods:
        raise UnsupportedError(" ".join(skipped.values()))
    by_name = frozenset(
        named(name, holdings.modalities).name for name in names if name not in collective
    )
    return Choice(tuple(methods.values()), by_name, skipped)


def collective_names(
    names: Sequence[str], held: Sequence[str] = (), is_fusion: bool | None = None
) -> dict[str, tuple[str, ...]]:
    """Return the methods that `all` and `every` stand for: all, only fusion, or only others.

    Methods of other packages take long to find, so `every` includes them only where it is among
    `names`.
    """
    every = registered(held) if "every" in names else own()
    return {
        name: tuple(
            member
            for member in members
            if is_fusion is None or every[member].is_fusion == is_fusion
        )
        for name, members in (("all", PUBLISHED), ("every", tuple(every)))
    }
