"""What `memr compare` refuses, and what it says to do instead."""

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_methods import Corpus, corpus, write

from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.progress import silent

Run = Callable[..., Any]


def refused(memr: Run, made: Corpus, *arguments: str | Path, code: int = 5) -> str:
    ran = memr("compare", *arguments, "--store", made.store)
    assert (ran.code, ran.stdout) == (code, ""), ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stderr.count("memr: error:") == 1
    assert not list(made.store.parent.glob("comparisons/*/*"))
    message: str = ran.stderr
    return message


SESSION = ("--protocol", "session")


def _protocol(name: str, folds: list[Any]) -> dict[str, Any]:
    return {"name": name, "description": "", "folds": folds}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["lexical"], "needs at least two methods, and only lexical is named"),
        (["lexical", "lexical"], "lexical is named twice"),
        (["lexical", "text"], "text is named twice"),
        (["lexical", "vision"], "there is no method vision; name some of visual, acoustic"),
        (["lexical", "../early"], "../early is neither the name of a method nor the path"),
        (["lexical", "early.json"], "early.json: there is no such file"),
        (["lexical", "no/metrics/session/vision.json"], "vision.json: there is no such file"),
    ],
)
def test_names_that_cannot_be_compared_are_wrong_usage(
    memr: Run, made: Corpus, names: list[str], words: str
) -> None:
    write(made, "lexical")
    assert words in refused(memr, made, *names, *SESSION, code=2)


def test_the_same_file_by_name_and_by_path_is_named_twice(memr: Run, made: Corpus) -> None:
    path = write(made, "lexical")
    assert "named twice" in refused(memr, made, "lexical", path, *SESSION, code=2)


def test_a_path_of_another_protocol_than_the_option_is_wrong_usage(memr: Run, made: Corpus) -> None:
    path = write(made, "lexical")
    words = refused(memr, made, path, "early", "--protocol", "loso", code=2)
    assert "is a result of protocol session, and --protocol says loso" in words


def test_an_unknown_field_for_across_is_wrong_usage(memr: Run, made: Corpus) -> None:
    ran = memr("compare", "lexical", "early", "--across", "seeds", "--store", made.store)
    assert ran.code == 2
    assert "'seeds' is not" in ran.stderr
    assert "normalize" in ran.stderr


def test_a_store_that_is_not_there_exits_with_4(memr: Run, tmp_path: Path) -> None:
    assert memr("compare", "lexical", "early", "--store", tmp_path / "no.h5").code == 4


def test_missing_results_come_with_the_command_that_makes_them(memr: Run, made: Corpus) -> None:
    seeds = {"seeds": (2, 3), "settings": {"subset": "improvised"}}
    write(made, "lexical", preset="original", **seeds)
    message = refused(memr, made, "lexical", "early", "late", *SESSION)
    assert "has no result of early, late under protocol session" in message
    command = (
        "memr evaluate --method early --method late --protocol session --seed 2 --seeds 2 "
        f"--subset improvised --preset original --store {made.store}\n"
    )
    assert message.endswith(command)


def test_the_command_that_is_suggested_makes_the_comparison_possible(
    memr: Run, made: Corpus
) -> None:
    write(made, "lexical")
    message = refused(memr, made, "lexical", "early", *SESSION)
    words = message.rpartition("Run: memr ")[2].split()
    assert memr(*words, "--epochs", "1").code == 0
    assert memr("compare", "lexical", "early", "--store", made.store, *SESSION).code == 0


def test_a_missing_path_is_told_with_its_own_folder(
    memr: Run, made: Corpus, tmp_path: Path
) -> None:
    write(made, "lexical")
    path = tmp_path / "other" / "metrics" / "session" / "early.json"
    message = refused(memr, made, "lexical", path)
    assert f"{path}: there is no such file" in message
    assert f"--out {tmp_path / 'other'}\n" in message


