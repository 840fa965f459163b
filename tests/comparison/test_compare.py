"""`memr compare` as a whole: what it says of results that agree."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_methods import Corpus, write

from memr_cli.commands.compare import _rows
from memr_cli.results.comparison import Comparison
from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import digest
from memr_cli.results.predictions import Predictions
from memr_cli.results.schema import decode

Run = Callable[..., Any]


def compared(memr: Run, made: Corpus, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
    ran = memr("compare", *arguments, "--store", made.store, "--protocol", "session")
    assert ran.code == code, ran.stderr
    (value,) = ran.lines
    return value


def accuracy(value: dict[str, Any], number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = value["pairs"][number]["metrics"]["accuracy"]
    return found


def table(value: dict[str, Any]) -> Comparison:
    return decode(json.dumps(value).encode(), Comparison)


def test_results_of_evaluate_are_compared(memr: Run, small_store: Path) -> None:
    quick = ("--store", small_store, "--protocol", "session", "--epochs", "2")
    evaluated = memr("evaluate", "--method", "lexical", "--method", "early", *quick).lines
    ran = memr("compare", "lexical", "early", "--store", small_store, "--protocol", "session")
    assert ran.code == 0, ran.stderr
    (value,) = ran.lines
    lexical, early = evaluated
    assert value["n"] == lexical["n"]
    assert value["left_out"] == early["n"] - lexical["n"] > 0
    assert accuracy(value)["first"] == pytest.approx(lexical["metrics"]["accuracy"]["mean"])
    assert value["fingerprint"] == lexical["fingerprint"]
    assert value["protocol"]["description"] == lexical["protocol"]["description"]
    assert value["methods"][0]["settings"] == lexical["settings"]
    assert value["synthetic"] is True


def test_a_better_method_is_told_apart(memr: Run, made: Corpus) -> None:
    write(made, "lexical", skill=0.4)
    write(made, "early", skill=0.9)
    ran = memr("compare", "lexical", "early", "--store", made.store, "--protocol", "session")
    (value,) = ran.lines
    found = accuracy(value)
    assert found["difference"] == pytest.approx(found["second"] - found["first"])
    assert 0.3 < found["ci95"][0] < found["difference"] < found["ci95"][1] < 0.7
    assert value["clusters"]["dialogues"] == 10
    assert found["p"] == found["p_holm"] == 2 / 2**10
    assert found["t"]["df"] == 4
    assert found["t"]["p"] < 0.01
    sentence = value["pairs"][0]["sentence"]
    assert sentence.startswith("early is better than lexical on these 10 speakers: +")
    assert "Holm" not in sentence
    assert f"memr: {sentence}.\n" in ran.stderr


def test_the_second_of_two_methods_may_be_the_worse(memr: Run, made: Corpus) -> None:
    write(made, "lexical", skill=0.4)
    write(made, "early", skill=0.9)
    (pair,) = compared(memr, made, "early", "lexical")["pairs"]
    assert pair["sentence"].startswith("lexical is worse than early")


def test_equal_methods_cannot_be_told_apart(memr: Run, made: Corpus) -> None:
    write(made, "lexical", skill=0.6)
    write(made, "early", skill=0.6)
    value = compared(memr, made, "lexical", "early")
    assert accuracy(value)["p_holm"] > 0.05
    start = "lexical and early cannot be told apart on these 10 speakers: "
    assert value["pairs"][0]["sentence"].startswith(start)


def test_each_pair_is_compared_once_and_p_corrected_over_pairs(memr: Run, made: Corpus) -> None:
    for method, skill in (("acoustic", 0.5), ("lexical", 0.55), ("early", 0.7)):
        write(made, method, skill=skill)
    value = compared(memr, made, "acoustic", "lexical", "early")
    named = [(pair["first"], pair["second"]) for pair in value["pairs"]]
    assert named == [("acoustic", "lexical"), ("acoustic", "early"), ("lexical", "early")]
    for metric in ("accuracy", "uar", "f1_macro", "f1_weighted"):
        found = [pair["metrics"][metric] for pair in value["pairs"]]
        order = sorted(found, key=lambda one: one["p"])
        adjusted, least = [], 0.0
        for rank, one in enumerate(order):
            least = max(least, min(1.0, (3 - rank) * one["p"]))
            adjusted.append(least)
        assert [one["p_holm"] for one in order] == pytest.approx(adjusted)
    assert all("after Holm's correction" in pair["sentence"] for pair in value["pairs"])


def test_only_utterances_that_all_scored_count(memr: Run, made: Corpus) -> None:
    lost = np.arange(len(made.ids)) % 7 == 0
    write(made, "lexical", lost=lost)
    write(made, "early")
    write(made, "late", lost=np.roll(lost, 1))
    value = compared(memr, made, "lexical", "early", "late")
    gone = lost | np.roll(lost, 1)
    assert (value["n"], value["left_out"]) == ((~gone).sum(), gone.sum())
    early = Predictions.read(ResultFolder(made.store.parent).predictions("session", "early"))
    right = (early.true == early.predicted) & ~gone
    by_fold = [right[early.fold == k].sum() / (~gone)[early.fold == k].sum() for k in range(5)]
    assert accuracy(value)["second"] == pytest.approx(np.mean(by_fold))
    assert any(f"{gone.sum()} utterances" in note for note in value["notes"])


def test_a_method_may_lack_a_whole_speaker(memr: Run, made: Corpus) -> None:
    write(made, "lexical", lost=np.array(made.speakers) == "F01")
    write(made, "early")
    assert compared(memr, made, "lexical", "early")["clusters"]["speakers"] == 9


def test_rows_are_paired_by_utterance_whatever_their_order(memr: Run, made: Corpus) -> None:
    write(made, "lexical", seeds=(0, 1))
    path = write(made, "early", seeds=(0, 1), skill=0.7)
    before = compared(memr, made, "lexical", "early")
    table = ResultFolder(made.store.parent).predictions("session", "early")
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([header, *reversed(rows)]) + "\n")
    metrics = json.loads(path.read_text())
    metrics["hashes"] = {"predictions/session/early.csv": digest(table)}
    path.write_text(json.dumps(metrics))
    assert compared(memr, made, "lexical", "early")["pairs"] == before["pairs"]


def test_seeds_are_averaged_within_folds(memr: Run, made: Corpus) -> None:
    write(made, "lexical", seeds=(3, 4, 5))
    write(made, "early", seeds=(3, 4, 5), skill=0.8)
    value = compared(memr, made, "lexical", "early")
    assert value["seeds"] == [3, 4, 5]
    early = Predictions.read(ResultFolder(made.store.parent).predictions("session", "early"))
    right = early.true == early.predicted
    runs = [
        right[(early.fold == k) & (early.seed == s)].mean() for k in range(5) for s in (3, 4, 5)
    ]
    assert accuracy(value)["second"] == pytest.approx(np.mean(runs))
    assert value["n"] == len(made.ids)
    assert not any("one seed" in note for note in value["notes"])


def test_clusters_are_those_of_the_rows_compared(memr: Run, made: Corpus) -> None:
    write(made, "lexical", lost=made.session == 2)
    write(made, "early")
    value = compared(memr, made, "lexical", "early")
    kept = made.session != 2
    assert value["clusters"] == {
        "kind": "sessions",
        "n": 4,
        "dialogues": len(set(made.dialogue[kept])),
        "speakers": len(set(made.speaker[kept])),
    }
    assert accuracy(value)["t"]["df"] == 3
    assert any(
        "they rest on 4 sessions, and with fewer than 10 they are rough" in n
        for n in value["notes"]
    )


def test_the_t_test_takes_its_ratio_from_the_folds(memr: Run, made: Corpus) -> None:
    for method, skill in (("lexical", 0.4), ("early", 0.7)):
        write(made, method, skill=skill)
    value = compared(memr, made, "lexical", "early")
    differences = []
    folder = ResultFolder(made.store.parent)
    one, two = (Predictions.read(folder.predictions("session", m)) for m in ("lexical", "early"))
    for k in range(5):
        rows = one.fold == k
        gain = (two.predicted == two.true)[rows].mean() - (one.predicted == one.true)[rows].mean()
        differences.append(gain)
    spread = np.var(differences, ddof=1) * (1 / 5 + 1 / 4)
    expected = np.mean(differences) / np.sqrt(spread)
    assert accuracy(value)["t"]["statistic"] == pytest.approx(expected)


def test_one_fold_has_no_t_test(memr: Run, made: Corpus) -> None:
    single = np.zeros(len(made.ids), int)
    write(made, "lexical", fold=single)
    write(made, "early", fold=single)
    value = compared(memr, made, "lexical", "early")
    assert accuracy(value)["t"] == {"statistic": None, "df": 0, "p": None}
    assert accuracy(value)["ci95"] is not None
    assert any(note.startswith("t is null") for note in value["notes"])


def test_few_dialogues_cannot_show_anything_and_a_note_says_so(memr: Run, made: Corpus) -> None:
    names, counts = np.unique(made.dialogue, return_counts=True)
    kept = np.isin(made.dialogue, names[np.argsort(-counts)[:4]])
    write(made, "lexical", skill=0.1, lost=~kept)
    write(made, "early", skill=0.95)
    value = compared(memr, made, "lexical", "early")
    assert value["replicates"]["permutation"] == 16
    assert accuracy(value)["p"] == 2 / 16
    assert any("4 units to swap, so p cannot be less than 0.12" in n for n in value["notes"])


def test_the_printed_object_lies_in_a_file_too(memr: Run, made: Corpus) -> None:
    for method in ("lexical", "early"):
        write(made, method)
    value = compared(memr, made, "lexical", "early")
    path = made.store.parent / "comparisons" / "session" / "early+lexical.json"
    assert value["files"] == {"comparison": str(path)}
    assert value.pop("seconds") >= 0
    assert json.loads(path.read_text()) == value
    assert sorted(value["hashes"]) == [
        "metrics/session/early.json",
        "metrics/session/lexical.json",
        "predictions/session/early.csv",
        "predictions/session/lexical.csv",
    ]
    for name, vouched in value["hashes"].items():
        assert digest(made.store.parent / name) == vouched


def test_comparing_again_gives_the_same(memr: Run, made: Corpus) -> None:
    for method in ("lexical", "early"):
        write(made, method)
    first, second = (compared(memr, made, "text", "early") for _ in range(2))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


def test_other_training_is_compared_with_a_note(memr: Run, made: Corpus) -> None:
    write(made, "lexical", preset="original")
    write(made, "early", settings={"overrides": {"batch_size": 8}})
    notes = compared(memr, made, "lexical", "early")["notes"]
    assert "the methods differ in preset: lexical original; early default" in notes
    assert "the methods differ in batch size: lexical as preset; early 8" in notes


def test_results_of_two_folders_are_compared_by_path(
    memr: Run, made: Corpus, tmp_path: Path
) -> None:
    write(made, "acoustic", settings={"normalize": {"acoustic": "global"}})
    other = write(
        made,
        "acoustic",
        out=tmp_path / "other",
        skill=0.9,
        settings={"normalize": {"acoustic": "speaker"}},
    )
    value = compared(memr, made, "acoustic", other, "--across", "normalize")
    labels = ["acoustic (normalize global)", "acoustic (normalize speaker)"]
    assert [method["label"] for method in value["methods"]] == labels
    assert value["normalize"] == {"acoustic": None}
    assert value["methods"][1]["metrics"] == "other/metrics/session/acoustic.json"
    assert "other/predictions/session/acoustic.csv" in value["hashes"]
    assert any("transductive" in note for note in value["notes"])
    assert Path(value["files"]["comparison"]).name == (
        "acoustic-normalize-global+acoustic-normalize-speaker.json"
    )


def test_a_path_says_which_protocol_is_meant(memr: Run, made: Corpus) -> None:
    path = write(made, "lexical")
    write(made, "early")
    ran = memr("compare", path, "early", "--store", made.store)
    assert ran.code == 0, ran.stderr
    assert ran.lines[0]["protocol"]["name"] == "session"


def test_on_a_terminal_each_pair_and_metric_is_a_row(memr: Run, made: Corpus) -> None:
    write(made, "lexical", skill=0.4)
    write(made, "early", skill=0.9)
    rows = list(_rows(table(compared(memr, made, "lexical", "early"))))
    assert [row["metric"] for row in rows] == ["accuracy", "UAR", "macro-F1", "W-F1"]
    assert rows[0]["difference"].startswith("+")
    assert " to " in rows[0]["95 % interval"]


def test_the_table_fits_a_narrow_terminal(memr: Run, made: Corpus) -> None:
    write(made, "acoustic", skill=0.1)
    write(made, "lexical", skill=0.95)
    rows = list(_rows(table(compared(memr, made, "acoustic", "lexical"))))
    widths = [max(map(len, [name, *(row[name] for row in rows)])) for name in rows[0]]
    assert sum(widths) + 2 * (len(widths) - 1) <= 80


def test_methods_in_another_order_replace_the_comparison(memr: Run, made: Corpus) -> None:
    for method in ("lexical", "early"):
        write(made, method)
    compared(memr, made, "lexical", "early")
    value = compared(memr, made, "early", "lexical")
    (path,) = (made.store.parent / "comparisons").glob("*/*")
    assert json.loads(path.read_text())["methods"] == value["methods"]
    assert [method["label"] for method in value["methods"]] == ["early", "lexical"]


def test_methods_that_decide_alike_are_said_to(memr: Run, made: Corpus) -> None:
    for method in ("lexical", "early"):
        write(made, method, skill=1.0)
    value = compared(memr, made, "lexical", "early")
    assert [pair["sentence"] for pair in value["pairs"]] == [
        f"lexical and early make the same decisions on all {len(made.ids)} utterances"
    ]
    assert accuracy(value)["t"]["p"] is None
    assert (
        "t is null for lexical and early in accuracy, UAR, macro-F1, W-F1, since their "
        "difference is the same in every fold"
    ) in value["notes"]


def test_one_run_that_normalises_one_modality_by_speaker_is_compared_with_a_note(
    memr: Run, made: Corpus
) -> None:
    write(made, "acoustic", settings={"normalize": {"acoustic": "speaker"}})
    write(made, "lexical", settings={"normalize": {"lexical": "global"}})
    both = {"acoustic": "speaker", "lexical": "global"}
    write(made, "early", settings={"normalize": both})
    value = compared(memr, made, "acoustic", "lexical", "early")
    assert value["normalize"] == both
    assert (
        "acoustic and early are transductive and lexical is not, so a difference between them "
        "may come from normalisation"
    ) in value["notes"]
    assert (
        "acoustic and early normalise acoustic features by speaker, those of test speakers too, "
        "without labels: transductive"
    ) in value["notes"]
    assert not any("are not" in note for note in compared(memr, made, "acoustic", "early")["notes"])


def test_methods_that_normalise_other_modalities_are_named_apart(memr: Run, made: Corpus) -> None:
    write(made, "acoustic", settings={"normalize": {"acoustic": "speaker"}})
    write(made, "lexical", settings={"normalize": {"lexical": "speaker"}})
    notes = compared(memr, made, "acoustic", "lexical")["notes"]
    assert [note.partition(" features")[0] for note in notes if "transductive" in note] == [
        "acoustic normalises acoustic",
        "lexical normalises lexical",
    ]


def test_a_path_may_lead_through_other_folders(
    memr: Run, made: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(made, "lexical")
    write(made, "early")
    monkeypatch.chdir(made.store.parent)
    path = "./metrics/session/../session/early.json"
    assert [m["method"] for m in compared(memr, made, "lexical", path)["methods"]] == [
        "lexical",
        "early",
    ]
    monkeypatch.chdir("metrics/session")
    assert compared(memr, made, "lexical", "early.json")["methods"][1]["method"] == "early"
