"""`memr ablate` on the small corpus, whose utterances lack a modality here and there."""

import csv
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import msgspec
import numpy as np
import pytest
from ablating import METRICS, QUICK, Results, Run

from memr_cli.ablation.conditions import Absent, Lossy, chances
from memr_cli.ablation.decisions import FoldDecisions
from memr_cli.commands.ablate import rows
from memr_cli.corpora.synthetic.settings import SyntheticSettings
from memr_cli.corpora.synthetic.writer import write_corpus
from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.progress import silent
from memr_cli.results.ablation import Ablation
from memr_cli.vocabulary import MODALITIES

SUBSETS = ["", "v", "a", "l", "va", "vl", "al", "val"]


def evaluated(store: Path, method: str) -> dict[str, Any]:
    return json.loads((store.parent / "metrics" / "session" / f"{method}.json").read_text())


def predictions(store: Path, method: str) -> list[dict[str, str]]:
    with (store.parent / "predictions" / "session" / f"{method}.csv").open() as file:
        return list(csv.DictReader(file))


def alone(result: dict[str, Any], letters: str) -> dict[str, Any]:
    (found,) = (
        subset
        for subset in result["subsets"]
        if "".join(name[0] for name in subset["modalities"]) == letters
    )
    return found


@pytest.mark.parametrize("method", ["early", "late"])
def test_with_everything_it_scores_what_evaluate_does(
    made: Path, ablated: Results, method: str
) -> None:
    theirs = evaluated(made, method)
    assert ablated[method]["n"] == theirs["n"]
    full = alone(ablated[method], "val")
    for metrics in (full["metrics"], full["retrained"]):
        for name in METRICS:
            expected = {part: theirs["metrics"][name][part] for part in ("mean", "std", "ci95")}
            assert metrics[name] == expected


def majority(rows: list[dict[str, str]], fold: str, classes: list[str]) -> str:
    """The most frequent class of the rows that other folds test: here, all training rows."""
    counts = Counter(row["true"] for row in rows if row["fold"] != fold)
    return max(classes, key=lambda name: (counts[name], -classes.index(name)))


def accuracies(rows: list[dict[str, str]], decided: dict[str, str]) -> list[float]:
    """By fold, where each utterance is decided as given."""
    folds = sorted({row["fold"] for row in rows})
    return [
        float(np.mean([decided[r["utterance"]] == r["true"] for r in rows if r["fold"] == fold]))
        for fold in folds
    ]


def test_with_nothing_it_decides_the_most_frequent_class_of_training(
    made: Path, ablated: Results
) -> None:
    rows, classes = predictions(made, "late"), evaluated(made, "late")["confusion"]["labels"]
    decided = {row["utterance"]: majority(rows, row["fold"], classes) for row in rows}
    for result in ablated.values():
        nothing = alone(result, "")
        assert nothing["metrics"] == nothing["retrained"]
        expected = np.mean(accuracies(rows, decided))
        assert nothing["metrics"]["accuracy"]["mean"] == pytest.approx(expected)
        assert nothing["metrics"]["uar"]["mean"] == pytest.approx(0.25)


@pytest.mark.parametrize("modality", MODALITIES)
def test_one_voter_alone_decides_as_its_own_method_where_it_can(
    made: Path, ablated: Results, modality: str
) -> None:
    rows, classes = predictions(made, "late"), evaluated(made, "late")["confusion"]["labels"]
    decided = {row["utterance"]: majority(rows, row["fold"], classes) for row in rows}
    own = {row["utterance"]: row["predicted"] for row in predictions(made, modality)}
    assert 0 < len(own) < len(decided)  # some lack it
    single = alone(ablated["late"], modality[0])
    expected = np.mean(accuracies(rows, decided | own))
    assert single["metrics"]["accuracy"]["mean"] == pytest.approx(expected)


