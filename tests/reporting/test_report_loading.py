import json
import os
from pathlib import Path

import pytest
from made_results import FIVE, write

from memr_cli.reporting.loading import load
from memr_cli.results.evaluation import Ties
from memr_cli.results.folder import ResultFolder


def test_every_result_is_read(tmp_path: Path) -> None:
    notices: list[str] = []
    results = load(write(tmp_path), notices.append)
    assert [result.method for result in results] == sorted(FIVE)
    assert notices == []
    late = next(result for result in results if result.method == "late")
    assert late.n == 1336
    assert late.counts.sum() == 1336
    assert late.ties == Ties(count=31, share=31 / 1336)
    assert late.settings.modalities == ("visual", "acoustic", "lexical")


def test_several_seeds_count_up_from_the_first(tmp_path: Path) -> None:
    settings = {"seed": 3, "seeds": 4, "overrides": {}, "modalities": ["lexical"]}
    (result,) = load(write(tmp_path, ["lexical"], settings=settings), print)
    assert result.settings.all_seeds == (3, 4, 5, 6)


@pytest.mark.parametrize("change", ["edited", "gone"])
def test_a_result_whose_predictions_changed_is_left_out(tmp_path: Path, change: str) -> None:
    folder, notices = write(tmp_path, ["early", "late"]), []
    predictions = folder.predictions("speaker", "late")
    if change == "gone":
        predictions.unlink()
    else:
        predictions.write_text(predictions.read_text().replace("u00000", "u00001"))
    results = load(folder, notices.append)
    assert [result.method for result in results] == ["early"]
    (notice,) = notices
    assert "late.json is stale" in notice
    assert "memr evaluate --method late --protocol speaker" in notice


def test_missing_checkpoints_do_not_matter(tmp_path: Path) -> None:
    folder = write(tmp_path, ["early"])
    path = folder.metrics("speaker", "early")
    metrics = json.loads(path.read_text())
    metrics["hashes"]["checkpoints/speaker/early/seed0/fold0.safetensors"] = "sha256:00"
    path.write_text(json.dumps(metrics))
    assert len(load(folder, print)) == 1


def broken(name: str) -> str:
    return {
        "no JSON": "{",
        "not UTF-8": "\udcff",
        "another schema": '{"schema": "memr.evaluate/2"}',
        "nothing but its schema": '{"schema": "memr.evaluate/1"}',
        "a list": "[]",
    }[name]


@pytest.mark.parametrize(
    "name", ["no JSON", "not UTF-8", "another schema", "nothing but its schema", "a list"]
)
def test_an_unreadable_metrics_file_is_left_out(tmp_path: Path, name: str) -> None:
    folder, notices = write(tmp_path, ["early"]), []
    path = folder.metrics("speaker", "late")
    path.write_text(broken(name), encoding="utf-8", errors="surrogateescape")
    assert [result.method for result in load(folder, notices.append)] == ["early"]
    (notice,) = notices
    assert str(path) in notice
    assert "memr evaluate" in notice


