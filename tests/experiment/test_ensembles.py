"""Seeds whose probabilities are averaged: what is decided, written, calibrated and reused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluated_store import QUICK, Run, asking, by_utterance, evaluated, predictions

from memr_cli.data.dataset import open_dataset
from memr_cli.evaluation.calibration import fitted_temperature
from memr_cli.evaluation.protocols import ProtocolName, folds, restrict
from memr_cli.learning.checkpoints import read
from memr_cli.methods.registry import named
from memr_cli.vocabulary import MODALITIES, Preset
from store.reader import Store

TWO = ("--seeds", "2")
ENSEMBLE = (*TWO, "--ensemble")
METHODS = asking("lexical", "late", "late-stack")


def test_an_ensemble_decides_by_the_mean_of_its_seeds_probabilities(
    memr: Run, small_store: Path
) -> None:
    alone = evaluated(memr, small_store, *METHODS, *TWO, "--seed", "3")
    single = {name: predictions(small_store.parent, name) for name in alone}
    files = alone["late-stack"]["files"]["checkpoints"]
    together = evaluated(memr, small_store, *METHODS, *ENSEMBLE, "--seed", "3")
    for method in ("lexical", "late-stack"):
        found, result = predictions(small_store.parent, method), together[method]
        first, second = (by_utterance(single[method], seed) for seed in (3, 4))
        assert set(found.utterances) == set(first)
        assert len(found.utterances) == len(set(found.utterances)) == result["n"]
        assert set(found.seed.tolist()) == {3}
        for row, name in enumerate(found.utterances):
            mean = (first[name] + second[name]) / 2
            np.testing.assert_allclose(found.probabilities[row], mean, rtol=1e-7)
            assert found.predicted[row] == mean.argmax()
        right = found.predicted == found.true
        accuracy = [right[found.fold == fold].mean() for fold in range(5)]
        assert result["metrics"]["accuracy"]["folds"] == pytest.approx(accuracy)
        assert result["metrics"]["accuracy"]["seeds"] == pytest.approx([np.mean(accuracy)])
        assert len(result["calibration"]["brier"]["seeds"]) == 1
        assert np.sum(result["confusion"]["counts"]) == result["n"]
        assert (result["settings"]["ensemble"], result["settings"]["seeds"]) == (True, 2)
        assert "the probabilities of 2 seeds are averaged" in " ".join(result["notes"])
    assert together["late-stack"]["files"]["checkpoints"] == files  # of both seeds
    runs = [(run["seed"], run["fold"]) for run in together["late-stack"]["fusion"]]
    assert runs == [(seed, fold) for seed in (3, 4) for fold in range(5)]
    assert together["late"]["reused"]  # votes are not averaged
    assert together["late"]["settings"]["ensemble"] is False


def test_votes_asked_for_beside_an_ensemble_say_that_they_are_none(
    memr: Run, small_store: Path
) -> None:
    result = evaluated(memr, small_store, *asking("late", "late-mean"), *ENSEMBLE)["late"]
    assert "seeds are not averaged, since shares of votes are no probabilities" in result["notes"]
    assert len(result["metrics"]["accuracy"]["seeds"]) == 2
    assert len(predictions(small_store.parent, "late").utterances) == 2 * result["n"]


def test_an_ensemble_is_reused_replaced_by_single_seeds_and_rests_on_every_seed(
    memr: Run, small_store: Path
) -> None:
    lexical = asking("lexical")
    evaluated(memr, small_store, *lexical, *ENSEMBLE)
    assert evaluated(memr, small_store, *lexical, *ENSEMBLE)["lexical"]["reused"]
    last = small_store.parent / "checkpoints/speaker/lexical/seed1/fold4.safetensors"
    last.unlink()
    assert not evaluated(memr, small_store, *lexical, *ENSEMBLE)["lexical"]["reused"]
    ran = memr("evaluate", "--store", small_store, *QUICK, *lexical, *TWO)
    assert not ran.lines[0]["reused"]
    assert ran.lines[0]["settings"]["ensemble"] is False
    assert "lexical.json is replaced: it was made with other settings" in ran.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--method", "lexical", "--ensemble"), "--ensemble averages seeds and has no effect on"),
        (("--method", "late", *ENSEMBLE), "--ensemble has no effect on late: shares of votes"),
    ],
)
def test_an_ensemble_of_nothing_is_wrong_usage(
    memr: Run, small_store: Path, words: tuple[str, ...], reason: str
) -> None:
    ran = memr("evaluate", "--store", small_store, *QUICK, *words)
    assert (ran.code, ran.stdout) == (2, "")
    assert reason in ran.stderr
    assert not list(small_store.parent.glob("checkpoints/**/*.safetensors"))


def test_the_temperature_of_an_ensemble_is_fitted_to_averaged_validation_probabilities(
    memr: Run, small_store: Path
) -> None:
    """Recomputed from the checkpoints' arrays before the refit."""
    call = (*asking("lexical"), *ENSEMBLE, "--calibrate", "temperature")
    told = evaluated(memr, small_store, *call)["lexical"]["calibration"]["temperatures"]
    assert [(one["fold"], one["seed"]) for one in told] == [(fold, 0) for fold in range(5)]
    method: Any = named("lexical")
    with Store.open(small_store) as store:
        data = open_dataset(store, MODALITIES)
        fold = folds(ProtocolName.SPEAKER, data.columns)[0]
        rows = restrict(fold, data.present["lexical"], data.columns).validation
        settings = method.settings(Preset.DEFAULT, {"epochs": int(QUICK[1])})
        said = []
        for seed in (0, 1):
            path = f"checkpoints/speaker/lexical/seed{seed}/fold0.safetensors"
            arrays = {
                name.removeprefix("selection."): array
                for name, array in read(small_store.parent / path).arrays.items()
                if name.startswith("selection.")
            }
            said.append(method.predict(arrays, data, settings, rows))
        true = data.columns.label[rows].astype(np.int64)
        expected = fitted_temperature(np.mean(said, axis=0), true)
    assert told[0]["temperature"] == pytest.approx(expected, rel=1e-6)
    assert told[0]["n"] == len(rows)