def test_late_repeats_at_retraining_what_is_absent_at_test_time_and_says_so(
    ablated: Results,
) -> None:
    late = ablated["late"]
    assert all(subset["metrics"] == subset["retrained"] for subset in late["subsets"])
    assert late["shapley"] == late["shapley_retrained"]
    assert any("training without a modality changes nothing" in note for note in late["notes"])


def test_early_retrained_differs_and_keeps_models_under_names_of_their_own(
    made: Path, ablated: Results
) -> None:
    early = ablated["early"]
    names = ["v", "a", "l", "va", "vl", "al"]
    differing = [s for s in names if alone(early, s)["metrics"] != alone(early, s)["retrained"]]
    assert len(differing) > 3
    folders = {path.name for path in (made.parent / "checkpoints" / "session").glob("early@*")}
    pairs = {"visual+acoustic", "visual+lexical", "acoustic+lexical"}
    assert folders == {f"early@{names}" for names in (*MODALITIES, *pairs)}


@pytest.mark.parametrize("which", ["shapley", "shapley_retrained"])
def test_worths_of_modalities_add_up_to_all_minus_nothing(ablated: Results, which: str) -> None:
    scores = "metrics" if which == "shapley" else "retrained"
    for result in ablated.values():
        for metric in METRICS:
            means = {s: alone(result, s)[scores][metric]["mean"] for s in SUBSETS}
            worth = {name[0]: entry["value"] for name, entry in result[which][metric].items()}
            assert sum(worth.values()) == pytest.approx(means["val"] - means[""])
            expected = (means["v"] - means[""]) / 3 + (means["val"] - means["al"]) / 3
            expected += (means["va"] - means["a"] + means["vl"] - means["l"]) / 6
            assert worth["v"] == pytest.approx(expected)
            for entry in result[which][metric].values():
                low, high = entry["ci95"]
                assert low < entry["value"] < high


def test_more_loss_and_more_noise_leave_less(ablated: Results) -> None:
    early = ablated["early"]
    full = alone(early, "val")["metrics"]["accuracy"]["mean"]
    nothing = alone(early, "")["metrics"]["accuracy"]["mean"]
    loss = [e["metrics"]["accuracy"]["mean"] for e in early["loss"] if e["modality"] is None]
    noise = [e["metrics"]["accuracy"]["mean"] for e in early["noise"] if e["modality"] is None]
    assert full > loss[4] > loss[8]
    assert abs(loss[8] - nothing) < 0.4 * (full - nothing)
    assert full > noise[1] > noise[3]


def test_losing_none_is_having_all_and_losing_surely_is_having_none() -> None:
    decided = np.arange(2 * 4 * 5).reshape(4, 2, 5)  # by coalition: 2 seeds, 5 rows
    rows = np.arange(5)
    fold = FoldDecisions(0, rows, rows, 5, {Absent(c): decided[c] for c in range(4)})
    both = ["acoustic", "lexical"]
    for lost, expected in (
        (Lossy(None, 0.0, 0), decided[3]),
        (Lossy(None, 1.0, 0), decided[0]),
        (Lossy("acoustic", 1.0, 0), decided[2]),
    ):
        np.testing.assert_array_equal(fold.under_loss(both, lost), expected)
    lost = chances("lexical", 0, 2, 5) < 0.5
    assert 0 < lost.sum() < 5
    expected = np.where(lost, decided[1], decided[3])
    np.testing.assert_array_equal(fold.under_loss(both, Lossy("lexical", 0.5, 2)), expected)


def test_of_all_methods_those_of_one_modality_are_skipped(
    made: Path, ablated: Results, memr: Run
) -> None:
    assert ablated
    ran = memr("ablate", "all", "--retrain", "--store", made, *QUICK)
    assert ran.code == 0, ran.stderr
    assert [result["method"] for result in ran.lines] == ["early", "late"]
    assert ran.stderr.count("is skipped") == 3


