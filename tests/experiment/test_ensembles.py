"""Seeds whose probabilities are averaged: what is decided, written and reused."""

from pathlib import Path

import numpy as np
import pytest
from evaluating import QUICK, Run, asking, by_utterance, evaluated, predictions

TWO = ("--seeds", "2")
ENSEMBLE = (*TWO, "--ensemble")
METHODS = asking("lexical", "late", "late-stack")


def test_an_ensemble_decides_by_the_mean_of_its_seeds_probabilities(
    memr: Run, small_store: Path
) -> None:
    alone = evaluated(memr, small_store, *METHODS, *TWO, "--seed", "3")
    single = {name: predictions(small_store, name) for name in alone}
    together = evaluated(memr, small_store, *METHODS, *ENSEMBLE, "--seed", "3")
    for method in ("lexical", "late-stack"):
        found, result = predictions(small_store, method), together[method]
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
        files = [one[method]["files"]["checkpoints"] for one in (alone, together)]
        assert files[0] == files[1]  # of both seeds
    runs = [(run["seed"], run["fold"]) for run in together["late-stack"]["fusion"]]
    assert runs == [(seed, fold) for seed in (3, 4) for fold in range(5)]
    late = together["late"]  # votes are not averaged
    assert (late["reused"], late["settings"]["ensemble"]) == (True, False)


def test_votes_asked_for_beside_an_ensemble_say_that_they_are_none(
    memr: Run, small_store: Path
) -> None:
    result = evaluated(memr, small_store, *asking("late", "late-mean"), *ENSEMBLE)["late"]
    assert "seeds are not averaged, since shares of votes are no probabilities" in result["notes"]
    assert len(result["metrics"]["accuracy"]["seeds"]) == 2
    assert len(predictions(small_store, "late").utterances) == 2 * result["n"]


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