def test_a_file_that_lies_elsewhere_is_wrong_usage(memr: Run, made: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "early.json"
    path.write_bytes(write(made, "early").read_bytes())
    message = refused(memr, made, "early", path, *SESSION, code=2)
    assert "is not where memr writes metrics" in message


def test_what_the_store_cannot_serve_is_not_advised(
    memr: Run, small_raw: Path, tmp_path: Path
) -> None:
    features = ("acoustic_features", "lexical_features")
    for name in features:
        shutil.copytree(small_raw / "features" / name, tmp_path / "raw" / "features" / name)
    shutil.copy(small_raw / "dataset.csv", tmp_path / "raw")
    ingest(tmp_path / "raw", tmp_path / "memr.h5", IngestSettings(), silent)
    made = corpus(tmp_path / "memr.h5")
    write(made, "lexical")
    message = refused(memr, made, "lexical", "visual", "early", *SESSION)
    assert (
        "method visual needs the visual modality, and the store holds acoustic, lexical" in message
    )
    assert "Run:" not in message


def test_changed_predictions_make_a_result_stale(memr: Run, made: Corpus) -> None:
    write(made, "lexical")
    write(made, "early", settings={"overrides": {"hidden": 64}, "calibrate": "temperature"})
    path = made.store.parent / "predictions" / "session" / "early.csv"
    path.write_text(path.read_text() + "\n")
    message = refused(memr, made, "lexical", "early", *SESSION)
    assert f"early.json is stale: {path} is missing or is not the file" in message
    command = "memr evaluate --method early --protocol session --hidden 64 --calibrate temperature"
    assert command in message
    path.unlink()
    assert "is stale" in refused(memr, made, "lexical", "early", *SESSION)


def test_a_changed_checkpoint_makes_a_result_stale_and_a_lost_one_does_not(
    memr: Run, made: Corpus
) -> None:
    write(made, "early")
    path = write(made, "lexical")
    value = json.loads(path.read_text())
    checkpoint = made.store.parent / "checkpoints" / "fold0.safetensors"
    value["hashes"]["checkpoints/fold0.safetensors"] = "sha256:00"
    path.write_text(json.dumps(value))
    assert memr("compare", "lexical", "early", "--store", made.store, *SESSION).code == 0
    (made.store.parent / "comparisons" / "session" / "early+lexical.json").unlink()
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"other")
    assert "fold0.safetensors is missing or is not" in refused(
        memr, made, "lexical", "early", *SESSION
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": "memr.evaluate/9"}, "Invalid value 'memr.evaluate/9'"),
        ({"protocol": _protocol("session", [])}, "it scores nothing"),
        ({"protocol": "session"}, "Expected `object`, got `str` - at `$.protocol`"),
        ({"settings": None}, "Expected `object`, got `null` - at `$.settings`"),
        ({"synthetic": "no"}, "Expected `bool`, got `str` - at `$.synthetic`"),
        ({"method": "late"}, "it is of method late"),
    ],
    ids=str,
)
def test_what_is_no_metrics_file_is_refused(
    memr: Run, made: Corpus, change: dict[str, Any], reason: str
) -> None:
    write(made, "lexical")
    path = write(made, "early")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    message = refused(memr, made, "lexical", "early", *SESSION)
    assert f"{path} is not a metrics file of this version ({reason}" in message
    assert "Run: memr evaluate --method early --protocol session" in message


def test_predictions_that_lack_a_row_are_refused(memr: Run, made: Corpus) -> None:
    write(made, "lexical")
    write(made, "early", n=len(made.ids) + 1)
    assert "once per seed" in refused(memr, made, "lexical", "early", *SESSION)


def test_other_true_labels_than_the_store_has_are_refused(memr: Run, made: Corpus) -> None:
    write(made, "lexical")
    true = made.true.copy()
    true[3] = (true[3] + 1) % len(made.class_names)
    path = write(replace(made, true=true), "early")
    message = refused(memr, made, "lexical", "early", *SESSION)
    assert f"the predictions of {path} have other true labels than the store in 1 of" in message
    assert made.ids[3] in message


def test_results_of_other_content_than_the_store_are_refused(memr: Run, made: Corpus) -> None:
    write(made, "lexical")
    write(made, "early", fingerprint="sha256:12ab")
    message = refused(memr, made, "lexical", "early", *SESSION)
    assert "early.json was made from other content" in message
    assert f"fingerprint sha256:12ab, not {made.fingerprint}" in message
    assert "lexical.json" not in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seeds": (0, 1)}, "seeds (0 and 0, 1)"),
        ({"settings": {"subset": "improvised"}}, "subset (all and improvised)"),
        (
            {"settings": {"normalize": {"lexical": "speaker", "acoustic": "speaker"}}},
            "normalisation of lexical (global and speaker)",
        ),
    ],
)
def test_what_differs_is_named_with_both_values(
    memr: Run, made: Corpus, change: dict[str, Any], words: str
) -> None:
    write(made, "lexical")
    write(made, "early", **change)
    message = refused(memr, made, "lexical", "early", *SESSION)
    assert "lexical and early cannot be compared: they differ in" in message
    assert words in message
    assert "normalisation of acoustic" not in message


def test_all_that_differs_is_named_and_the_command_mends_it(memr: Run, made: Corpus) -> None:
    write(made, "lexical", settings={"normalize": {"lexical": "speaker"}})
    overrides = {"overrides": {"hidden": 64}, "subset": "scripted"}
    write(made, "early", seeds=(0, 1), settings=overrides)
    message = refused(memr, made, "lexical", "early", "--across", "normalize", *SESSION)
    assert "in subset (all and scripted) and seeds (0 and 0, 1). They" in message
    message = refused(memr, made, "lexical", "early", *SESSION)
    assert "normalisation of lexical (speaker and global)" in message