def test_people_read_what_each_modality_is_worth(made: Path, ablated: Results, memr: Run) -> None:
    worth = ablated["early"]["shapley"]["accuracy"]["lexical"]
    ran = memr("ablate", "--retrain", "--store", made, *QUICK)
    assert f"lexical is worth {100 * worth['value']:.1f} (95 % interval" in ran.stderr
    assert "with each modality of an utterance lost half of the time" in ran.stderr


def test_the_table_has_equal_columns(ablated: Results) -> None:
    results = {name: msgspec.convert(value, Ablation) for name, value in ablated.items()}
    shown = [row for result in results.values() for row in rows(result)]
    assert len({tuple(row) for row in shown}) == 1
    first = [row["at test time"] for row in rows(results["early"])]
    assert first[0] == "visual+acoustic+lexical"
    assert first[7:] == ["nothing", *(f"worth of {n}" for n in MODALITIES)]


def test_a_modality_of_pure_noise_is_worth_about_nothing(
    small_raw: Path, memr: Run, tmp_path: Path
) -> None:
    raw, rng = tmp_path / "raw", np.random.default_rng(0)
    shutil.copytree(small_raw, raw)
    for folder, _, names in os.walk(raw / "features" / "acoustic_features"):
        for name in names:
            frames = np.load(Path(folder) / name)
            np.save(Path(folder) / name, rng.normal(size=frames.shape).astype(np.float32))
    store = tmp_path / "memr.h5"
    ingest(raw, store, IngestSettings(), silent)
    (result,) = memr("ablate", "--store", store, "--protocol", "session", "--epochs", "10").lines
    worth = {name: entry["value"] for name, entry in result["shapley"]["accuracy"].items()}
    assert abs(worth["acoustic"]) < 0.05
    assert max(worth["visual"], worth["lexical"]) > 0.15


def test_modality_dropout_gives_the_network_presence_flags(
    made: Path, ablated: Results, memr: Run, tmp_path: Path
) -> None:
    early = ablated["early"]
    never = [note for note in early["notes"] if note.startswith("training never lacked")]
    assert not never  # the small corpus lacks every modality somewhere
    arguments = ("--modality-dropout", "0.5", "--out", tmp_path / "out", "--store", made, *QUICK)
    (result,) = memr("ablate", *arguments).lines
    assert result["settings"]["modality_dropout"] == 0.5
    assert result["settings"]["n_parameters"] == early["settings"]["n_parameters"]
    assert result["subsets"] != early["subsets"]


def test_normalising_by_speaker_is_transductive_as_in_evaluate(copy: Path, memr: Run) -> None:
    (result,) = memr("ablate", "late", "--store", copy, *QUICK, "--normalize", "speaker").lines
    assert result["transductive"]
    assert any("transductive" in note for note in result["notes"])


def test_noise_is_measured_in_the_spread_of_each_feature(
    copy: Path, ablated: Results, memr: Run, reseal: Callable[[Path], None]
) -> None:
    with h5py.File(copy, "r+") as file:
        pooled = file["features/acoustic/pooled"]
        pooled[:] = pooled[:] * 1024  # standardised, to the last bit what it was
    reseal(copy)  # other content: nothing is reused
    (result,) = memr("ablate", "early", "--store", copy, *QUICK).lines
    assert not result["reused"]
    assert result["noise"] == ablated["early"]["noise"]


def test_modality_dropout_flags_every_modality(memr: Run, tmp_path: Path) -> None:
    dims = {"visual_dim": 6, "acoustic_dim": 5, "lexical_dim": 4}
    write_corpus(tmp_path / "raw", SyntheticSettings(120, missing=0.0, **dims), silent)
    ingest(tmp_path / "raw", tmp_path / "memr.h5", IngestSettings(), silent)
    call = ("evaluate", "--store", tmp_path / "memr.h5", "--method", "early", *QUICK)
    without, hiding = (memr(*call, *more).lines[0] for more in ((), ("--modality-dropout", "0.3")))
    more = hiding["settings"]["n_parameters"] - without["settings"]["n_parameters"]
    assert more == 3 * 16  # a column for each modality, into 16 hidden units
