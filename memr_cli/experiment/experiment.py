"""One store under one protocol and one set of settings: what commands work on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from memr_cli.data.dataset import Dataset, open_dataset
from memr_cli.data.holdings import Holdings
from memr_cli.errors import UnsupportedError
from memr_cli.evaluation.protocols import Fold, folds
from memr_cli.experiment.settings import ExperimentSettings
from memr_cli.files.waiting import holding
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.method import CombiningMethod, Method, Need, TrainedMethod
from memr_cli.methods.registry import named, own, registered, unusable, why_unsupported
from memr_cli.progress import Progress
from memr_cli.results.folder import (
    ResultFolder,
    prepare_folder,
    refuse_another_stores,
    refuse_folder,
)
from memr_cli.results.saved import read_metrics
from memr_cli.vocabulary import (
    MODALITIES,
    PUBLISHED,
    Calibration,
    Device,
    Normalization,
    Preset,
    Subset,
)
from store.locking import remove_free
from store.reader import Store


@dataclass(frozen=True)
class Place:
    """Where an experiment reads, writes and trains, and how it tells people what it does.

    `detail` is for what only few want to know.
    """

    store: Path
    out: Path
    notice: Callable[[str], None]
    detail: Callable[[str], None]
    progress: Progress
    device: Device = Device.AUTO
    wait: float | None = None
    """Seconds to wait for another process that works on the same results, None without end."""


class Experiment:
    """An open store with settings. Data and folds are made when first needed.

    Raises UnsupportedError where a modality is to be normalised that the store does not hold.
    """

    def __init__(self, place: Place, settings: ExperimentSettings) -> None:
        self.place, self.settings = place, settings
        self.folder = ResultFolder(place.out)
        self.store = Store.open(place.store)
        self._used: tuple[str, ...] | None = None
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
    def data(self) -> Dataset:
        """What the store offers to learning. Raises UnsupportedError where nothing is labelled."""
        settings = self.settings
        used = self.held if self._used is None else self._used
        data = open_dataset(self.store, used, settings.subset, self._by_speaker(used))
        if not data.columns.labelled.size and settings.subset is not Subset.ALL:
            raise UnsupportedError(
                f"no labelled utterance of {self.place.store} is {settings.subset} by its id, "
                "which would read like Ses01F_impro01_F001 or Ses01F_script01_1_F001. Use "
                "--subset all."
            )
        if not data.columns.labelled.size:
            raise UnsupportedError(
                f"{self.place.store} holds no labelled utterance, so nothing can be learned or "
                "scored. Ingest a corpus whose emotion_labels are filled in."
            )
        return data

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        """The protocol's folds, with a validation part where the preset chooses an epoch."""
        return folds(
            self.settings.protocol,
            self.data.columns,
            self.settings.folds,
            validation=self.settings.preset is Preset.DEFAULT,
        )

    @cached_property
    def held(self) -> tuple[str, ...]:
        """The modalities that the store holds."""
        return self.holdings.modalities

    @cached_property
    def holdings(self) -> Holdings:
        """What the store has to offer methods."""
        return Holdings(self.store)

    def training_settings(self, method: TrainedMethod) -> TrainingSettings:
        """How this method is trained here."""
        return method.settings(self.settings.preset, self.settings.overrides)

    def modalities(self, method: Method) -> list[str]:
        """Those that a method, or any member of it, works on."""
        used = {name for member in self.members(method) for name in member.modalities(self.held)}
        return [name for name in self.held if name in used]

    def calibrates(self, method: Method) -> bool:
        """Whether a method's probabilities are calibrated; shares of votes are not."""
        return self.settings.calibrate is not Calibration.NONE and not casts_votes(method)

    def averages(self, method: Method) -> bool:
        """Whether a method's seeds are averaged; shares of votes are not."""
        return self.settings.ensemble and not casts_votes(method)

    def runs(self, method: Method) -> list[tuple[int, ...]]:
        """Seeds whose probabilities are averaged together; a run goes by the first of its seeds."""
        seeds = self.settings.seeds
        return [tuple(seeds)] if self.averages(method) else [(seed,) for seed in seeds]

    def by_speaker(self, method: TrainedMethod) -> frozenset[str]:
        """Those of a method's modalities that are normalised by speaker."""
        return self._by_speaker(method.modalities(self.held))

    def _by_speaker(self, modalities: Sequence[str]) -> frozenset[str]:
        asked = self.settings.normalization
        return frozenset(name for name in modalities if asked(name) is Normalization.SPEAKER)

    def members(self, method: Method) -> list[TrainedMethod]:
        """The trained methods that a method rests on: its members, or itself."""
        if isinstance(method, CombiningMethod):
            found = [named(name) for name in method.members(self.held)]
            return [member for member in found if isinstance(member, TrainedMethod)]
        return [method]

    def reads_dialogues(self, method: Method) -> bool:
        """Whether what a method says of an utterance depends on others of its dialogue."""
        return any(Need.DIALOGUES in member.needs for member in self.members(method))

    def use_only(self, methods: Sequence[Method]) -> None:
        """Have no more modalities read than these methods work on. To be said before `data`."""
        used = {name for method in methods for name in self.modalities(method)}
        self._used = tuple(name for name in self.held if name in used)

    def identity(self) -> dict[str, Any]:
        """The store as every JSON object names it."""
        return {"store": str(self.place.store), "fingerprint": self.store.fingerprint}

    def prepare_folder(self, methods: Sequence[Method]) -> None:
        """Make sure, before any work, that the results of these methods may be written.

        Raises UnsupportedError where one would replace a result of a store of another name,
        SystemRefusedError where a folder lies in the place of one, PermissionError where the folder
        is read-only, OSError where it cannot be made.
        """
        protocol = self.settings.protocol
        prepare_folder(self.folder.root)
        remove_free(self.folder.locks(protocol))
        for name in self._rested_on(methods):
            metrics = self.folder.metrics(protocol, name)
            refuse_folder(metrics)
            refuse_folder(self.folder.predictions(protocol, name))
            self.refuse_another_stores(metrics, (read_metrics(metrics) or {}).get("store"))

    def protect_checkpoints(self, methods: Sequence[Method]) -> None:
        """Raise UnsupportedError where making these would replace models of another store."""
        for name in self._rested_on(methods):
            for checkpoint in self.folder.all_checkpoints(self.settings.protocol, name):
                self.refuse_another_stores(checkpoint, _owner(checkpoint))

    @contextmanager
    def working_on(self, methods: Sequence[Method]) -> Iterator[None]:
        """Keep other processes from making models or results of these methods meanwhile.

        Waits for those that do, as long as `place.wait` says. Raises SystemRefusedError where they
        are not done by then.
        """
        protocol = self.settings.protocol
        names = self._rested_on(methods)
        locks = [self.folder.lock(protocol, name) for name in names]
        with holding(locks, self.place.wait, self.place.notice):
            for name in names:
                self.folder.remove_leftovers(protocol, name)
            yield

    def _rested_on(self, methods: Sequence[Method]) -> list[str]:
        """The names of these methods and of the trained ones that they rest on."""
        members = (member for method in methods for member in self.members(method))
        return list(dict.fromkeys(method.name for method in (*methods, *members)))

    def refuse_another_stores(self, path: Path, owner: object) -> None:
        """Raise UnsupportedError if `path` holds a result of a store of another name."""
        refuse_another_stores(path, owner, self.place.store)


