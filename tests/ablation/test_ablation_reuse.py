"""An ablation is made once, again where something changed, and never of another store."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from ablating import QUICK, Results, Run


def file_of(store: Path, method: str) -> Path:
    return store.parent / "ablations" / "session" / f"{method}.json"


@pytest.mark.usefixtures("untrainable")
def test_a_second_run_is_answered_from_the_file(made: Path, ablated: Results, memr: Run) -> None:
    again = memr("ablate", "early", "late", "--retrain", "--store", made, *QUICK)
    assert [result["reused"] for result in again.lines] == [True, True], again.stderr
    for result in again.lines:
        path = file_of(made, result["method"])
        assert result["files"] == {"ablation": str(path)}
        before = ablated[result["method"]]
        assert result == {**before, "reused": True, "seconds": result["seconds"]}
        printed = {name: part for name, part in result.items() if name not in ("reused", "seconds")}
        assert json.loads(path.read_text()) == printed


@pytest.mark.usefixtures("untrainable")
def test_one_that_was_retrained_is_fresh_without_retraining_and_not_the_other_way_round(
    copy: Path, ablated: Results, memr: Run
) -> None:
    (result,) = memr("ablate", "--store", copy, *QUICK).lines
    assert result["reused"]
    assert result["shapley_retrained"] == ablated["early"]["shapley_retrained"]


def test_one_without_retraining_is_replaced_where_retraining_is_asked_for(
    copy: Path, ablated: Results, memr: Run
) -> None:
    file_of(copy, "early").unlink()
    (plain,) = memr("ablate", "--store", copy, *QUICK).lines
    assert (plain["reused"], plain["shapley_retrained"]) == (False, None)
    assert plain["shapley"] == ablated["early"]["shapley"]
    ran = memr("ablate", "--retrain", "--store", copy, *QUICK)
    assert ran.stderr.count("early.json is replaced: it was made without --retrain") == 1
    assert ran.lines[0]["subsets"] == ablated["early"]["subsets"]


def test_one_whose_models_were_changed_is_made_anew(
    copy: Path, ablated: Results, memr: Run
) -> None:
    (copy.parent / next(iter(ablated["late"]["hashes"]))).unlink()
    ran = memr("ablate", "late", "--retrain", "--store", copy, *QUICK)
    assert "is missing or not the model that was ablated" in ran.stderr
    assert ran.lines[0]["subsets"] == ablated["late"]["subsets"]


def test_one_of_another_stores_is_never_replaced(copy: Path, memr: Run) -> None:
    for name in ("metrics", "checkpoints"):
        shutil.rmtree(copy.parent / name)
    ran = memr("ablate", "--store", copy.rename(copy.with_name("other.h5")), *QUICK)
    assert (ran.code, ran.stdout) == (5, "")
    assert "early.json belongs to the store memr.h5" in ran.stderr
    assert "--out" in ran.stderr


@pytest.mark.parametrize("spoil", [{"hashes": {}}, {"n": float("nan")}, {"digest": None}], ids=str)
def test_one_that_was_edited_is_made_anew(
    copy: Path, ablated: Results, memr: Run, spoil: dict[str, Any]
) -> None:
    path = file_of(copy, "late")
    path.write_text(json.dumps({**json.loads(path.read_text()), **spoil}))
    ran = memr("ablate", "late", "--store", copy, *QUICK)
    assert not ran.lines[0]["reused"]
    assert "late.json is replaced: it is not as memr wrote it" in ran.stderr
    assert ran.lines[0]["shapley"] == ablated["late"]["shapley"]


def test_more_seeds_make_an_ablation_stale(copy: Path, memr: Run) -> None:
    (result,) = memr("ablate", "late", "--store", copy, *QUICK, "--seeds", "2").lines
    assert (result["reused"], result["settings"]["seeds"]) == (False, 2)
