"""What makes a result fresh: a key over everything that shapes it. Another key means stale."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import memr_cli
import store
from memr_cli.evaluation.protocols import PROTOCOLS
from memr_cli.experiment.settings import ExperimentSettings
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.method import TrainedMethod
from memr_cli.results.schema import hash_of

SHAPING = (
    *("corpora/iemocap.py", "data", "evaluation", "experiment"),
    *("learning", "methods", "results"),
)

READING = ("reader.py", "slabs.py")
"""Of the store, what features and frames are read with."""

LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn")
"""Those whose version may change the last digits, and with them a decision."""

_MODULES = {"scikit-learn": "sklearn"}
"""What a library is imported as, where that is not its name."""


@cache
def code_version(rooms: tuple[str, ...] = SHAPING) -> str:
    """Hash of the source code that shapes numbers.

    A number to be raised by hand would be forgotten once; this is at worst too careful.
    """
    root, read = Path(memr_cli.__file__).parent, Path(store.__file__).parent
    digest = hashlib.sha256()
    for top in (*(root / name for name in rooms), *(read / name for name in READING)):
        for path in sorted(top.rglob("*.py")) if top.is_dir() else [top]:
            digest.update(path.relative_to(top.parent).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def versions() -> dict[str, str]:
    """The version of memr and of the libraries that numbers depend on."""
    return {"memr": memr_cli.__version__, **{name: installed_version(name) for name in LIBRARIES}}


def installed_version(name: str) -> str:
    """The version of an installed library, which need not be loaded.

    It stands in the name of the folder that describes the installation. Only where that is not so
    simple is importlib.metadata asked, which is slow to load.
    """
    spec = find_spec(_MODULES.get(name, name))
    if spec is not None and spec.origin is not None:
        start, end = f"{name.replace('-', '_')}-", ".dist-info"
        beside = Path(spec.origin).parent.parent.glob(f"{start}*{end}")
        found = [folder.name.removeprefix(start).removesuffix(end) for folder in beside]
        if len(found) == 1:
            return found[0]
    from importlib.metadata import version

    return version(name)


def training_key(
    fingerprint: str,
    method: TrainedMethod,
    settings: ExperimentSettings,
    training: TrainingSettings,
    by_speaker: Collection[str],
    *,
    fold: int | None = None,
    seed: int | None = None,
) -> str:
    """Key of one method's models, or of the one of a fold and seed.

    by_speaker: those of its modalities that are normalised by speaker. How many seeds are trained
    does not count, so that adding some keeps those there are.
    """
    facts: dict[str, Any] = {
        "code": code_version(),
        "versions": versions(),
        "fingerprint": fingerprint,
        "method": method.name,
        "protocol": settings.protocol,
        "folds": settings.folds if PROTOCOLS[settings.protocol].takes_folds else None,
        "subset": settings.subset,
        "by_speaker": sorted(by_speaker),
        "preset": settings.preset,
        "training": asdict(training),
        "fold": fold,
        "seed": seed,
    }
    return hash_of(facts)


def evaluation_key(
    method: str,
    trained: dict[str, str],
    runs: Sequence[Sequence[int]],
    overrides: Mapping[str, Any],
    *,
    calibrated: bool,
) -> str:
    """Key of a method's metrics, from the keys of the models it rests on.

    runs: the seeds of each, whose probabilities are averaged. overrides: what was asked of
    training; results tell it and stand in one table by it, also where it changed nothing.
    """
    facts = {"method": method, "trained": trained, "runs": [list(run) for run in runs]}
    return hash_of({**facts, "overrides": dict(overrides), "calibrated": calibrated})
