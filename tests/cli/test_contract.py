"""What CONTRACT promises of every command; a new command is covered by being registered."""

import csv
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import typer
from contract_schemas import SCHEMAS

from memr_cli.app import app
from memr_cli.results.documentation import KINDS
from memr_cli.results.predictions import KEY_COLUMNS
from memr_cli.results.schema import encode

Run = Callable[..., Any]
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
COMMON = ("--store", "--out", "-q", "--quiet", "-v", "--verbose", "--json")
TRAINING = (
    *("--protocol", "--folds", "--preset", "--seed", "--epochs", "--patience", "--batch-size"),
    *("--learning-rate", "--weight-decay", "--hidden", "--subset", "--normalize", "--device"),
)
QUICK = ("--epochs", "3")
CALLS = {
    "synth": "synth new --utterances 60 --visual-dim 4 --acoustic-dim 4 --lexical-dim 4",
    "ingest": "ingest RAW --overwrite",
    "train": "train --epochs 2",  # with other settings than the store is evaluated with
    "fuse": "fuse --epochs 2",
    "evaluate": "evaluate --epochs 2",
    "compare": "compare lexical early",
    "schema": "schema evaluate",
    "ablate": "ablate --epochs 2",
}


def call(command: str, raw: Path) -> list[str]:
    """A sensible call of each command."""
    return CALLS.get(command, command).replace("RAW", str(raw)).split()


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
def test_every_object_follows_its_schema_and_is_of_its_type_one_strict_line_each(
    memr: Run, evaluated_store: Path, small_raw: Path, command: str
) -> None:
    ran = memr(*call(command, small_raw), "--store", evaluated_store)
    assert ran.code == 0, ran.stderr
    assert ran.stdout.endswith("\n")
    for line in ran.stdout.splitlines():
        value = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
        jsonschema.validate(value, SCHEMAS[command])
        if command != "schema":  # which prints a JSON Schema
            assert json.loads(encode(msgspec.convert(value, KINDS[command]))) == value


@pytest.mark.parametrize("command", COMMANDS)
def test_quiet_leaves_stderr_empty(
    memr: Run, evaluated_store: Path, small_raw: Path, command: str
) -> None:
    ran = memr(*call(command, small_raw), "--store", evaluated_store, "--quiet")
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
    ("line", "code", "words"),
    [
        ("evaluate --method vision", 2, "no method vision; --method takes visual, acoustic"),
        ("train --method early", 2, "memr fuse --method early"),
        ("fuse --method visual", 2, "memr train --method visual"),
        ("evaluate --folds 3 --protocol session", 2, "--folds has no effect"),
        ("evaluate --folds 1", 2, "--folds is 1"),
        ("evaluate --folds eleven", 2, "--folds"),
        ("evaluate --folds 11", 5, "use --folds 10 or fewer"),
        ("evaluate --patience 2 --preset original", 2, "--patience has no effect"),
        ("evaluate --epochs 0", 2, "--epochs is 0"),
        ("evaluate --seed -1", 2, "--seed is -1"),
        ("evaluate --protocol split", 5, "split"),
        ("evaluate --learning-rate 1e30", 5, "diverged"),
        ("evaluate --ensemble", 2, "--ensemble averages seeds and has no effect on one"),
        ("evaluate --ensemble --seeds 2 --method late", 2, "--ensemble has no effect on late: sha"),
        ("evaluate --method late-stack --preset original", 5, "fitted on validation rows"),
        ("evaluate --calibrate temperature --preset original", 2, "--calibrate needs validation"),
        ("evaluate --calibrate temperature --method late", 2, "--calibrate has no effect on late"),
        (
            "evaluate --modality-dropout .3 --method late",
            2,
            "--modality-dropout has no effect on l",
        ),
        ("ablate late --modality-dropout .3", 2, "--modality-dropout has no effect on late"),
        ("ablate early lexical", 5, "nothing to take away"),
        ("train --method lexical --normalize audio=speaker", 2, "has no effect on lexical"),
        ("evaluate --normalize sometimes", 2, "acoustic=speaker"),
        ("evaluate --normalize =speaker", 2, "acoustic=speaker"),
        ("evaluate --normalize acoustic=", 2, "acoustic=speaker"),
        ("evaluate --normalize ''", 2, "acoustic=speaker"),
        ("evaluate --normalize smell=speaker", 5, "--normalize names smell, and the store holds"),
        ("ingest nothing --store new.h5", 3, "dataset.csv"),
        ("ingest RAW --pooling max", 4, "--overwrite"),
        ("evaluate --out file", 6, "file"),
    ],
)
def test_a_refusal_is_one_message_and_an_exit_code_and_writes_nothing(
    memr: Run,
    small_store: Path,
    small_raw: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(small_store.parent)
    Path("file").write_text("in the way")
    before = small_store.read_bytes()
    ran = memr(*shlex.split(line.replace("RAW", str(small_raw))))
    assert (ran.code, ran.stdout) == (code, ""), ran.stderr
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr
    files = [path for path in Path().rglob("*") if path.is_file()]
    assert sorted(files) == [Path("file"), Path("memr.h5")]
    assert small_store.read_bytes() == before


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
    memr: Run, edited_store: Callable[..., Path]
) -> None:
    def without_visual(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row["visual_features"] = ""

    store = edited_store(without_visual)
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


def test_files_have_the_paths_of_the_contract(memr: Run, small_store: Path) -> None:
    out = small_store.parent / "results"
    ran = memr("evaluate", "--store", small_store, "--out", out, "--seeds", 2, *QUICK)
    for result in ran.lines:
        method, files = result["method"], result["files"]
        members = ["visual", "acoustic", "lexical"] if method == "late" else [method]
        assert files["metrics"] == str(out / "metrics" / "speaker" / f"{method}.json")
        assert files["predictions"] == str(out / "predictions" / "speaker" / f"{method}.csv")
        assert files["checkpoints"] == [
            str(out / f"checkpoints/speaker/{member}/seed{seed}/fold{fold}.safetensors")
            for member in members
            for seed in (0, 1)
            for fold in range(5)
        ]
        assert all(Path(path).is_file() for path in files["checkpoints"])
        printed = {name: part for name, part in result.items() if name not in ("reused", "seconds")}
        assert json.loads(Path(files["metrics"]).read_text()) == printed
        with Path(files["predictions"]).open() as file:
            header = next(csv.reader(file))
        classes = ["anger", "sadness", "happiness", "neutral"]
        assert header == [*KEY_COLUMNS, *(f"p_{name}" for name in classes)]


def test_what_is_learned_of_modalities_follows_its_schema(memr: Run, small_store: Path) -> None:
    methods = ("--method", "late-weighted", "--method", "gated")
    ran = memr("evaluate", "--store", small_store, *methods, *QUICK)
    combined, gated = ran.lines
    for result in ran.lines:
        jsonschema.validate(result, SCHEMAS["evaluate"])
    modalities = ["visual", "acoustic", "lexical"]
    assert list(combined["fusion"][0]["parameters"]["weights"]) == modalities
    assert gated["modality_weights"]["modalities"] == modalities
    for result, weighed in ((combined, []), (gated, [f"w_{name}" for name in modalities])):
        header = Path(result["files"]["predictions"]).read_text().splitlines()[0].split(",")
        assert header[len(KEY_COLUMNS) + 4 :] == weighed


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
