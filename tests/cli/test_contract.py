"""What CONTRACT promises of every command; a new command is covered by being registered."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
from contract_schemas import SCHEMAS

from memr_cli.app import app
from memr_cli.results.predictions import KEY_COLUMNS

Run = Callable[..., Any]
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
COMMON = ("--store", "--out", "-q", "--quiet", "-v", "--verbose", "--json")
TRAINING = (
    "--protocol",
    "--folds",
    "--preset",
    "--seed",
    "--epochs",
    "--patience",
    "--batch-size",
    "--learning-rate",
    "--weight-decay",
    "--hidden",
    "--subset",
    "--normalize",
    "--device",
)
QUICK = ("--epochs", "3")
READERS = ("report", "compare")
"""Commands that read what `memr evaluate` wrote."""


def arguments(command: str, store: Path, raw: Path) -> list[str]:
    """A sensible call of each command."""
    call: dict[str, list[str]] = {
        "synth": [
            str(store.parent / "new"), "--utterances", "60", "--visual-dim", "4",
            "--acoustic-dim", "4", "--lexical-dim", "4",
        ],
        "ingest": [str(raw), "--overwrite"],
        "train": [*QUICK],
        "fuse": [*QUICK],
        "evaluate": [*QUICK],
        "compare": ["lexical", "early"],
        "schema": ["evaluate"],
        "ablate": [*QUICK],
    }  # fmt: skip
    return [command, *call.get(command, []), "--store", str(store)]


def test_every_command_has_a_schema() -> None:
    assert sorted(SCHEMAS) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_the_common_options_and_shows_examples(memr: Run, command: str) -> None:
    help_text = memr(command, "--help").stdout
    for option in COMMON:
        assert re.search(rf"(^|[\s,]){option}\b", help_text), option
    assert "[env var: MEMR_STORE" in re.sub(r"\s+", " ", help_text)
    assert f"\n    memr {command}" in help_text
    assert "\\b" not in help_text


@pytest.mark.parametrize("command", ["train", "fuse", "evaluate", "ablate"])
def test_commands_that_train_share_their_options(memr: Run, command: str) -> None:
    help_text = memr(command, "--help").stdout
    assert [option for option in TRAINING if f"{option} " not in help_text] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_object_follows_its_schema_one_strict_line_each(
    memr: Run, small_store: Path, small_raw: Path, command: str
) -> None:
    if command in READERS:
        memr(*arguments("evaluate", small_store, small_raw))
    ran = memr(*arguments(command, small_store, small_raw))
    assert ran.code == 0, ran.stderr
    assert ran.stdout.endswith("\n")
    lines = ran.stdout.splitlines()
    assert lines
    for line in lines:
        value = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
        jsonschema.validate(value, SCHEMAS[command])


@pytest.mark.parametrize("command", COMMANDS)
def test_quiet_leaves_stderr_empty(
    memr: Run, small_store: Path, small_raw: Path, command: str
) -> None:
    if command in READERS:
        memr(*arguments("evaluate", small_store, small_raw))
    ran = memr(*arguments(command, small_store, small_raw), "--quiet")
    assert (ran.code, ran.stderr) == (0, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_wrong_usage_exits_with_2_and_names_the_option(memr: Run, command: str) -> None:
    ran = memr(command, "--no-such-option")
    assert (ran.code, ran.stdout) == (2, "")
    assert "--no-such-option" in ran.stderr


@pytest.mark.parametrize(
    "command", sorted(set(COMMANDS) - {"synth", "ingest", "report", "schema", "layouts"})
)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no store"),
        (b"just text", "not a"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "damaged"),
    ],
    ids=["missing", "not ours", "damaged"],
)
def test_a_store_that_cannot_be_read_exits_with_4(
    memr: Run, tmp_path: Path, command: str, content: bytes | None, words: str
) -> None:
    store = tmp_path / "memr.h5"
    if content is not None:
        store.write_bytes(content)
    methods = ["lexical", "early"] if command == "compare" else []
    ran = memr(command, *methods, "--store", store)
    assert (ran.code, ran.stdout) == (4, "")
    assert str(store) in ran.stderr
    assert words in ran.stderr
    assert "memr ingest" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        (["--method", "vision"], 2, "no method vision; --method takes visual, acoustic"),
        (["--folds", "3", "--protocol", "session"], 2, "--folds has no effect"),
        (["--folds", "1"], 2, "--folds is 1"),
        (["--folds", "eleven"], 2, "--folds"),
        (["--folds", "11"], 5, "use --folds 10 or fewer"),
        (["--patience", "2", "--preset", "original"], 2, "--patience has no effect"),
        (["--epochs", "0"], 2, "--epochs is 0"),
        (["--seed", "-1"], 2, "--seed is -1"),
        (["--protocol", "split"], 5, "split"),
        (["--learning-rate", "1e30"], 5, "diverged"),
        (["--ensemble"], 2, "--ensemble averages seeds"),
        (["--ensemble", "--seeds", "2", "--method", "late"], 2, "--ensemble has no effect on late"),
        (["--method", "late-stack", "--preset", "original"], 5, "fitted on validation rows"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_message_and_its_exit_code(
    memr: Run, small_store: Path, wrong: list[str], code: int, words: str
) -> None:
    ran = memr("evaluate", "--store", small_store, *wrong)
    assert (ran.code, ran.stdout) == (code, ""), ran.stderr
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not list(small_store.parent.glob("metrics/*/*"))


def test_raw_data_that_is_not_there_exits_with_3(memr: Run, tmp_path: Path) -> None:
    ran = memr("ingest", tmp_path / "nothing", "--store", tmp_path / "memr.h5")
    assert (ran.code, ran.stdout) == (3, "")
    assert "dataset.csv" in ran.stderr
    assert not (tmp_path / "memr.h5").exists()


def test_a_store_is_not_replaced_without_overwrite(
    memr: Run, small_store: Path, small_raw: Path
) -> None:
    before = small_store.read_bytes()
    ran = memr("ingest", small_raw, "--store", small_store, "--pooling", "max")
    assert ran.code == 4
    assert "--overwrite" in ran.stderr
    assert small_store.read_bytes() == before
    assert memr("ingest", small_raw, "--store", small_store).lines[0]["reused"] is True
    assert small_store.read_bytes() == before


def test_a_folder_that_cannot_be_written_exits_with_6(memr: Run, small_store: Path) -> None:
    out = small_store.parent / "file"
    out.write_text("in the way")
    ran = memr("evaluate", "--store", small_store, "--out", out, "--method", "lexical", *QUICK)
    assert (ran.code, ran.stdout) == (6, "")
    assert str(out) in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_fault_of_ours_exits_with_1_and_says_how_to_report_it(
    memr: Run, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import memr_cli.ingestion

    def broken(*_: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(memr_cli.ingestion, "describe", broken)
    ran = memr("info", "--store", small_store)
    assert (ran.code, ran.stdout) == (1, "")
    assert "ZeroDivisionError: on purpose" in ran.stderr
    assert "Please report it" in ran.stderr


def test_collective_names_skip_what_the_store_lacks_and_say_so(
    memr: Run, tmp_path: Path, small_raw: Path
) -> None:
    store = without_visual(memr, tmp_path, small_raw)
    ran = memr("evaluate", "--store", store, *QUICK)
    assert ran.code == 0
    assert [result["method"] for result in ran.lines] == ["acoustic", "lexical", "early", "late"]
    assert "visual is skipped" in ran.stderr
    assert "votes" in ran.stderr
    assert "with two voters that settles every disagreement" in ran.stderr
    assert ran.lines[-1]["ties"]["count"] > 0
    named = memr("evaluate", "--store", store, "--method", "visual", *QUICK)
    assert (named.code, named.stdout) == (5, "")
    assert "method visual needs the visual modality" in named.stderr
    info = memr("info", "--store", store).lines[0]
    assert info["modalities"]["visual"]["dim"] is None
    assert "visual" in info["unsupported"]
    assert not {"acoustic", "lexical", "early", "late"} & set(info["unsupported"])


def without_visual(memr: Run, folder: Path, raw: Path) -> Path:
    """A store of the small corpus without its visual column's paths."""
    new = folder / "raw"
    new.mkdir()
    (new / "features").mkdir()
    for modality in ("acoustic_features", "lexical_features"):
        (new / "features" / modality).mkdir()
        for source in (raw / "features" / modality).rglob("*.npy"):
            target = new / source.relative_to(raw)
            target.parent.mkdir(exist_ok=True)
            target.hardlink_to(source)
    with (raw / "dataset.csv").open() as file:
        rows = list(csv.DictReader(file))
    with (new / "dataset.csv").open("w") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "visual_features": ""} for row in rows)
    store = folder / "memr.h5"
    assert memr("ingest", new, "--store", store).code == 0
    return store


