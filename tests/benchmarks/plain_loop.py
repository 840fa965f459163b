"""The five methods trained the plain way: one DataLoader loop per fold and network.

This is our reading of the published notebook's training, written anew as somebody would write it
without memr, and so the yardstick for speed: networks of three layers, Adam, batches of 32, 50
epochs with the last one kept, features standardised per fold by StandardScaler, five folds over the
sorted speakers. It does the work that `memr evaluate --preset original` does and no more, on the
same rows: an utterance takes part where it has every modality that the method needs.

A notebook does more. It has no store, and reads and pools the feature files first; and it tends to
predict the test speakers after every epoch. Where memr is timed the store is there already, and it
scores once; so this loop too reads pooled features from the store and scores once, after training.
Both choices shorten its time, and so the ratios taken to it.

`--late retrain` trains the voters of late fusion a second time, as a notebook does whose cells
stand by themselves; `--late reuse` lets the unimodal networks vote that are there already.

Prints one JSON object a method, shaped as those of `memr evaluate` where they overlap.

Letters: N utterances, n rows of one part, D dims, C classes.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

MODALITIES = ("visual", "acoustic", "lexical")
N_FOLDS = 5
BATCH = 32
Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """features {modality: (N, D)}, NaN where missing; label (N,), -1 unlabelled; speaker (N,)."""

    features: dict[str, Vectors]
    label: Labels
    speaker: NDArray[np.str_]
    n_classes: int

    def complete(self, modalities: tuple[str, ...]) -> NDArray[np.bool_]:
        """(N,) the labelled utterances that have all of these modalities."""
        has = [~np.isnan(self.features[name]).any(axis=1) for name in modalities]
        usable: NDArray[np.bool_] = np.logical_and.reduce([self.label >= 0, *has])
        return usable


def load(path: Path) -> Corpus:
    """Read what training needs from a store."""
    with h5py.File(path) as store:
        names = store["names/speaker"].asstr()[:].astype(str)
        held = [name for name in MODALITIES if name in store["features"]]
        return Corpus(
            features={name: store[f"features/{name}/pooled"][:] for name in held},
            label=store["utterances/label"][:].astype(np.int64),
            speaker=names[store["utterances/speaker"][:]],
            n_classes=len(store["names/class"]),
        )


def folds(corpus: Corpus) -> Iterator[NDArray[np.bool_]]:
    """(N,) the utterances of each fold's test speakers."""
    speakers = np.unique(corpus.speaker[corpus.label >= 0])
    for group in np.array_split(speakers, N_FOLDS):
        yield np.isin(corpus.speaker, group)


def network(n_inputs: int, hidden: int, n_classes: int) -> nn.Module:
    """The notebook's feed-forward network."""
    return nn.Sequential(
        nn.Linear(n_inputs, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden // 2),
        nn.ReLU(),
        nn.Linear(hidden // 2, n_classes),
    )


def fit_and_predict(
    corpus: Corpus,
    modalities: tuple[str, ...],
    train: NDArray[np.bool_],
    test: NDArray[np.bool_],
    epochs: int,
) -> Labels:
    """Train one network on the `train` rows (N,); returns the classes of the `test` rows."""
    hidden, rate = (128, 1e-3) if len(modalities) == 1 else (256, 5e-4)
    parts = []
    for name in modalities:
        scaler = StandardScaler().fit(corpus.features[name][train])
        parts.append([scaler.transform(corpus.features[name][rows]) for rows in (train, test)])
    x_train, x_test = (torch.tensor(np.hstack(side)) for side in zip(*parts, strict=True))
    y_train = torch.tensor(corpus.label[train])

    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=BATCH, shuffle=True)
    model = network(x_train.shape[1], hidden, corpus.n_classes)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, weight_decay=1e-5)
    criterion = nn.CrossEntropyLoss()
    for _ in range(epochs):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
    with torch.no_grad():
        predicted: Labels = model(x_test).argmax(dim=1).numpy()
    return predicted


def majority(votes: Labels, n_classes: int) -> Labels:
    """(n,) the class with most votes of (voters, n), the first of those that are equal."""
    counts = [np.bincount(column, minlength=n_classes) for column in votes.T]
    winner: Labels = np.array(counts).argmax(axis=1)
    return winner


def unimodal(corpus: Corpus, epochs: int) -> dict[str, list[Labels]]:
    """For each modality and fold the classes of all N utterances, -1 where not predicted."""
    predictions: dict[str, list[Labels]] = {name: [] for name in corpus.features}
    for name, of_fold in predictions.items():
        usable = corpus.complete((name,))
        for test in folds(corpus):
            predicted = np.full(len(corpus.label), -1)
            predicted[test & usable] = fit_and_predict(
                corpus, (name,), ~test & usable, test & usable, epochs
            )
            of_fold.append(predicted)
    return predictions


def result(method: str, corpus: Corpus, predictions: list[Labels]) -> dict[str, Any]:
    """The mean F1-micro over folds of predictions (N,), one for each fold."""
    scored = [predicted >= 0 for predicted in predictions]
    by_fold = [
        float(f1_score(corpus.label[rows], predicted[rows], average="micro"))
        for rows, predicted in zip(scored, predictions, strict=True)
    ]
    metrics = {"f1_micro": {"mean": float(np.mean(by_fold)), "folds": by_fold}}
    return {"method": method, "n": int(np.sum(scored)), "metrics": metrics}


def run(corpus: Corpus, epochs: int, late: str) -> Iterator[dict[str, Any]]:
    """Train and score the methods that the store's modalities allow, one after another."""
    every = tuple(corpus.features)
    members = unimodal(corpus, epochs)
    for name, predictions in members.items():
        yield result(name, corpus, predictions)

    usable = corpus.complete(every)
    early, votes = [], []
    for test in folds(corpus):
        predicted = np.full(len(corpus.label), -1)
        predicted[test & usable] = fit_and_predict(
            corpus, every, ~test & usable, test & usable, epochs
        )
        early.append(predicted)
    yield result("early", corpus, early)

    voters = unimodal(corpus, epochs) if late == "retrain" else members
    for fold, test in enumerate(folds(corpus)):
        predicted = np.full(len(corpus.label), -1)
        cast = np.stack([voters[name][fold][test & usable] for name in every])
        predicted[test & usable] = majority(cast, corpus.n_classes)
        votes.append(predicted)
    yield result("late", corpus, votes)


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--late", choices=("retrain", "reuse"), default="retrain")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.manual_seed(asked.seed)
    for line in run(load(asked.store), asked.epochs, asked.late):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
