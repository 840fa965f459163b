"""An audit: every check of a store under a protocol, as one result."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from memr_cli.auditing import copies, leakage_probes, linear_probe, parts, values
from memr_cli.auditing.findings import Checked, Severity, joined
from memr_cli.data.dataset import Dataset, held_modalities, open_dataset
from memr_cli.errors import UnsupportedError
from memr_cli.evaluation.leakage import Copies, taking_part, vector_codes
from memr_cli.evaluation.protocols import PROTOCOLS, Fold, Protocol, check_n_folds, folds
from memr_cli.evaluation.similarity import near_copies
from memr_cli.progress import Progress
from memr_cli.results import schema
from memr_cli.results.audit import (
    Audit,
    AuditFiles,
    Finding,
    FindingCounts,
    ModalityProbes,
    Probes,
)
from memr_cli.results.folder import ResultFolder, prepare_folder, refuse_another_stores
from memr_cli.results.saved import save, store_named_in
from memr_cli.vocabulary import DEFAULT_FOLDS, ProtocolName, Subset
from store.reader import Store

DEFAULT_STORE = Path("memr.h5")
SEED = 0

CODES = {
    code.name: code
    for code in (
        parts.SHARED_SPEAKERS,
        parts.SHARED_DIALOGUES,
        parts.SHARED_SESSIONS,
        parts.SPLIT_PARTNERS,
        copies.IDENTICAL_VECTORS,
        copies.NEAR_IDENTICAL_VECTORS,
        copies.SCRIPTED_LINES,
        leakage_probes.LABEL_LEAK,
        leakage_probes.SPEAKER_IDENTITY,
        parts.SMALL_CLASS,
        parts.SMALL_SPEAKER,
        parts.FOLD_WITHOUT_CLASS,
        values.DEAD_DIMENSIONS,
        values.DUPLICATED_DIMENSIONS,
        values.OUTLIERS,
        values.UNEVEN_MISSING,
        leakage_probes.LENGTH_SHORTCUT,
    )
}
"""Every code by name, in the order of findings of one severity."""


@dataclass(frozen=True)
class AuditSettings:
    """The protocol and subset to audit. n_folds: where the protocol takes `--folds`.

    Raises UsageError for `--folds` that would have no effect.
    """

    protocol: ProtocolName = ProtocolName.SPEAKER
    n_folds: int | None = None
    subset: Subset = Subset.ALL

    def __post_init__(self) -> None:
        check_n_folds(self.protocol, self.n_folds)


@dataclass(frozen=True, eq=False)
class Subject:
    """The data to audit, its folds, and its frame counts (N,) by modality."""

    data: Dataset
    cut: Sequence[Fold]
    frames: Mapping[str, NDArray[np.int64]]
    protocol: Protocol


def audit(path: Path, out: Path, settings: AuditSettings, progress: Progress) -> Audit:
    """Audit the store at `path`, write the result below `out` and return it.

    Raises UnsupportedError where the store does not support the protocol or the subset, or the
    file there is of a store of another name; the errors of Store.open; OSError where the system
    refuses.
    """
    target = ResultFolder(out).audit(settings.protocol)
    protocol = PROTOCOLS[settings.protocol]
    with Store.open(path) as store:
        prepare_folder(out)
        refuse_another_stores(target, store_named_in(target), path)
        held = held_modalities(store)
        if not held:
            raise UnsupportedError(
                f"{path} holds no modality, which an audit looks at. Ingest a corpus that has "
                "features."
            )
        data = open_dataset(store, held, settings.subset)
        _refuse_empty(data, path, settings.subset)
        n_folds = DEFAULT_FOLDS if settings.n_folds is None else settings.n_folds
        cut = folds(settings.protocol, data.columns, n_folds, validation=False)
        frames = {name: store.frame_counts(name) for name in held}
        checked = examine(Subject(data, cut, frames, protocol), progress)
        fingerprint = store.fingerprint
    severities = [finding.severity for finding in checked.findings]
    result = Audit(
        store=str(path),
        fingerprint=fingerprint,
        synthetic=data.synthetic,
        protocol=schema.Protocol(name=settings.protocol.value, description=protocol.describe(cut)),
        subset=settings.subset.value,
        n=sum(fold.test.size for fold in cut),
        findings=_with_commands(checked.findings, path, settings),
        counts=FindingCounts(**{str(name): severities.count(name) for name in Severity}),
        probes=checked.numbers,
        notes=checked.notes,
        files=AuditFiles(audit=str(target)),
    )
    save(target, result)
    return result


def examine(subject: Subject, progress: Progress) -> Checked[Probes]:
    """Run every check; findings come in the order of severity, then of CODES."""
    data, cut, columns = subject.data, subject.cut, subject.data.columns
    shared = parts.check_shared(columns, cut, subject.protocol)
    classes = parts.check_classes(columns, data.class_names, cut)
    speakers = parts.check_speakers(columns, cut)
    published = leakage_probes.published_parts(columns)
    identical: dict[str, Copies] = {}
    modalities: dict[str, Checked[ModalityProbes]] = {}
    for name in progress(tuple(data.dims), "audit", total=len(data.dims), unit="modality"):
        modalities[name], identical[name] = _examine_modality(
            name, subject, published, speakers_shared=bool(shared.numbers.speakers)
        )
    scripts = copies.check_scripts(data.ids, cut, identical)
    probes = Probes(
        shared=shared.numbers,
        classes=classes.numbers,
        speakers=speakers.numbers,
        scripts=scripts.numbers,
        modalities={name: checked.numbers for name, checked in modalities.items()},
    )
    found = joined(probes, (shared, classes, speakers, *modalities.values(), scripts))
    severities, order = list(Severity), list(CODES)
    findings = sorted(
        found.findings,
        key=lambda one: (severities.index(Severity(one.severity)), order.index(one.code)),
    )
    notes = [*found.notes, *_unanswered(subject, published)]
    return Checked(probes, tuple(findings), tuple(dict.fromkeys(notes)))


def _examine_modality(
    name: str, subject: Subject, published: leakage_probes.Published | str, *, speakers_shared: bool
) -> tuple[Checked[ModalityProbes], Copies]:
    """Run the checks of one modality, each with a generator of its own; return copies as well."""
    data, cut, columns = subject.data, subject.cut, subject.data.columns
    features = data.features([name])
    all_rows = taking_part(cut)
    rows = all_rows[data.present[name][all_rows]]
    rngs = np.random.default_rng(SEED).spawn(5)
    code = vector_codes(features, cut)
    identical, same = copies.check_identical(name, features, code, columns, cut)
    near = near_copies(features, code, cut, rngs[0])
    checks: dict[str, Checked[Any]] = {
        "identical": identical,
        "near_identical": copies.check_near_identical(name, near, same.n),
        "speaker_identity": leakage_probes.check_identity(
            name, features, columns, rngs[1], speakers_shared=speakers_shared
        ),
        "dimensions": values.check_dims(name, features, rows, cut, rngs[2]),
        "outliers": values.check_outliers(name, features, rows, data.ids),
        "missing": values.check_missing(
            name, data.present[name], columns, data.class_names, all_rows
        ),
        "length": leakage_probes.check_length(name, subject.frames[name], columns, rngs[3]),
    }
    if not isinstance(published, str):
        checks["label_leak"] = leakage_probes.check_label_leak(
            name, features, columns, published, rngs[4], subject.protocol
        )
    numbers = ModalityProbes(**{key: checked.numbers for key, checked in checks.items()})
    found = joined(numbers, tuple(checks.values()))
    bounded = linear_probe.limits(rows.size, data.dims[name])
    notes = (f"{name}: {bounded}",) if bounded else ()
    return Checked(numbers, found.findings, (*found.notes, *notes)), same


def _with_commands(
    findings: Sequence[Finding], store: Path, settings: AuditSettings
) -> tuple[Finding, ...]:
    """Fill in the commands of the actions: they score what was audited, with further options."""
    words = ["memr", "evaluate"]
    words += ["--store", str(store)] if store != DEFAULT_STORE else []
    words += ["--protocol", settings.protocol]
    words += ["--folds", str(settings.n_folds)] if settings.n_folds is not None else []
    evaluate = shlex.join(words)
    subset = "" if settings.subset is Subset.ALL else f" --subset {settings.subset}"
    return tuple(
        msgspec.structs.replace(
            one, action=one.action.format(modality=one.modality, evaluate=evaluate, subset=subset)
        )
        for one in findings
    )


def _unanswered(subject: Subject, published: leakage_probes.Published | str) -> Iterator[str]:
    """Yield notes on the probes that the store does not allow."""
    if isinstance(published, str):
        yield f"label_leak cannot be told: {published}"
    single = [
        name
        for name, frames in subject.frames.items()
        if np.unique(frames[subject.data.present[name]]).size < 2
    ]
    if single:
        why = "all have the same number of frames"
        yield f"length_shortcut cannot be told for {', '.join(single)}: {why}"


def _refuse_empty(data: Dataset, path: Path, subset: Subset) -> None:
    if data.columns.labelled.size or subset is Subset.ALL:
        return  # without a subset, the protocol says what is lacking
    raise UnsupportedError(
        f"{path} holds no labelled utterance of the subset {subset}; utterances are told apart by "
        "ids like IEMOCAP's (Ses01F_impro01_F001). Leave --subset out."
    )
