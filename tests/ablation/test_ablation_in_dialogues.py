"""Ablation of methods whose decision on an utterance depends on the others of its dialogue."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ablating import METRICS, QUICK, Run
from averaging_method import Averaging, Call

from memr_cli.ablation import conditions, runs, scoring
from memr_cli.ablation.ablate import ablate
from memr_cli.ablation.conditions import SHARES, Absent, Condition, Lossy, Noisy, chances, noise
from memr_cli.ablation.decisions import FoldDecisions, decide, most_frequent
from memr_cli.data.dataset import Dataset
from memr_cli.data.scaling import deviations
from memr_cli.evaluation.columns import NONE
from memr_cli.experiment.experiment import Experiment, Place
from memr_cli.experiment.runs import trials_of
from memr_cli.experiment.settings import ExperimentSettings
from memr_cli.experiment.trial import Trial
from memr_cli.progress import silent
from memr_cli.vocabulary import MODALITIES, ProtocolName

ALL = MODALITIES


@pytest.fixture(scope="module")
def experiment(_ingested: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Experiment]:
    """Of speakers, so that a dialogue's turns are partly tested and partly trained on."""
    place = Place(_ingested, tmp_path_factory.mktemp("out"), print, print, silent)
    settings = ExperimentSettings(protocol=ProtocolName.SPEAKER)
    with Experiment(place, settings) as opened:
        yield opened


@dataclass(frozen=True)
class Measured:
    """A method under every condition, and what it was shown."""

    trial: Trial
    folds: list[FoldDecisions]
    calls: list[Call]

    def shown(self, condition: Condition) -> Call:
        """In the first fold. With nothing left, nothing is asked of a method."""
        return self.calls[list(self.folds[0].decided).index(condition) - 1]


@pytest.fixture(scope="module")
def measured(experiment: Experiment) -> Measured:
    method = Averaging()
    (trial,) = trials_of(experiment, [method])
    return Measured(trial, decide(trial, ALL, {}), list(method.seen))


@pytest.fixture
def few_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """One draw, level and share."""
    for module in (conditions, scoring):
        monkeypatch.setattr(module, "DRAWS", 1)
    for module in (conditions, scoring, runs):
        monkeypatch.setattr(module, "LEVELS", (1.0,))
        monkeypatch.setattr(module, "SHARES", (0.5,))


def predicted(trial: Trial, fold: int, data: Dataset, rows: np.ndarray) -> np.ndarray:
    (member,) = trial.members
    arrays = member.models.checkpoint(fold, 0).arrays
    return member.method.predict(arrays, data, member.settings, rows).argmax(axis=1)


def drawn(name: str, draw: int, tested: np.ndarray) -> np.ndarray:
    """(m,) chances of the turns of the first fold's dialogues, tested ones or not."""
    found = np.empty(len(tested))
    found[tested] = chances(name, 0, draw, int(tested.sum()))
    found[~tested] = chances(name, 0, draw, int((~tested).sum()), around=True)
    return found


def turns_of(data: Dataset, rows: np.ndarray) -> np.ndarray:
    """All turns of these rows' dialogues, in the store's order."""
    dialogue = data.columns.dialogue
    return np.flatnonzero(np.isin(dialogue, np.unique(dialogue[rows])))


def test_it_is_shown_all_turns_of_the_tested_dialogues_and_asked_for_the_tested_ones(
    experiment: Experiment, measured: Measured
) -> None:
    data, calls = measured.trial.data, iter(measured.calls)
    for fold in measured.folds:
        rows = turns_of(data, experiment.folds[fold.fold].test)
        assert len(rows) > fold.n_tested  # partners of other folds, and turns without a label
        assert (data.columns.label[rows] == NONE).any()
        ids = tuple(data.ids[row] for row in rows)
        whole = [data.ids[row] for row in fold.rows]
        for condition in fold.decided:
            if condition == Absent(0):
                continue
            shown, asked = next(calls)
            assert shown.ids == ids
            np.testing.assert_array_equal(shown.order, data.order[rows])
            if not isinstance(condition, Lossy):
                assert [shown.ids[place] for place in asked] == whole
    assert next(calls, None) is None


def test_absent_is_absent_in_every_turn(experiment: Experiment, measured: Measured) -> None:
    data = measured.trial.data
    rows = turns_of(data, experiment.folds[0].test)
    for number, name in enumerate(ALL):
        shown, _ = measured.shown(Absent(1 << number))
        for other in ALL:
            there = data.present[other][rows] & (other == name)
            np.testing.assert_array_equal(shown.present[other], there)


