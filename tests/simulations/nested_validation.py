"""How settings of a method do on speakers that training never saw, all inside training parts.

What defaults are chosen by: nested_validation.py STORE METHOD [--set NAME=A,B,...]... Of every fold
of the protocol the test part is put away; the training part is cut again by the same protocol, and
the method trained on the inner training parts and judged on the inner test parts. So no choice
looks at a score that `memr evaluate` reports.

What a choice by this still is not: blind. A default serves all folds, and each session is an inner
test part while another is put away, so that labels of every session take part in a choice made by
the mean. `parts` has the accuracy of each outer fold's training part, by which one can see whether
each would have chosen alike.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.data.dataset import Dataset, open_dataset
from memr_cli.evaluation.metrics import confusion, scores
from memr_cli.evaluation.protocols import folds, restrict
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.method import FoldTask, TrainedMethod
from memr_cli.methods.registry import named
from memr_cli.progress import silent
from memr_cli.vocabulary import MODALITIES, Preset, ProtocolName
from store.reader import Store


def training_parts(data: Dataset, protocol: ProtocolName) -> Iterator[Dataset]:
    """The corpus without each fold's test part: without its sessions, else its speakers."""
    columns = data.columns
    by = columns.session if protocol is ProtocolName.SESSION else columns.speaker
    for fold in folds(protocol, columns, validation=False):
        yield data.excerpt(np.flatnonzero(~np.isin(by, by[fold.test])))


def judged(
    data: Dataset,
    protocol: ProtocolName,
    method: TrainedMethod,
    settings: TrainingSettings,
    seeds: range,
) -> NDArray[np.float64]:
    """(runs, 3) accuracy, UAR and the epoch chosen, of every inner fold and seed."""
    usable = method.usable(data.present, settings)
    inner = [restrict(fold, usable, data.columns) for fold in folds(protocol, data.columns)]
    tasks = [FoldTask(fold, seed) for fold in inner for seed in seeds]
    found = np.empty((len(tasks), 3))
    for place, model in method.fit(data, tasks, settings, "cpu", silent):
        rows = tasks[place].fold.test
        predicted = method.predict(model.arrays, data, settings, rows).argmax(axis=1)
        counts = confusion(data.columns.label[rows], predicted, len(data.class_names))
        each = scores(counts)
        found[place] = each["accuracy"], each["uar"], model.best_epoch
    return found


def candidates(asked: list[str]) -> Iterator[dict[str, Any]]:
    """Every combination of `NAME=A,B,...`, the values read as JSON where they are."""
    names = [text.partition("=")[0] for text in asked]
    values = [[_value(part) for part in text.partition("=")[2].split(",")] for text in asked]
    for chosen in product(*values):
        yield dict(zip(names, chosen, strict=True))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def described(
    overrides: Mapping[str, Any], by_part: Sequence[NDArray[np.float64]]
) -> dict[str, Any]:
    """Means over runs, the standard error of the mean accuracy, and the accuracy of each part."""
    found = np.concatenate(by_part)
    parts = [round(float(part[:, 0].mean()), 4) for part in by_part]
    error = found[:, 0].std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else None
    means = found.mean(axis=0).round(4).tolist()
    shown = {
        "accuracy": means[0],
        "uar": means[1],
        "epoch": means[2],
        "runs": len(found),
        "parts": parts,
    }
    told = None if error is None else round(float(error), 4)
    return {**overrides, **shown, "error": told, "parts": parts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("method")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=A,B")
    parser.add_argument("--protocol", type=ProtocolName, default=ProtocolName.SESSION)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--by-speaker", nargs="*", default=[], choices=MODALITIES)
    asked = parser.parse_args()
    method = named(asked.method)
    if not isinstance(method, TrainedMethod):
        parser.error(f"{asked.method} trains nothing of its own")
    with Store.open(asked.store) as store:
        used = method.modalities([name for name in MODALITIES if name in store.modalities])
        data = open_dataset(store, used, by_speaker=asked.by_speaker)
        parts = list(training_parts(data, asked.protocol))
        for overrides in candidates(asked.set):
            settings = method.settings(Preset.DEFAULT, overrides)
            found = [
                judged(part, asked.protocol, method, settings, range(asked.seeds)) for part in parts
            ]
            sys.stdout.write(json.dumps(described(overrides, found)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