def test_results_that_answer_different_questions_are_not_advised_to_be_replaced(
    memr: Run, made: Corpus
) -> None:
    write(made, "lexical")
    write(made, "early", settings={"subset": "scripted"})
    message = refused(memr, made, "lexical", "early", *SESSION)
    assert "They answer different questions" in message
    assert "memr evaluate" not in message


def test_the_command_that_makes_a_result_alike_says_what_it_replaces(
    memr: Run, made: Corpus, tmp_path: Path
) -> None:
    write(made, "lexical", settings={"normalize": {"lexical": "speaker"}})
    other = tmp_path / "other"
    path = write(made, "early", out=other, seeds=(0, 1), settings={"overrides": {"hidden": 64}})
    message = refused(memr, made, "lexical", path, *SESSION)
    assert f"Evaluate early again, which replaces {path}. Run: " in message
    assert message.endswith(
        "Run: memr evaluate --method early --protocol session --hidden 64 --normalize "
        f"lexical=speaker --store {made.store} --out {other}\n"
    )
    message = refused(memr, made, "lexical", path, *SESSION, "--across", "normalize")
    assert f"--hidden 64 --store {made.store} --out {other}\n" in message


def test_a_difference_of_normalisation_may_be_permitted(memr: Run, made: Corpus) -> None:
    write(made, "acoustic")
    write(made, "lexical", settings={"normalize": {"lexical": "speaker"}})
    write(made, "early")
    # The first shares no modality with the second; the second and third differ.
    message = refused(memr, made, "acoustic", "lexical", "early", *SESSION)
    assert "lexical and early cannot be compared" in message
    assert "acoustic and" not in message
    assert "memr evaluate" not in message
    command = shlex.split(message.rpartition("Run: memr ")[2])
    assert command == [
        *("compare", "acoustic", "lexical", "early", *SESSION, "--across", "normalize"),
        *("--store", str(made.store)),
    ]
    assert memr(*command).code == 0


def test_permitting_a_difference_keeps_the_folder_that_was_named(
    memr: Run, made: Corpus, tmp_path: Path
) -> None:
    out = tmp_path / "a folder"
    path = write(made, "lexical", out=out, settings={"normalize": {"lexical": "speaker"}})
    write(made, "early", out=out)
    message = refused(memr, made, path, "early", "--out", out)
    command = shlex.split(message.rpartition("Run: memr ")[2])
    assert command[-2:] == ["--out", str(out)]
    assert memr(*command).code == 0


def test_one_that_differs_from_several_is_told_once(memr: Run, made: Corpus) -> None:
    for method, seeds in (("acoustic", (0,)), ("lexical", (0,)), ("early", (1,))):
        write(made, method, seeds=seeds)
    message = refused(memr, made, "acoustic", "lexical", "early", *SESSION)
    assert message.count("cannot be compared") == 1


def test_folds_that_test_others_are_told_apart(memr: Run, made: Corpus) -> None:
    write(made, "lexical")
    moved = np.where(made.session == 0, 1, made.session)
    moved[np.flatnonzero(made.session == 1)] = 0
    write(made, "early", fold=moved)
    message = refused(memr, made, "lexical", "early", *SESSION)
    n = int((made.session <= 1).sum())
    assert f"folds ({n} utterances are tested in another fold: " in message


def test_another_number_of_folds_is_told_apart(memr: Run, made: Corpus) -> None:
    write(made, "lexical", protocol="speaker", fold=made.speaker)
    write(made, "early", protocol="speaker")
    message = refused(memr, made, "lexical", "early")
    assert "differ in folds (10 and 5)" in message
    assert "--protocol speaker --folds 10 " in message


def test_results_of_two_protocols_are_told_apart(memr: Run, made: Corpus) -> None:
    paths = [write(made, "lexical"), write(made, "early", protocol="loso", fold=made.speaker)]
    assert "protocol (session and loso)" in refused(memr, made, *paths)


def test_nothing_in_common_cannot_be_compared(memr: Run, made: Corpus) -> None:
    half = np.arange(len(made.ids)) % 2 == 0
    write(made, "lexical", lost=half)
    write(made, "acoustic", lost=~half)
    message = refused(memr, made, "lexical", "acoustic", *SESSION)
    assert "scored no utterance in common" in message


def test_the_comparison_of_another_store_is_not_replaced(memr: Run, made: Corpus) -> None:
    for method in ("lexical", "early"):
        write(made, method)
    path = made.store.parent / "comparisons" / "session" / "early+lexical.json"
    assert memr("compare", "lexical", "early", "--store", made.store, *SESSION).code == 0
    others = {**json.loads(path.read_text()), "store": "other.h5"}
    path.write_text(json.dumps(others))
    ran = memr("compare", "lexical", "early", "--store", made.store, *SESSION)
    assert ran.code == 5
    assert "belongs to the store other.h5" in ran.stderr
    assert json.loads(path.read_text()) == others
