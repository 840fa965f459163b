"""The Python interface: what the commands do, as functions that return typed results.

    from memr_cli import ingest, evaluate, compare

    ingest("raw/", "memr.h5")
    for result in evaluate("memr.h5", ["lexical", "early"], protocol="session"):
        print(result.method, result.metrics["uar"].mean)
    print(compare(["lexical", "early"], "memr.h5", protocol="session").pairs[0].sentence)

The functions raise subclasses of `memr_cli.errors.MemrError` and write the same files as the
commands. Nothing is printed: `notice` gets sentences that a user should know, `detail` those that
few want, and `progress` wraps loops, as tqdm does.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import msgspec

from memr_cli.errors import UsageError
from memr_cli.experiment.experiment import Experiment, Place, choose, collective_names
from memr_cli.experiment.runs import chosen, evaluate_methods, train_methods
from memr_cli.experiment.settings import SettingOptions, settings_from
from memr_cli.methods.registry import named, registered, shadowed, unusable, why_unsupported
from memr_cli.progress import Progress, silent
from memr_cli.vocabulary import (
    Across,
    Device,
    OnProblem,
    Pooling,
    ProtocolName,
    Subset,
    choice,
)

if TYPE_CHECKING:
    from memr_cli.results.ablation import Ablation
    from memr_cli.results.audit import Audit
    from memr_cli.results.comparison import Comparison
    from memr_cli.results.corpus import Info, Ingestion
    from memr_cli.results.evaluation import Evaluation
    from memr_cli.results.report import Report
    from memr_cli.results.training import Training

__all__ = ["ablate", "audit", "compare", "evaluate", "fuse", "info", "ingest", "report", "train"]

PathLike = str | os.PathLike[str]
Notice = Callable[[str], None]

OTHER = {"train": "fuse", "fuse": "train"}
"""The command that makes the methods that a command does not make."""


def ignore(_: Any) -> None:
    """Do nothing with a sentence or a result."""


class Options(SettingOptions, total=False):
    """The options of all functions that train. Those left out have the command's defaults.

    wait: seconds to wait for another process that works on the same results; None: until it is
    done.
    """

    out: PathLike | None
    device: str
    wait: float | None
    notice: Notice
    detail: Notice
    progress: Progress


def ingest(
    raw: PathLike,
    store: PathLike = "memr.h5",
    *,
    layout: str | None = None,
    pooling: str = "mean",
    sequences: bool = False,
    classes: Sequence[str] | None = None,
    on_problem: str = "keep",
    overwrite: bool = False,
    max_file_size: int | None = None,
    wait: float | None = None,
    notice: Notice = ignore,
    progress: Progress = silent,
) -> "Ingestion":
    """Pool the feature sequences of a corpus into one store.

    layout: by default recognised by content. pooling: `mean` or `max` over time. sequences: keep
    all frames too. classes: names of the labels 0, 1, …. on_problem: `keep` utterances whose
    feature file cannot be used, or `fail`. max_file_size: bytes of the largest file that is read.
    Raises InputError for raw data that its layout does not allow, StoreRefusedError for a store
    that would be overwritten, SystemRefusedError and OSError where the system refuses.
    """
    from memr_cli.ingestion import IngestSettings
    from memr_cli.ingestion import ingest as run

    started = time.monotonic()
    limit = {} if max_file_size is None else {"max_file_size": max_file_size}
    asked = IngestSettings(
        choice(Pooling, pooling, "pooling"),
        sequences,
        None if classes is None else tuple(classes),
        choice(OnProblem, on_problem, "on-problem"),
        overwrite,
        layout=layout,
        **limit,
    )
    result = run(Path(raw), Path(store), asked, progress, wait=wait, notice=notice)
    return msgspec.structs.replace(result, seconds=round(time.monotonic() - started, 3))


def info(store: PathLike = "memr.h5", *, notice: Notice = ignore) -> "Info":
    """Return what a store holds and which methods it supports. Raises the errors of Store.open."""
    from memr_cli.data.holdings import Holdings
    from memr_cli.ingestion import describe
    from memr_cli.results.corpus import Info
    from store.reader import Store

    with Store.open(Path(store)) as opened:
        content = describe(opened, Path(store))
        held = Holdings(opened)
        every = registered(held.modalities)
        methods = {name: why_unsupported(method, held) for name, method in every.items()}
    passed_over = unusable()
    for reason in (*passed_over.values(), *shadowed()):
        notice(reason)
    return Info(
        **msgspec.structs.asdict(content),
        methods=tuple(name for name, reason in methods.items() if reason is None),
        unsupported={name: reason for name, reason in (passed_over | methods).items() if reason},
    )


def train(
    store: PathLike = "memr.h5",
    methods: Sequence[str] = ("all",),
    *,
    each: "Callable[[Training], None]" = ignore,
    **options: Unpack[Options],
) -> "list[Training]":
    """Train unimodal methods for every fold and seed; fresh models are reused.

    each: called with each result as soon as it is known. Raises UsageError for a method that is a
    fusion, and as `evaluate`.
    """
    return _train("train", store, methods, each, options)


def fuse(
    store: PathLike = "memr.h5",
    methods: Sequence[str] = ("all",),
    *,
    each: "Callable[[Training], None]" = ignore,
    **options: Unpack[Options],
) -> "list[Training]":
    """Make fusion methods, and the unimodal classifiers they need, for every fold and seed.

    each: called with each result as soon as it is known. Raises UsageError for a method that is no
    fusion, and as `evaluate`.
    """
    return _train("fuse", store, methods, each, options)


def _train(
    command: str,
    store: PathLike,
    methods: Sequence[str],
    each: "Callable[[Training], None]",
    options: Options,
) -> "list[Training]":
    is_fusion = command == "fuse"
    with Experiment(_place(store, options), settings_from(options)) as experiment:
        held = experiment.held
        collective = collective_names(methods, held, is_fusion)
        for name in methods:
            if name not in collective and named(name, held).is_fusion != is_fusion:
                raise UsageError(
                    f"memr {command} does not make {name}; use `memr {OTHER[command]} --method "
                    f"{name}`."
                )
        selected = choose(methods, collective, experiment.holdings)
        for name, reason in selected.skipped.items():
            experiment.place.notice(f"{name} is skipped: {reason}")
        return _each(train_methods(experiment, selected, command), each)


def evaluate(
    store: PathLike = "memr.h5",
    methods: Sequence[str] = ("all",),
    *,
    ensemble: bool = False,
    calibrate: str = "none",
    each: "Callable[[Evaluation], None]" = ignore,
    **options: Unpack[Options],
) -> "list[Evaluation]":
    """Score methods on speakers that training never heard; fresh results are reused.

    ensemble: average the probabilities of all seeds. calibrate: `none` or `temperature`. each:
    called with each result as soon as it is known. Raises UsageError for options that do not exist
    or have no effect, UnsupportedError for what the store does not support, StoreError for a store
    that is missing or damaged, SystemRefusedError and OSError where the system refuses.
    """
    asked = settings_from(options, calibrate=calibrate, ensemble=ensemble)
    with Experiment(_place(store, options), asked) as experiment:
        return _each(evaluate_methods(experiment, chosen(experiment, methods)), each)


def ablate(
    store: PathLike = "memr.h5",
    methods: Sequence[str] = ("early",),
    *,
    retrain: bool = False,
    each: "Callable[[Ablation], None]" = ignore,
    **options: Unpack[Options],
) -> "list[Ablation]":
    """Score methods without each of their modalities, under noise and under random loss.

    retrain: train with each subset of modalities alone too. each: called with each result as soon
    as it is known. Raises as `evaluate`.
    """
    from memr_cli.ablation.runs import ablate_methods

    with Experiment(_place(store, options), settings_from(options)) as experiment:
        found = ablate_methods(experiment, chosen(experiment, methods), retrain=retrain)
        return _each(found, each)


def compare(
    methods: Sequence[str],
    store: PathLike = "memr.h5",
    *,
    against: str | None = None,
    out: PathLike | None = None,
    protocol: str | None = None,
    across: Sequence[str] = (),
    progress: Progress = silent,
) -> "Comparison":
    """Compare evaluated methods in pairs, over the utterances that all of them scored.

    methods: names, or paths of metrics files. against: compare each of them, or all evaluated
    methods where none is named, with this one alone. protocol: by default the only one that has
    results, else `speaker`. across: `normalize`, `ensemble`: settings in which results may differ.
    Raises UsageError and UnsupportedError where they cannot be compared; the message says what to
    run.
    """
    from memr_cli.comparison.compare import compare as run
    from memr_cli.comparison.evaluated import Request

    started = time.monotonic()
    name = None if protocol is None else choice(ProtocolName, protocol, "protocol")
    permitted = [choice(Across, one, "across") for one in across]
    request = Request(Path(store), _folder(store, out), methods, name, permitted, against)
    result = run(request, progress)
    return msgspec.structs.replace(result, seconds=round(time.monotonic() - started, 3))


def audit(
    store: PathLike = "memr.h5",
    *,
    out: PathLike | None = None,
    protocol: str = "speaker",
    folds: int | None = None,
    subset: str = "all",
    progress: Progress = silent,
) -> "Audit":
    """Look for what would mislead in a store under a protocol; nothing is trained but probes.

    Raises UsageError, UnsupportedError and the errors of Store.open as `evaluate`.
    """
    from memr_cli.auditing.run import AuditSettings
    from memr_cli.auditing.run import audit as run

    started = time.monotonic()
    asked = AuditSettings(
        choice(ProtocolName, protocol, "protocol"), folds, choice(Subset, subset, "subset")
    )
    result = run(Path(store), _folder(store, out), asked, progress)
    return msgspec.structs.replace(result, seconds=round(time.monotonic() - started, 3))


def report(
    store: PathLike = "memr.h5",
    *,
    methods: Sequence[str] = (),
    metrics: Sequence[str] = (),
    digits: int | None = None,
    out: PathLike | None = None,
    wait: float | None = None,
    notice: Notice = ignore,
    progress: Progress = silent,
) -> "Report":
    """Write tables, figures and a page of everything that was evaluated into the output folder.

    Results of this store come first. methods, metrics: those to show; all by default. digits: of
    percentages in tables. Raises UnsupportedError where there is no result to report, UsageError
    for a metric that does not exist or an option without effect.
    """
    from memr_cli.files.locks import holding
    from memr_cli.reporting.choice import choose
    from memr_cli.reporting.report import build
    from memr_cli.results.folder import ResultFolder

    path, folder = Path(store), ResultFolder(_folder(store, out))
    name = path.name if path.exists() else None
    choice = choose(methods, metrics, digits)
    with holding([folder.report_lock], wait, notice):
        return build(folder, store_name=name, choice=choice, notice=notice, progress=progress)


_R = TypeVar("_R", bound="Training | Evaluation | Ablation")


def _each(results: Iterable[_R], each: Callable[[_R], None]) -> list[_R]:
    """Time each result, hand it on, and return all."""
    found, started = [], time.monotonic()
    for result in results:
        seconds = round(time.monotonic() - started, 3)
        timed = msgspec.structs.replace(result, seconds=seconds)
        each(timed)
        found.append(timed)
        started = time.monotonic()
    return found


def _folder(store: PathLike, out: PathLike | None) -> Path:
    """The output folder: by default, the one that the store is in."""
    return Path(store).parent if out is None else Path(out)


def _place(store: PathLike, options: Options) -> Place:
    path = Path(store)
    return Place(
        path,
        _folder(store, options.get("out")),
        options.get("notice", ignore),
        options.get("detail", ignore),
        options.get("progress", silent),
        choice(Device, options.get("device", "auto"), "device"),
        options.get("wait"),
    )