def casts_votes(method: Method) -> bool:
    """Whether what a method gives as probabilities are shares of votes."""
    return isinstance(method, CombiningMethod) and method.votes


def _owner(checkpoint: Path) -> object:
    """The store that a checkpoint was made from, None where it does not say."""
    from memr_cli.learning.checkpoints import CheckpointError, read_facts

    try:
        return read_facts(checkpoint).get("store")
    except (CheckpointError, FileNotFoundError):
        return None  # it is told apart, and replaced, where it would be used


@dataclass(frozen=True)
class Choice:
    """Methods to work on, and why others that a collective name stands for are skipped.

    by_name: those asked for by their own name, which may not be skipped.
    """

    methods: tuple[Method, ...]
    by_name: frozenset[str]
    skipped: Mapping[str, str]


def choose(
    names: Sequence[str], collective: Mapping[str, Sequence[str]], holdings: Holdings
) -> Choice:
    """Resolve method names, some of which may stand for several (`all`, `every`).

    Raises UsageError for an unknown name, UnsupportedError for a method asked for by its own name
    that a store with these holdings does not support, or where nothing remains.
    """
    if not holdings.modalities:
        raise UnsupportedError(
            f"the store holds none of the modalities {', '.join(MODALITIES)}, which methods work "
            "on. Ingest a corpus that has features of one of them."
        )
    methods: dict[str, Method] = {}
    skipped = unusable() if "every" in names else {}
    for name in names:
        for member in collective.get(name, (name,)):
            method = named(member)
            reason = why_unsupported(method, holdings)
            if reason is None:
                methods[method.name] = method
            elif name in collective:
                skipped[member] = reason
            else:
                raise UnsupportedError(reason)
    if not methods:
        raise UnsupportedError(" ".join(skipped.values()))
    by_name = frozenset(named(name).name for name in names if name not in collective)
    return Choice(tuple(methods.values()), by_name, skipped)


def collective_names(
    names: Sequence[str], is_fusion: bool | None = None
) -> dict[str, tuple[str, ...]]:
    """The names that stand for several methods: of all, or only for fusion, or only others.

    What `every` stands for is looked up only where it is among `names`, since methods of other
    packages take long to find.
    """
    every = registered() if "every" in names else own()
    return {
        name: tuple(
            member
            for member in members
            if is_fusion is None or every[member].is_fusion == is_fusion
        )
        for name, members in (("all", PUBLISHED), ("every", tuple(every)))
    }
