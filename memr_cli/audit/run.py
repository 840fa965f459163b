"""An audit: every check of a store under a protocol, as one object."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.audit import balance, copies, knowledge, probe, sharing, values
from memr_cli.audit.findings import CODES, Checked, Severity
from memr_cli.data.dataset import Dataset, held_modalities, open_dataset
from memr_cli.errors import UnsupportedError, UsageError
from memr_cli.evaluation.leakage import taking_part
from memr_cli.evaluation.protocols import Fold, describe, folds
from memr_cli.evaluation.similarity import Copies
from memr_cli.progress import Progress
from memr_cli.results.folder import ResultFolder, prepare_folder, refuse_another_stores
from memr_cli.results.saved import owner
from memr_cli.vocabulary import DEFAULT_FOLDS, ProtocolName, Subset
from store.atomic import write_whole
from store.reader import Store

SCHEMA = "memr.audit/1"
DEFAULT_STORE = Path("memr.h5")
SEED = 0


@dataclass(frozen=True)
class AuditSettings:
    """What is looked at. n_folds is for the protocol `speaker` alone.

    Raises UsageError for what cannot work or would have no effect.
    """

    protocol: ProtocolName = ProtocolName.SPEAKER
    n_folds: int | None = None
    subset: Subset = Subset.ALL

    def __post_init__(self) -> None:
        if self.n_folds is not None and self.protocol is not ProtocolName.SPEAKER:
            raise UsageError(
                f"--folds has no effect with --protocol {self.protocol}, which has its own. "
                "Leave it out, or use --protocol speaker."
            )


@dataclass(frozen=True, eq=False)
class Subject:
    """What is audited: data, its folds, frame counts (N,) by modality."""

    data: Dataset
    cut: Sequence[Fold]
    frames: Mapping[str, NDArray[np.int64]]
    protocol: ProtocolName


def audit(path: Path, out: Path, settings: AuditSettings, progress: Progress) -> dict[str, Any]:
    """Audit the store at `path` and write the result below `out`; returns it.

    Raises UnsupportedError where the store does not support the protocol or the subset, or the
    file there is of a store of another name; the errors of Store.open; OSError where the system
    refuses.
    """
    target = ResultFolder(out).audit(settings.protocol)
    with Store.open(path) as store:
        _prepare(target, path, out)
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
        checked = examine(Subject(data, cut, frames, settings.protocol), progress)
        identity = {"store": str(path), "fingerprint": store.fingerprint}
    result = {
        "schema": SCHEMA,
        **identity,
        "synthetic": data.synthetic,
        "protocol": {
            "name": str(settings.protocol),
            "description": describe(settings.protocol, cut),
        },
        "subset": str(settings.subset),
        "n": sum(fold.test.size for fold in cut),
        **as_object(checked, path, settings),
        "files": {"audit": str(target)},
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, (json.dumps(result, allow_nan=False, indent=1) + "\n").encode())
    return result


def examine(subject: Subject, progress: Progress) -> Checked:
    """Every check: findings from the gravest, and numbers by what they are about."""
    data, cut = subject.data, subject.cut
    columns = data.columns
    shared = sharing.check_sharing(columns, cut, subject.protocol)
    classes = balance.check_classes(columns, data.class_names, cut)
    speakers = balance.check_speakers(columns, cut)
    parts = knowledge.published_parts(columns)
    same: dict[str, Copies] = {}
    by_modality = {}
    for name in progress(tuple(data.dims), "audit", total=len(data.dims), unit="modality"):
        by_modality[name], same[name] = _examine_modality(
            name, subject, parts, speakers_shared=bool(shared.numbers["speakers"])
        )
    scripts = copies.check_scripts(data.ids, cut, same)
    found = [shared, classes, speakers, *by_modality.values(), scripts]
    gravest, order = list(Severity), list(CODES)
    findings = sorted(
        (finding for checked in found for finding in checked.findings),
        key=lambda finding: (gravest.index(finding.severity), order.index(finding.code)),
    )
    notes = [note for checked in found for note in checked.notes]
    if isinstance(parts, str):
        notes.append(f"label_leak cannot be told: {parts}")
    notes += _without_lengths(subject)
    numbers = {
        "shared": shared.numbers,
        "classes": classes.numbers,
        "speakers": speakers.numbers,
        "scripts": scripts.numbers or None,
        "modalities": {name: checked.numbers for name, checked in by_modality.items()},
    }
    return Checked(numbers, tuple(findings), tuple(dict.fromkeys(notes)))


def _examine_modality(
    name: str, subject: Subject, parts: knowledge.Published | str, *, speakers_shared: bool
) -> tuple[Checked, Copies]:
    """All that is asked of one modality, each check with randomness of its own."""
    data, cut, columns = subject.data, subject.cut, subject.data.columns
    features = data.features([name])
    all_rows = taking_part(cut)
    rows = all_rows[data.present[name][all_rows]]
    rngs = iter(np.random.default_rng(SEED).spawn(5))
    copied, same = copies.check_copies(name, features, columns, cut, next(rngs))
    found = [
        copied,
        knowledge.check_identity(
            name, features, columns, next(rngs), speakers_shared=speakers_shared
        ),
        values.check_dims(name, features, rows, cut, next(rngs)),
        values.check_outliers(name, features, rows, data.ids),
        balance.check_missing(name, data.present[name], columns, data.class_names, all_rows),
        knowledge.check_length(name, subject.frames[name], columns, next(rngs)),
    ]
    if not isinstance(parts, str):
        leak = knowledge.check_label_leak(
            name, features, columns, parts, next(rngs), subject.protocol
        )
        found.append(leak)
    bounded = probe.limits(rows.size, data.dims[name])
    numbers = {key: value for checked in found for key, value in checked.numbers.items()}
    findings = tuple(finding for checked in found for finding in checked.findings)
    notes = [note for checked in found for note in checked.notes]
    notes += [f"{name}: {bounded}"] * (bounded is not None)
    return Checked(numbers, findings, tuple(notes)), same


def as_object(checked: Checked, store: Path, settings: AuditSettings) -> dict[str, Any]:
    """Findings, how many there are of each severity, probes and notes, as they go into JSON."""
    evaluate = _evaluate_command(store, settings)
    subset = "" if settings.subset is Subset.ALL else f" --subset {settings.subset}"
    counts = {str(severity): 0 for severity in reversed(Severity)}
    for finding in checked.findings:
        counts[finding.severity] += 1
    return {
        "findings": [finding.as_object(evaluate, subset) for finding in checked.findings],
        "counts": counts,
        "probes": dict(checked.numbers),
        "notes": list(checked.notes),
    }


def _evaluate_command(store: Path, settings: AuditSettings) -> str:
    """The command that scores what was audited; actions add their options to it."""
    words = ["memr", "evaluate"]
    words += ["--store", str(store)] if store != DEFAULT_STORE else []
    words += ["--protocol", str(settings.protocol)]
    words += ["--folds", str(settings.n_folds)] if settings.n_folds is not None else []
    return shlex.join(words)


def _without_lengths(subject: Subject) -> list[str]:
    """A note on modalities that have one frame throughout, so no lengths to learn from."""
    single = [
        name
        for name, frames in subject.frames.items()
        if np.unique(frames[subject.data.present[name]]).size < 2
    ]
    if not single:
        return []
    why = "all have the same number of frames"
    return [f"length_shortcut cannot be told for {', '.join(single)}: {why}"]


def _prepare(target: Path, store: Path, out: Path) -> None:
    """Make sure, before any work, that the result may be written."""
    prepare_folder(out)
    refuse_another_stores(target, owner(target, SCHEMA), store)


def _refuse_empty(data: Dataset, path: Path, subset: Subset) -> None:
    if data.columns.labelled.size or subset is Subset.ALL:
        return  # without a subset, the protocol says what is lacking
    raise UnsupportedError(
        f"{path} holds no labelled utterance of the subset {subset}; utterances are told apart by "
        "ids like IEMOCAP's (Ses01F_impro01_F001). Leave --subset out."
    )
