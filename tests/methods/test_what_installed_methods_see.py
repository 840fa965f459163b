"""What a method of another package is shown when it is trained and asked."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import threadpoolctl  # type: ignore[import-untyped]
import torch

from memr_cli.data.dataset import Dataset, held_modalities, open_dataset
from memr_cli.errors import MethodUnsupportedError
from memr_cli.evaluation.protocols import Fold, folds, restrict
from memr_cli.experiment.models import selected_arrays
from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.methods.method import FoldModel, FoldTask, Need
from memr_cli.methods.plugins.installed import InstalledMethod, Package
from memr_cli.progress import silent
from memr_cli.vocabulary import Preset, ProtocolName
from store.reader import Store


class Watching:
    """Knows nothing, and remembers what it was shown."""

    summary = "shares of classes"
    calls: ClassVar[list[dict[str, Any]]] = []
    asked: ClassVar[list[Any]] = []

    def fit(self, X: Any, y: Any, **more: Any) -> None:  # noqa: N803
        self.calls.append({"self": self, "X": X, "y": y, **more})
        known = y[y >= 0]
        self.n, self.shares = len(known), np.bincount(known, minlength=more["n_classes"])

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        self.asked.append(X)
        return np.tile(self.shares / self.shares.sum(), (len(X), 1)).astype(np.float32)

    def to_arrays(self) -> dict[str, Any]:
        return {"shares": self.shares, "n": self.n, "yes": True, "half": np.float64(0.1)}

    @classmethod
    def from_arrays(cls, arrays: Any) -> "Watching":
        assert all(array.dtype == np.float32 for array in arrays.values())
        made = cls()
        made.shares, made.n = arrays["shares"], int(arrays["n"])
        assert arrays["yes"].shape == ()
        assert arrays["half"] == np.float32(0.1)
        return made


class TurnAware(Watching):
    """Says of each turn how far it is into its dialogue."""

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        said = np.zeros((len(X), len(self.shares)))
        said[:, 0] = X.turn / 1000
        said[:, 1] = 1 - said[:, 0]
        return said


class Standardising(Watching):
    """Standardises over what it is asked of, all at once."""

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        return self.of(X.matrix[:, 0])

    def of(self, values: Any) -> Any:
        said = np.zeros((len(values), len(self.shares)))
        said[:, 0] = 1 / (1 + np.exp((values.mean() - values) / (values.std() or 1)))
        said[:, 1] = 1 - said[:, 0]
        return said


class StandardisingByDialogue(Standardising):
    """Standardises over each dialogue."""

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        said = np.zeros((len(X), len(self.shares)))
        for dialogue in np.unique(X.dialogue):
            turns = X.dialogue == dialogue
            said[turns] = self.of(X.matrix[turns, 0])
        return said


class Wavering(Watching):
    """Answers by chance."""

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        said = np.random.default_rng().random((len(X), len(self.shares)))
        return said / said.sum(axis=1, keepdims=True)


class Counting(Watching):
    """Notes how many threads torch and BLAS may use, in each of its functions."""

    threads: ClassVar[set[int]] = set()

    def note(self) -> None:
        pools = threadpoolctl.threadpool_info()
        self.threads.update(pool["num_threads"] for pool in pools)
        self.threads.add(torch.get_num_threads())

    def fit(self, X: Any, y: Any, **more: Any) -> None:  # noqa: N803
        self.note()
        super().fit(X, y, **more)

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        self.note()
        return super().predict_proba(X)


@pytest.fixture(autouse=True)
def _unwatched() -> None:
    Watching.calls.clear()
    Watching.asked.clear()


@pytest.fixture(scope="module")
def data(small_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    path = tmp_path_factory.mktemp("sequences") / "memr.h5"
    ingest(small_raw, path, IngestSettings(sequences=True), silent)
    with Store.open(path) as store:
        yield open_dataset(store, held_modalities(store))


def method(*needs: Need, classifier: Any = Watching) -> InstalledMethod:
    package = Package("watching", "1.0", "sha256:0", {})
    return InstalledMethod(
        "watching", "", True, frozenset(needs), tuple, package, classifier=classifier
    )


def fold_of(data: Dataset, watching: InstalledMethod, preset: Preset) -> Fold:
    columns, settings = data.columns, watching.settings(preset, {})
    validated = preset is Preset.DEFAULT
    fold = folds(ProtocolName.SPEAKER, columns, 5, validation=validated)[1]
    return restrict(fold, watching.usable(data.present, settings), columns, "method watching")


def fitted(
    data: Dataset, watching: InstalledMethod, preset: Preset = Preset.DEFAULT, seed: int = 0
) -> tuple[FoldModel, Fold]:
    fold, settings = fold_of(data, watching, preset), watching.settings(preset, {})
    tasks = [FoldTask(fold, seed)]
    ((place, model),) = watching.fit(data, tasks, settings, "cpu", silent)
    assert place == 0
    return model, fold


def speakers(data: Dataset, rows: Any) -> set[int]:
    return set(data.columns.speaker[rows])


def test_test_utterances_are_never_trained_on(data: Dataset) -> None:
    _, fold = fitted(data, method())
    tested = speakers(data, fold.test)
    shown = [call["X"] for call in Watching.calls] + [Watching.calls[0]["validation"][0]]
    assert tested
    assert not any(tested & set(X.speaker) for X in shown)
    assert not any(tested & set(X.speaker) for X in Watching.asked)


def test_it_is_trained_with_validation_and_then_on_all(data: Dataset) -> None:
    model, fold = fitted(data, method())
    first, second = Watching.calls
    held_out, truth = first["validation"]
    assert set(held_out.speaker) == speakers(data, fold.validation)
    np.testing.assert_array_equal(truth, data.columns.label[fold.validation])
    np.testing.assert_array_equal(first["y"], data.columns.label[fold.fit])
    np.testing.assert_array_equal(second["y"], data.columns.label[fold.train])
    assert not set(first["X"].speaker) & set(held_out.speaker)
    assert second["validation"] is None
    assert second["self"] is first["self"]
    assert selected_arrays(model.arrays)["model.n"] == len(fold.fit)
    assert model.arrays["model.n"] == len(fold.train)


def test_in_preset_original_it_is_trained_once_on_what_has_everything(data: Dataset) -> None:
    model, fold = fitted(data, method(), Preset.ORIGINAL)
    (only,) = Watching.calls
    assert only["validation"] is None
    assert all(present.all() for present in only["X"].present.values())
    assert len(only["y"]) == len(fold.train) < len(fitted(data, method())[1].train)
    assert selected_arrays(model.arrays)["model.n"] == len(fold.train)
    assert model.validation_f1_micro is None


def test_a_training_loss_is_the_mean_negative_log_probability(data: Dataset) -> None:
    model, fold = fitted(data, method())
    labels = data.columns.label[fold.train]
    shares = np.bincount(labels) / len(labels)
    assert model.train_loss == pytest.approx(-np.log(shares[labels]).mean(), rel=1e-5)
    common = np.bincount(data.columns.label[fold.fit]).argmax()
    hits = data.columns.label[fold.validation] == common
    assert model.validation_f1_micro == pytest.approx(hits.mean())


def test_its_code_runs_on_one_thread_and_the_others_come_back(data: Dataset) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        fitted(data, method(classifier=Counting))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert Counting.threads == {1}


def test_seeds_and_folds_differ_and_repeat(data: Dataset) -> None:
    for seed in (0, 1, 0):
        fitted(data, method(), Preset.ORIGINAL, seed)
    first, second, third = (call["seed"] for call in Watching.calls)
    assert first == third != second
    assert 0 <= first < 2**32


def test_features_are_standardised_on_what_is_trained_on_and_0_where_missing(data: Dataset) -> None:
    _, fold = fitted(data, method())
    for call, rows in zip(Watching.calls, (fold.fit, fold.train), strict=True):
        X = call["X"]  # noqa: N806
        for name, features in X.features.items():
            assert features.dtype == np.float32
            present = X.present[name]
            np.testing.assert_array_equal(present, data.present[name][rows])
            assert not present.all()
            assert (features[~present] == 0).all()
            np.testing.assert_allclose(features[present].mean(axis=0), 0, atol=1e-5)
            np.testing.assert_allclose(features[present].std(axis=0), 1, atol=1e-4)
        assert X.matrix.shape == (len(rows), sum(data.dims.values()))


def test_what_it_does_to_features_stays_its_own(data: Dataset) -> None:
    before = data.features(tuple(data.dims)).copy()

    class Spoiling(Watching):
        def fit(self, X: Any, y: Any, **more: Any) -> None:  # noqa: N803
            super().fit(X, y.copy(), **more)
            y[:] = 0
            for name in X.features:
                X.features[name][:] = 7
                X.present[name][:] = False

    labels = data.columns.label.copy()
    fitted(data, method(classifier=Spoiling))
    np.testing.assert_array_equal(data.features(tuple(data.dims)), before)
    np.testing.assert_array_equal(data.columns.label, labels)
    assert all(present.any() for present in data.present.values())


def test_frames_are_shown_to_those_that_need_them(data: Dataset) -> None:
    fitted(data, method(Need.FRAMES))
    X = Watching.calls[0]["X"]  # noqa: N806
    for name, present in X.present.items():
        frames = X.frames(name)
        assert [len(each) > 0 for each in frames] == present.tolist()
        means = np.stack([each.mean(axis=0) for each in frames if len(each)])
        np.testing.assert_allclose(means, X.features[name][present], atol=1e-4)


def test_frames_that_were_not_asked_for_are_refused(data: Dataset) -> None:
    class Greedy(Watching):
        def fit(self, X: Any, y: Any, **more: Any) -> None:  # noqa: ARG002, N803
            X.frames("acoustic")

    with pytest.raises(MethodUnsupportedError, match="fit raised LookupError: frames are for"):
        fitted(data, method(classifier=Greedy))


def test_dialogues_are_shown_whole_and_in_order_without_the_labels_of_others(data: Dataset) -> None:
    _, fold = fitted(data, method(Need.DIALOGUES))
    for call, rows in zip(Watching.calls, (fold.fit, fold.train), strict=True):
        X, y = call["X"], call["y"]  # noqa: N806
        whole = np.isin(data.dialogues.of, data.dialogues.of[rows])
        assert len(X) == whole.sum() > len(rows)
        assert (y >= 0).sum() == len(rows)
        np.testing.assert_array_equal(np.bincount(y[y >= 0]), np.bincount(data.columns.label[rows]))
        same = X.dialogue[1:] == X.dialogue[:-1]
        assert (X.turn[1:][same] == X.turn[:-1][same] + 1).all()
        assert (X.turn[1:][~same] == 0).all()
        assert len(np.unique(X.dialogue)) == 1 + (~same).sum()
        others = np.isin(X.speaker, list(speakers(data, fold.test)))
        assert (y[others] == -1).all()


def test_of_dialogues_only_what_was_asked_for_is_answered_in_its_order(data: Dataset) -> None:
    watching = method(Need.DIALOGUES, classifier=TurnAware)
    model, fold = fitted(data, watching)
    rows = fold.test[::-1]
    settings = watching.settings(Preset.DEFAULT, {})
    said = watching.predict(model.arrays, data, settings, rows)
    np.testing.assert_allclose(said[:, 0], data.dialogues.place[rows] / 1000, rtol=1e-6)


@pytest.mark.parametrize(
    ("needs", "classifier", "unit"),
    [
        ((), Standardising, "the utterance"),
        ((), StandardisingByDialogue, "the utterance"),
        ((), Wavering, "the utterance"),
        ((Need.DIALOGUES,), Standardising, "its dialogue"),
    ],
)
def test_what_answers_by_the_other_rows_or_by_chance_is_refused(
    data: Dataset, needs: tuple[Need, ...], classifier: Any, unit: str
) -> None:
    with pytest.raises(MethodUnsupportedError, match=f"it is to depend on {unit} alone"):
        fitted(data, method(*needs, classifier=classifier))


def test_what_answers_by_the_turns_of_a_dialogue_is_not_refused(data: Dataset) -> None:
    fitted(data, method(Need.DIALOGUES, classifier=StandardisingByDialogue))


def test_without_validation_rows_it_is_asked_of_training_rows_alone(data: Dataset) -> None:
    fitted(data, method(classifier=Standardising), Preset.ORIGINAL)


def test_a_few_validation_rows_are_asked_for_again_without_the_others(data: Dataset) -> None:
    _, fold = fitted(data, method())
    every, few, training = Watching.asked
    assert len(every) == len(fold.validation)
    assert 1 <= len(few) <= 3
    assert len(training) == len(fold.train)


def test_whole_dialogues_are_asked_for_again(data: Dataset) -> None:
    watching = method(Need.DIALOGUES)
    fold, settings = fold_of(data, watching, Preset.DEFAULT), watching.settings(Preset.DEFAULT, {})
    dialogue = data.dialogues.of[fold.validation]
    two = np.concatenate([fold.validation[dialogue == d][:5] for d in np.unique(dialogue)[:2]])
    list(watching.fit(data, [FoldTask(replace(fold, validation=two), 0)], settings, "cpu", silent))
    every, few, _ = Watching.asked
    again = np.unique(few.dialogue)
    assert (len(np.unique(every.dialogue)), len(again)) == (2, 1)
    assert len(few) == np.isin(every.dialogue, again).sum()


def test_a_corpus_excerpt_without_a_modality_is_shown_as_such(data: Dataset) -> None:
    watching = replace(method(), choose=lambda held: tuple(held))
    model, fold = fitted(data, watching)
    lost = {"visual": np.ones(len(fold.test), np.bool_)}
    shown = data.excerpt(fold.test, lost)
    settings = watching.settings(Preset.DEFAULT, {})
    watching.predict(model.arrays, shown, settings, np.arange(len(fold.test)))
    X = Watching.asked[-1]  # noqa: N806
    assert not X.present["visual"].any()
    assert (X.features["visual"] == 0).all()
