"""Results whose seeds were averaged: among themselves, beside votes, and beside single seeds."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_methods import Corpus, write

from memr_cli.evaluation.significance import corrected_t
from memr_cli.results.folder import ResultFolder
from memr_cli.results.predictions import Predictions

Run = Callable[..., Any]
SESSION = ("--protocol", "session")
AVERAGED = {"seeds": 3, "ensemble": True}
SEEDS = (0, 1, 2)
TIES = {"count": 2, "share": 0.01}


def compared(memr: Run, made: Corpus, *arguments: str | Path) -> dict[str, Any]:
    ran = memr("compare", *arguments, *SESSION, "--store", made.store)
    assert ran.code == 0, ran.stderr
    result: dict[str, Any] = ran.lines[0]
    return result


def refused(memr: Run, made: Corpus, *arguments: str) -> str:
    ran = memr("compare", *arguments, *SESSION, "--store", made.store)
    assert (ran.code, ran.stdout) == (5, ""), ran.stderr
    message: str = ran.stderr
    return message


def by_fold(made: Corpus, method: str) -> np.ndarray:
    """(K,) accuracy in every fold, the mean over the rows of all seeds."""
    predictions = Predictions.read(ResultFolder(made.store.parent).predictions("session", method))
    right = predictions.predicted == predictions.true
    return np.array([right[predictions.fold == k].mean() for k in np.unique(predictions.fold)])


def test_ensembles_are_paired_over_their_one_run(memr: Run, made: Corpus) -> None:
    write(made, "lexical", skill=0.3, settings=AVERAGED)
    write(made, "early", skill=0.8, settings=AVERAGED)
    result = compared(memr, made, "lexical", "early")
    assert (result["seeds"], result["ensemble"]) == ([0, 1, 2], True)
    (pair,) = result["pairs"]
    found = pair["metrics"]["accuracy"]
    differences = by_fold(made, "early") - by_fold(made, "lexical")
    assert found["difference"] == pytest.approx(differences.mean())
    n = [int((made.session == k).sum()) for k in range(len(differences))]
    n_train = sum((sum(n) - one or 90) for one in n)
    assert found["t"]["p"] == pytest.approx(corrected_t(differences, sum(n) / n_train)[1])
    assert "lexical and early decide by the mean of the probabilities of 3 seeds" in result["notes"]
    assert not any("one seed" in note for note in result["notes"])


def test_a_vote_is_compared_with_an_ensemble_and_a_note_says_how(memr: Run, made: Corpus) -> None:
    write(made, "early", skill=0.8, settings=AVERAGED)
    write(made, "late", skill=0.3, seeds=SEEDS, settings={"ensemble": False}, ties=TIES)
    result = compared(memr, made, "late", "early")
    assert result["ensemble"] is True
    (pair,) = result["pairs"]
    expected = (by_fold(made, "early") - by_fold(made, "late")).mean()
    assert pair["metrics"]["accuracy"]["difference"] == pytest.approx(expected)
    assert pair["metrics"]["accuracy"]["ci95"][0] > 0
    assert (
        "early decides by the mean of the probabilities of 3 seeds and late is scored seed by "
        "seed, so a difference between them may come from averaging"
    ) in result["notes"]


def test_an_ensemble_beside_single_seeds_has_to_be_permitted(memr: Run, made: Corpus) -> None:
    write(made, "lexical", seeds=SEEDS)
    write(made, "early", skill=0.8, settings=AVERAGED)
    message = refused(memr, made, "lexical", "early")
    assert "they differ in ensemble (no and yes). To compare them anyway" in message
    asked = shlex.split(message.rpartition("Run: memr ")[2])
    assert asked[-4:-2] == ["--across", "ensemble"]
    ran = memr(*asked)
    assert ran.code == 0, ran.stderr
    assert ran.lines[0]["ensemble"] is None
    (pair,) = ran.lines[0]["pairs"]
    expected = (by_fold(made, "early") - by_fold(made, "lexical")).mean()
    assert pair["metrics"]["accuracy"]["difference"] == pytest.approx(expected)


def test_all_that_has_to_be_permitted_is_named_at_once(memr: Run, made: Corpus) -> None:
    write(made, "lexical", seeds=SEEDS, settings={"normalize": {"lexical": "speaker"}})
    write(made, "early", settings=AVERAGED)
    asked = "--across normalize --across ensemble"
    assert asked in refused(memr, made, "lexical", "early")
    assert asked in refused(memr, made, "lexical", "early", "--across", "normalize")


def test_the_command_that_makes_a_result_alike_averages_its_seeds_too(
    memr: Run, made: Corpus
) -> None:
    write(made, "lexical", settings=AVERAGED)
    write(made, "early", seeds=(0, 1))
    message = refused(memr, made, "lexical", "early")
    assert "seeds (0, 1, 2 and 0, 1) and ensemble (yes and no)" in message
    assert "--method early --protocol session --seeds 3 --ensemble --store" in message
    own = refused(memr, made, "lexical", "early", "--across", "ensemble")
    assert "--method early --protocol session --seeds 3 --store" in own


def test_missing_results_are_made_as_ensembles_but_for_votes(memr: Run, made: Corpus) -> None:
    write(made, "late", seeds=SEEDS, settings={"ensemble": False}, ties=TIES)
    write(made, "lexical", settings=AVERAGED)
    assert "--seeds 3 --ensemble --store" in refused(memr, made, "late", "early", "lexical")
    (ResultFolder(made.store.parent).metrics("session", "late")).unlink()
    assert "--seeds 3 --store" in refused(memr, made, "late", "lexical")


def test_two_results_of_one_method_are_told_apart_by_their_ensemble(
    memr: Run, made: Corpus, tmp_path: Path
) -> None:
    write(made, "early", seeds=SEEDS)
    other = write(made, "early", out=tmp_path / "other", settings=AVERAGED)
    result = compared(memr, made, "early", other, "--across", "ensemble")
    labels = [one["label"] for one in result["methods"]]
    assert labels == ["early (ensemble no)", "early (ensemble yes)"]


def test_an_ensemble_with_a_row_for_each_seed_is_refused(memr: Run, made: Corpus) -> None:
    write(made, "lexical", settings=AVERAGED)
    write(made, "early", seeds=SEEDS, settings={"ensemble": True})
    assert "do not have each of its utterances once per seed" in refused(
        memr, made, "lexical", "early"
    )


def test_a_method_that_saw_test_dialogues_is_said_to_be_transductive(
    memr: Run, made: Corpus
) -> None:
    write(made, "lexical")
    seen = {"dialogues": {"share": 0.4, "folds": [], "as_context": True}}
    write(made, "early", transductive=True, leakage=seen)
    notes = compared(memr, made, "lexical", "early")["notes"]
    assert (
        "early reads turns of test dialogues, without labels, as context in training: transductive"
    ) in notes
    assert (
        "early is transductive and lexical is not, so a difference between them may come from what "
        "training sees of the test part"
    ) in notes


def test_methods_that_see_the_same_of_the_test_part_are_named_together(
    memr: Run, made: Corpus
) -> None:
    seen = {"dialogues": {"share": 0.4, "folds": [], "as_context": True}}
    for name in ("lexical", "early", "gated"):
        write(made, name, transductive=True, leakage=seen)
    notes = compared(memr, made, "lexical", "early", "gated")["notes"]
    (told,) = (note for note in notes if "transductive" in note)
    assert told == (
        "lexical, early and gated read turns of test dialogues, without labels, as context in "
        "training: transductive"
    )


@pytest.mark.parametrize("shared", [None, {"share": 0.4, "folds": [], "as_context": False}])
def test_dialogues_that_training_did_not_read_as_context_make_nothing_transductive(
    memr: Run, made: Corpus, shared: dict[str, Any] | None
) -> None:
    write(made, "lexical")
    told = ["9 test utterances lie in dialogues that are trained on: transductive"]
    write(made, "early", transductive=True, leakage={"dialogues": shared}, notes=told)
    notes = compared(memr, made, "lexical", "early")["notes"]
    assert not any("transductive" in note for note in notes)
