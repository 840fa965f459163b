"""An ablation is made once, again where something changed, and never of another store."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from ablated_corpus import QUICK, Results, Run, copied

from memr_cli.learning import prediction, training


def test_a_second_run_is_answered_from_the_file(
    made: Path, ablated: Results, memr: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr(training, "train", refuse)
    monkeypatch.setattr(prediction, "predict", refuse)
    again = memr("ablate", "early", "late", "--retrain", "--store", made, *QUICK)
    assert [result["reused"] for result in again.lines] == [True, True], again.stderr
    for result in again.lines:
        before = {**ablated[result["method"]], "reused": True, "seconds": result["seconds"]}
        assert result == before
        path = made.parent / "ablations" / "session" / f"{result['method']}.json"
        assert result["files"] == {"ablation": str(path)}
        assert json.loads(path.read_text()) == {
            name: value for name, value in result.items() if name not in ("reused", "seconds")
        }


def test_one_that_was_retrained_is_fresh_without_retraining_and_not_the_other_way_round(
    made: Path,
    ablated: Results,
    memr: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = copied(made, tmp_path)

    def refuse(*_: object) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr(training, "train", refuse)
    (result,) = memr("ablate", "--store", store, *QUICK).lines
    assert result["reused"]
    assert result["shapley_retrained"] == ablated["early"]["shapley_retrained"]
    (store.parent / "ablations" / "session" / "early.json").unlink()
    (plain,) = memr("ablate", "--store", store, *QUICK).lines
    assert (plain["reused"], plain["shapley_retrained"]) == (False, None)
    assert plain["shapley"] == ablated["early"]["shapley"]
    ran = memr("ablate", "--retrain", "--store", store, *QUICK)
    assert ran.stderr.count("early.json is replaced: it was made without --retrain") == 1
    assert ran.lines[0]["subsets"] == ablated["early"]["subsets"]


def test_one_whose_models_were_changed_is_made_anew(
    made: Path, ablated: Results, memr: Run, tmp_path: Path
) -> None:
    store = copied(made, tmp_path)
    model = store.parent / next(iter(ablated["late"]["hashes"]))
    model.unlink()
    ran = memr("ablate", "late", "--retrain", "--store", store, *QUICK)
    assert "is missing or not the model that was ablated" in ran.stderr
    assert ran.lines[0]["subsets"] == ablated["late"]["subsets"]


def test_one_of_another_stores_is_never_replaced(
    made: Path, ablated: Results, memr: Run, tmp_path: Path
) -> None:
    store = copied(made, tmp_path).rename(tmp_path / "other.h5")
    shutil.rmtree(tmp_path / "copy" / "metrics")
    shutil.rmtree(tmp_path / "copy" / "checkpoints")
    assert ablated
    ran = memr("ablate", "--store", store, "--out", tmp_path / "copy", *QUICK)
    assert (ran.code, ran.stdout) == (5, "")
    assert "early.json belongs to the store memr.h5" in ran.stderr
    assert "--out" in ran.stderr


@pytest.mark.parametrize(
    "spoil",
    [
        {"store": 5},
        {"hashes": []},
        {"hashes": {}},
        {"settings": {}},
        {"subsets": []},
        {"n": float("nan")},
        {"digest": None},
    ],
    ids=str,
)
def test_one_that_was_edited_is_made_anew(
    made: Path, ablated: Results, memr: Run, tmp_path: Path, spoil: dict[str, Any]
) -> None:
    store = copied(made, tmp_path)
    path = store.parent / "ablations" / "session" / "late.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **spoil}))
    (result,) = memr("ablate", "late", "--store", store, *QUICK).lines
    assert not result["reused"]
    assert result["subsets"][-1]["metrics"] == ablated["late"]["subsets"][-1]["metrics"]


def test_more_seeds_make_an_ablation_stale(made: Path, memr: Run, tmp_path: Path) -> None:
    store = copied(made, tmp_path)
    (result,) = memr("ablate", "late", "--store", store, *QUICK, "--seeds", "2").lines
    assert not result["reused"]
    assert result["settings"]["seeds"] == 2