def test_files_lie_where_the_contract_says(memr: Run, small_store: Path) -> None:
    out = small_store.parent / "results"
    ran = memr("evaluate", "--store", small_store, "--out", out, "--seeds", 2, *QUICK)
    for result in ran.lines:
        method = result["method"]
        metrics = out / "metrics" / "speaker" / f"{method}.json"
        predictions = out / "predictions" / "speaker" / f"{method}.csv"
        assert result["files"]["metrics"] == str(metrics)
        assert result["files"]["predictions"] == str(predictions)
        members = ["visual", "acoustic", "lexical"] if method == "late" else [method]
        assert result["files"]["checkpoints"] == [
            str(
                out / "checkpoints" / "speaker" / member / f"seed{seed}" / f"fold{fold}.safetensors"
            )
            for member in members
            for seed in (0, 1)
            for fold in range(5)
        ]
        assert all(Path(path).is_file() for path in result["files"]["checkpoints"])
        saved = json.loads(metrics.read_text())
        unsaved = {"reused", "seconds"}
        assert saved == {name: value for name, value in result.items() if name not in unsaved}
        with predictions.open() as file:
            header = next(csv.reader(file))
        classes = ["anger", "sadness", "happiness", "neutral"]
        assert header == [*KEY_COLUMNS, *(f"p_{name}" for name in classes)]


