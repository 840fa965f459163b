import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audit_corpora import Corpus, check, features_trained_on_labels, planted, speaker_offsets

Run = Callable[..., Any]


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    """A store whose features know the labels of its published training part."""
    return planted(features_trained_on_labels).write(tmp_path / "leaky.h5")


def test_an_audit_is_one_object_of_its_schema_and_lies_in_its_file(
    memr: Run, leaky: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ran = memr("audit", "--store", leaky, "--protocol", "split", "--out", out)
    assert ran.code == 0, ran.stderr
    (result,) = ran.lines
    check(result)
    assert [finding["code"] for finding in result["findings"]] == ["label_leak"]
    assert result["counts"] == {"info": 0, "warning": 0, "severe": 1}
    path = out / "audits" / "split.json"
    assert result["files"] == {"audit": str(path)}
    del result["seconds"]
    assert json.loads(path.read_text()) == result
    assert (
        ran.stderr
        == f"memr: found 1 severe finding under protocol split; the audit is in {path}.\n"
    )


def test_the_store_says_the_same_as_the_arrays_it_was_made_from(memr: Run, tmp_path: Path) -> None:
    corpus = Corpus()
    corpus.lose(np.flatnonzero((corpus.label == 1) & (np.arange(corpus.n) % 2 == 0)))
    path = corpus.write(tmp_path / "memr.h5")
    (result,) = memr("audit", "--store", path, "--protocol", "session").lines
    assert {f["code"]: f["severity"] for f in result["findings"]} == corpus.found()


def test_an_audit_says_the_same_twice(memr: Run, leaky: Path) -> None:
    first, second = (memr("audit", "--store", leaky).lines[0] for _ in range(2))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


def test_strict_exits_with_3_on_severe_findings_after_the_object(memr: Run, leaky: Path) -> None:
    ran = memr("audit", "--store", leaky, "--protocol", "split", "--strict")
    assert ran.code == 3
    assert ran.lines[0]["counts"]["severe"] == 1
    *_, message = ran.stderr.splitlines()
    assert message.startswith("memr: error: severe under --strict: label_leak (visual). A linear")


def test_strict_passes_what_is_not_severe(memr: Run, small_store: Path) -> None:
    ran = memr("audit", "--store", small_store, "--strict")
    assert ran.code == 0
    assert ran.lines[0]["counts"]["warning"] > 0
    assert ran.lines[0]["counts"]["severe"] == 0


def test_a_subset_is_audited_by_itself(memr: Run, small_store: Path) -> None:
    session = ("audit", "--store", small_store, "--protocol", "session")
    (whole,) = memr(*session).lines
    (half,) = memr(*session, "--subset", "improvised").lines
    assert (whole["subset"], half["subset"]) == ("all", "improvised")
    assert 0 < half["n"] < whole["n"]
    assert "scripted_lines" in {finding["code"] for finding in whole["findings"]}
    assert "scripted_lines" not in {finding["code"] for finding in half["findings"]}
    assert half["synthetic"]


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        (["--folds", "3", "--protocol", "session"], 2, "--folds has no effect"),
        (["--folds", "1"], 2, "--folds is 1"),
        (["--folds", "11"], 5, "use --folds 10 or fewer"),
        (["--protocol", "split"], 5, "split"),
        (["--subset", "sung"], 2, "--subset"),
    ],
)
def test_what_cannot_be_audited_is_one_message_and_its_exit_code(
    memr: Run, small_store: Path, wrong: list[str], code: int, words: str
) -> None:
    ran = memr("audit", "--store", small_store, *wrong)
    assert (ran.code, ran.stdout) == (code, ""), ran.stderr
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not list(small_store.parent.glob("audits/*"))


def test_a_subset_that_nothing_belongs_to_exits_with_5(memr: Run, tmp_path: Path) -> None:
    path = Corpus(kind="chat").write(tmp_path / "memr.h5")
    ran = memr("audit", "--store", path, "--subset", "scripted")
    assert (ran.code, ran.stdout) == (5, "")
    assert "no labelled utterance of the subset scripted" in ran.stderr


def test_the_audit_of_a_store_of_another_name_is_not_replaced(
    memr: Run, small_store: Path, leaky: Path
) -> None:
    assert memr("audit", "--store", small_store).code == 0
    path = small_store.parent / "audits" / "speaker.json"
    before = path.read_bytes()
    ran = memr("audit", "--store", leaky, "--out", small_store.parent)
    assert (ran.code, ran.stdout) == (5, "")
    assert "--out" in ran.stderr
    assert path.read_bytes() == before


def test_the_table_has_the_most_severe_first(
    memr: Run, leaky: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from memr_cli.commands.console import Console

    rows: list[dict[str, str]] = []

    def emit(_console: Console, _result: object, table: list[dict[str, str]]) -> None:
        rows.extend(table)

    monkeypatch.setattr(Console, "emit", emit)
    ran = memr("audit", "--store", leaky, "--protocol", "loso")
    assert [row["severity"] for row in rows] == ["severe", "warning", "warning", "info"]
    assert list(rows[0]) == ["severity", "code", "modality", "value", "message"]
    assert (
        "found 1 severe finding, 2 warnings and 1 informational finding under protocol loso"
        in ran.stderr
    )


def test_actions_repeat_what_was_audited_and_replace_nothing(
    memr: Run, small_store: Path, tmp_path: Path
) -> None:
    ran = memr("audit", "--store", small_store, "--protocol", "session")
    actions = {f["code"]: f["action"] for f in ran.lines[0]["findings"]}
    assert actions["scripted_lines"].endswith(
        f"`memr evaluate --store {small_store} --protocol session --subset improvised "
        "--out improvised/`."
    )
    path = planted(speaker_offsets).write(tmp_path / "a store.h5")
    wanted = ("--protocol", "speaker", "--folds", "4", "--subset", "improvised")
    ran = memr("audit", "--store", path, *wanted)
    actions = {f["code"]: f["action"] for f in ran.lines[0]["findings"]}
    assert actions["speaker_identity"].endswith(
        f"`memr evaluate --store '{path}' --protocol speaker --folds 4 --subset improvised "
        "--normalize visual=speaker --out visual-by-speaker/`."
    )