def test_tested_turns_meet_the_noise_that_all_methods_meet_and_the_others_noise_of_their_own(
    experiment: Experiment, measured: Measured
) -> None:
    data, fold = measured.trial.data, experiment.folds[0]
    rows = turns_of(data, fold.test)
    tested = np.isin(rows, fold.test)
    shown, _ = measured.shown(Noisy("acoustic", 2.0, 1))
    change = shown.features(["acoustic"]) - data.features(["acoustic"])[rows]
    dim = data.dims["acoustic"]
    spread = deviations(data.features(["acoustic"]), fold.train)
    expected = np.empty_like(change)
    expected[tested] = noise("acoustic", 0, 1, (len(fold.test), dim))
    expected[~tested] = noise("acoustic", 0, 1, (int((~tested).sum()), dim), around=True)
    expected *= 2 * spread
    expected[~data.present["acoustic"][rows]] = np.nan
    np.testing.assert_allclose(change, expected, atol=1e-3)
    np.testing.assert_array_equal(shown.features(["visual"]), data.features(["visual"])[rows])


@pytest.mark.parametrize("modality", [None, "lexical"])
def test_losses_are_shown_turn_by_turn(
    experiment: Experiment, measured: Measured, modality: str | None
) -> None:
    data, fold = measured.trial.data, experiment.folds[0]
    rows = turns_of(data, fold.test)
    tested = np.isin(rows, fold.test)
    condition = Lossy(modality, SHARES[5], 2)
    shown, asked = measured.shown(condition)
    for name in ALL:
        there = data.present[name][rows]
        if modality in (None, name):
            kept = drawn(name, 2, tested) >= SHARES[5]
            assert 0.2 < kept.mean() < 0.6
            there &= kept
        np.testing.assert_array_equal(shown.present[name], there)
    decided = predicted(measured.trial, 0, shown, asked)
    np.testing.assert_array_equal(measured.folds[0].under_loss(ALL, condition), decided[None])


def test_a_turn_that_lost_everything_is_decided_from_its_neighbours_if_they_have_anything(
    experiment: Experiment, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    share, trial, data, fold = 0.99, measured.trial, measured.trial.data, experiment.folds[0]
    monkeypatch.setattr(conditions, "SHARES", (share,))
    condition = Lossy(None, share, 0)
    decided = decide(trial, ALL, {})[0].decided[condition][0]
    rows = turns_of(data, fold.test)
    tested = np.isin(rows, fold.test)
    shown = data.excerpt(rows, {name: drawn(name, 0, tested) < share for name in ALL})
    turn = np.logical_or.reduce([shown.present[name] for name in ALL])
    dialogue = np.isin(shown.dialogues.of, shown.dialogues.of[turn])[tested]
    assert (dialogue & ~turn[tested]).any()
    assert not dialogue.all()
    expected = predicted(trial, 0, shown, np.flatnonzero(tested))
    expected[~dialogue] = most_frequent(data, fold.train)
    np.testing.assert_array_equal(decided, expected)


@pytest.mark.usefixtures("few_conditions")
def test_it_is_scored_as_it_decides_the_whole_store_and_says_what_is_lost(
    experiment: Experiment, measured: Measured
) -> None:
    trial = measured.trial
    result = ablate(trial, "key", retrain=True)
    accuracies = []
    for fold in experiment.folds:
        rows = fold.test[trial.usable[fold.test]]
        decided = predicted(trial, fold.index, trial.data, rows)
        accuracies.append((decided == trial.data.columns.label[rows]).mean())
    for metrics in (result.whole.metrics, result.whole.retrained):
        assert metrics["accuracy"].mean == pytest.approx(np.mean(accuracies))
    assert any(note.startswith("what is absent, noisy or lost") for note in result.notes)
    assert not any(note.startswith("an utterance with nothing left") for note in result.notes)


@pytest.mark.usefixtures("few_conditions")
def test_context_is_ablated_as_it_is_evaluated(small_store: Path, memr: Run) -> None:
    quick = ("--store", small_store, *QUICK, "--epochs", "2")
    (theirs,) = memr("evaluate", "--method", "context", *quick).lines
    ran = memr("ablate", "context", *quick)
    assert ran.code == 0, ran.stderr
    (result,) = ran.lines
    full = result["subsets"][-1]["metrics"]
    for name in METRICS:
        assert full[name] == {part: theirs["metrics"][name][part] for part in full[name]}
    assert result["n"] == theirs["n"]
    assert "in every turn of a test utterance's dialogue" in ran.stderr