def test_what_is_learned_of_modalities_follows_its_schema_and_stands_in_the_predictions(
    memr: Run, small_store: Path
) -> None:
    methods = ("--method", "late-weighted", "--method", "gated")
    arguments = ("--store", small_store, *methods, "--seeds", 2, "--ensemble", "--epochs", 1)
    ran = memr("evaluate", *arguments)
    assert ran.code == 0, ran.stderr
    for result in ran.lines:
        jsonschema.validate(result, SCHEMAS["evaluate"])
        assert result["settings"]["ensemble"] is True
    combined, gated = ran.lines
    modalities = ["visual", "acoustic", "lexical"]
    assert len(combined["fusion"]) == 2 * 5
    assert list(combined["fusion"][0]["parameters"]["weights"]) == modalities
    assert gated["modality_weights"]["modalities"] == modalities
    for result, weighed in ((combined, []), (gated, [f"w_{name}" for name in modalities])):
        with Path(result["files"]["predictions"]).open() as file:
            header, *rows = csv.reader(file)
        assert header[len(KEY_COLUMNS) + 4 :] == weighed
        assert len(rows) == result["n"]


def test_train_prints_one_object_a_method_and_fuse_names_a_votes_members(
    memr: Run, small_store: Path
) -> None:
    trained = memr("train", "--store", small_store, *QUICK).lines
    assert [result["method"] for result in trained] == ["visual", "acoustic", "lexical"]
    for run in trained[0]["folds"]:
        assert 1 <= run["best_epoch"] <= run["epochs"] <= 3
        assert Path(run["checkpoint"]).is_file()
    fused = memr("fuse", "--store", small_store, *QUICK).lines
    assert [(result["method"], result["reused"]) for result in fused] == [
        ("early", False),
        ("late", True),
    ]
    vote = fused[1]["folds"][0]
    assert vote["members"] == ["visual", "acoustic", "lexical"]
    assert vote["checkpoint"] is None
    again = memr("train", "--store", small_store, *QUICK).lines
    assert all(result["reused"] for result in again)


@pytest.mark.parametrize(
    ("command", "method", "other"), [("train", "early", "fuse"), ("fuse", "visual", "train")]
)
def test_a_method_of_the_other_command_is_pointed_to_it(
    memr: Run, small_store: Path, command: str, method: str, other: str
) -> None:
    ran = memr(command, "--store", small_store, "--method", method)
    assert ran.code == 2
    assert f"memr {other} --method {method}" in ran.stderr