@pytest.mark.parametrize(
    "field",
    [
        "method",
        "protocol",
        "settings",
        "metrics",
        "per_class",
        "confusion",
        "n",
        "synthetic",
        "hashes",
    ],
)
def test_a_metrics_file_without_a_field_is_left_out(tmp_path: Path, field: str) -> None:
    folder, notices = write(tmp_path, ["early"]), []
    path = folder.metrics("speaker", "early")
    metrics = json.loads(path.read_text())
    del metrics[field]
    path.write_text(json.dumps(metrics))
    assert load(folder, notices.append) == []
    assert len(notices) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"n": 0},
        {"per_class": {}},
        {"confusion": {"labels": ["a", "b"], "counts": [[1]], "folds": [[[1]]]}},
        {"metrics": []},
        {"protocol": {"name": "speaker", "folds": []}},
    ],
    ids=str,
)
def test_a_metrics_file_that_contradicts_itself_is_left_out(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    notices: list[str] = []
    assert load(write(tmp_path, ["early"], **changes), notices.append) == []
    assert len(notices) == 1


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("settings", "seeds"), 10**9),
        (("settings", "seed"), -1),
        (("settings", "modalities"), "lexical"),
        (("settings", "normalize"), {"lexical": []}),
        (("metrics", "uar", "mean"), 1e300),
        (("metrics", "uar", "mean"), True),
        (("metrics", "uar", "ci95"), [0.1, 0.2, 0.3]),
        (("confusion", "counts", 0, 0), -1),
        (("confusion", "counts", 0, 0), 2**62),
        (("confusion", "folds", 0, 0, 0), 1e300),
        (("protocol", "folds", 0, "test"), "F01"),
        (("protocol", "folds", 0, "test"), []),
        (("n",), 0.5),
        (("by_speaker",), {"F01": {"n": -1, "f1_micro": 0.5}}),
        (("modality_weights",), {"modalities": ["x"], "n": 1, "mean": {}, "by_class": {}}),
        (("modality_weights",), {"modalities": [], "n": 1, "mean": {}, "by_class": {}}),
        (("notes",), [None, {}]),
        (("store",), 7),
        (("hashes",), {"predictions/speaker/early.csv": 1}),
    ],
    ids=str,
)
def test_a_metrics_file_of_what_no_result_has_is_left_out(
    tmp_path: Path, place: tuple[str | int, ...], value: object
) -> None:
    folder, notices = write(tmp_path, ["early", "late"]), []
    path = folder.metrics("speaker", "early")
    metrics = json.loads(path.read_text())
    *above, last = place
    part = metrics
    for step in above:
        part = part[step]
    part[last] = value
    path.write_text(json.dumps(metrics))
    assert [result.method for result in load(folder, notices.append)] == ["late"]
    (notice,) = notices
    assert str(path) in notice


@pytest.mark.parametrize("name", ["../../secret.csv", "/etc/passwd", "predictions/../../x.csv"])
def test_a_result_that_vouches_for_files_elsewhere_is_left_out(tmp_path: Path, name: str) -> None:
    folder, notices = write(tmp_path, ["early"]), []
    path = folder.metrics("speaker", "early")
    metrics = json.loads(path.read_text())
    metrics["hashes"][name] = "sha256:00"
    path.write_text(json.dumps(metrics))
    assert load(folder, notices.append) == []
    assert len(notices) == 1


def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    folder, notices = write(tmp_path, ["early"]), []
    os.mkfifo(folder.metrics("speaker", "late"))
    folder.metrics("speaker", "visual").mkdir()
    folder.metrics("speaker", "lexical").symlink_to(folder.metrics("speaker", "lexical"))
    assert [result.method for result in load(folder, notices.append)] == ["early"]
    assert len(notices) == 3


def test_names_that_would_move_a_cursor_are_shown_by_number(tmp_path: Path) -> None:
    folder = write(tmp_path, ["early"], notes=["a\x1b[31mb\u202ec"])
    (result,) = load(folder, print)
    assert result.notes == ("a\\x1b[31mb\\u202ec",)


def test_a_metrics_file_under_another_name_is_left_out(tmp_path: Path) -> None:
    folder, notices = write(tmp_path, ["early"]), []
    path = folder.metrics("speaker", "early")
    path.rename(path.with_name("late.json"))
    assert load(folder, notices.append) == []
    assert "its path says otherwise" in notices[0]


def test_undefined_figures_are_kept_as_such(tmp_path: Path) -> None:
    folder = write(tmp_path, ["early"])
    path = folder.metrics("speaker", "early")
    metrics = json.loads(path.read_text())
    nothing = {"mean": None, "std": None, "folds": [None] * 5, "ci95": None}
    nothing |= {"seeds": [None], "pooled": None}
    metrics["metrics"]["uar"] = nothing
    path.write_text(json.dumps(metrics))
    (result,) = load(ResultFolder(tmp_path), print)
    assert result.metrics["uar"].mean is None
    assert result.metrics["uar"].ci95 is None
