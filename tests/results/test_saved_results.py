"""Results as files: what is saved is read back as it was, and nothing else is saved."""

import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from memr_cli.results.comparison import Comparison
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.saved import load, load_if_valid, save
from memr_cli.results.schema import sealed, to_json

SCORES = ("metrics", "per_class", "calibration", "by_speaker", "by_session", "leakage")


@pytest.fixture
def made(evaluated_store: Path) -> Evaluation:
    return load(evaluated_store.parent / "metrics" / "speaker" / "early.json", Evaluation)


def with_numbers(value: Any, numbers: list[float]) -> Any:
    """The value with each number that is no count replaced by the next of `numbers`."""
    if isinstance(value, dict):
        return {name: with_numbers(part, numbers) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [with_numbers(part, numbers) for part in value]
    return numbers.pop() if isinstance(value, float) else value


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_evaluation_is_read_back_as_it_was_saved(made: Evaluation, data: st.DataObject) -> None:
    value = to_json(made)
    scores = {name: value[name] for name in SCORES}
    numbers = data.draw(hnp.arrays(np.float64, 300, elements=st.floats(0, 1)))
    value |= with_numbers(scores, numbers.tolist())
    shape = np.shape(value["confusion"]["folds"])
    folds = data.draw(hnp.arrays(np.int64, shape, elements=st.integers(0, 2**40)))
    folds[0, 0, 0] += 1
    value["confusion"] |= {"folds": folds.tolist(), "counts": folds.sum(axis=0).tolist()}
    for name in data.draw(st.sets(st.sampled_from(list(value["metrics"])))):
        undefined = {"mean": None, "std": None, "pooled": None, "ci95": None}
        value["metrics"][name] |= {**undefined, "folds": [None] * shape[0], "seeds": [None]}
    value["notes"] = data.draw(st.lists(st.text(st.characters(codec="utf-8"))))
    result = sealed(msgspec.convert(value, Evaluation))
    path = Path("metrics", "again", "early.json")
    save(path, result)
    assert load(path, Evaluation) == result


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_hold_is_not_saved(made: Evaluation, number: float) -> None:
    changed = {**made.metrics, "uar": msgspec.structs.replace(made.metrics["uar"], pooled=number)}
    path = Path("metrics", "other", "early.json")
    with pytest.raises(ValueError, match="not JSON compliant"):
        save(path, msgspec.structs.replace(made, metrics=changed))
    assert not path.exists()


@pytest.mark.parametrize("how", ["edited", "of another type", "text"])
def test_what_is_no_result_as_it_was_written_is_none(made: Evaluation, how: str) -> None:
    path = Path("changed.json")
    save(path, made)
    assert load_if_valid(path, Evaluation) == made
    changed = {
        "edited": msgspec.json.encode(msgspec.structs.replace(made, n=made.n + 1)),
        "of another type": msgspec.json.encode(made.settings),
        "text": b"\xff",
    }
    path.write_bytes(changed[how])
    assert load_if_valid(path, Evaluation) is None


def test_a_comparison_that_lacks_a_metric_is_refused(memr: Any, evaluated_store: Path) -> None:
    (value,) = memr("compare", "early", "late", "--store", evaluated_store).lines
    assert msgspec.convert(value, Comparison).pairs
    del value["pairs"][0]["metrics"]["uar"]
    with pytest.raises(ValueError, match="a pair lacks a metric"):
        msgspec.convert(value, Comparison)
