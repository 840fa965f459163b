"""Load the results of an output folder that may be reported: readable and still fresh."""

from collections.abc import Callable
from pathlib import Path

from memr_cli.files.visible import visible_tree
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import no_longer_scored
from memr_cli.results.saved import load as load_result

Notice = Callable[[str], None]
UNREADABLE = (ValueError, OSError)
"""Raised for a file that is not as memr wrote it."""


def load(folder: ResultFolder, notice: Notice) -> list[Evaluation]:
    """Every result in `folder` that can be trusted, by protocol and method name.

    What cannot be read, and what no longer matches its predictions or a checkpoint, is left out,
    each with one notice. Checkpoints may be gone: a report can be made where only scores were kept.
    """
    results = []
    for path in folder.all_metrics():
        try:
            evaluated = _read(folder, path)
        except UNREADABLE as error:
            notice(
                f"{path} is not a metrics file that this version reads ({error}); it is "
                "left out of the report. Delete it and run `memr evaluate` again."
            )
            continue
        other = no_longer_scored(folder, evaluated.protocol, evaluated.method, evaluated.hashes)
        if other is not None:
            notice(
                f"{path} is stale and left out of the report: {other} is gone or no longer "
                f"the file that was scored. Run `memr evaluate --method {evaluated.method} "
                f"--protocol {evaluated.protocol}` again."
            )
            continue
        results.append(evaluated)
    return results


def _read(folder: ResultFolder, path: Path) -> Evaluation:
    evaluated = Evaluation(load_result(path, Evaluation, clean=visible_tree))
    if folder.metrics(evaluated.protocol, evaluated.method) != path:
        raise ValueError(
            f"it is of method {evaluated.method!r} under protocol {evaluated.protocol!r}, "
            "and its path says otherwise"
        )
    return evaluated
