import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memr_cli.corpora.coursework import LAYOUT
from memr_cli.corpora.npy import parse
from memr_cli.corpora.synthetic.settings import SyntheticSettings
from memr_cli.corpora.synthetic.writer import write_corpus
from memr_cli.errors import UsageError
from memr_cli.progress import silent
from memr_cli.vocabulary import MODALITIES

SMALL = SyntheticSettings(
    utterances=200, frames=3, visual_dim=20, acoustic_dim=12, lexical_dim=16, missing=0.1
)


def contents_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("archive", [False, True])
def test_one_seed_gives_one_corpus_byte_for_byte(tmp_path: Path, archive: bool) -> None:
    settings = replace(SMALL, archive=archive)
    for name in ("a", "b"):
        write_corpus(tmp_path / name, settings, silent)
    write_corpus(tmp_path / "c", replace(settings, seed=1), silent)
    first, second, other = (contents_of(tmp_path / name) for name in "abc")
    assert first == second
    assert len(first) > 2
    assert first["dataset.csv"] != other["dataset.csv"]
    assert ("features.zip" in first) == archive


def test_folder_and_zip_hold_the_same(tmp_path: Path) -> None:
    corpora = []
    for name, archive in (("a", False), ("b", True)):
        write_corpus(tmp_path / name, replace(SMALL, archive=archive), silent)
        corpora.append(LAYOUT.read(tmp_path / name, None))
    assert corpora[0].utterances == corpora[1].utterances
    for utterance in corpora[0].utterances:
        for path in utterance.features.values():
            assert corpora[0].source.blob(path).read() == corpora[1].source.blob(path).read()
    corpora[1].source.close()


def test_it_has_the_shape_of_iemocap(tmp_path: Path) -> None:
    settings = replace(SyntheticSettings(), frames=1, visual_dim=1, acoustic_dim=1, lexical_dim=1)
    summary = write_corpus(tmp_path, settings, silent)
    corpus = LAYOUT.read(tmp_path, None)
    assert corpus.synthetic
    assert corpus.class_names == ("anger", "sadness", "happiness", "neutral")
    labels = Counter(utterance.label for utterance in corpus.utterances)
    assert [labels[i] for i in range(4)] == [328, 272, 352, 384]
    assert labels[None] == 334
    assert summary.utterances == len(corpus.utterances) == 1670
    assert summary.labelled == 1336
    assert {utterance.speaker for utterance in corpus.utterances} == {
        f"{gender}{i:02d}" for gender in "FM" for i in range(1, 6)
    }
    speakers: dict[str, set[str]] = {}
    turns: dict[str, list[int]] = {}
    for utterance in corpus.utterances:
        speakers.setdefault(utterance.session, set()).add(utterance.speaker)
        turns.setdefault(utterance.dialogue, []).append(utterance.turn)
        assert utterance.id.startswith(f"{utterance.dialogue}_{utterance.speaker[0]}")
    assert speakers == {str(i): {f"F{i:02d}", f"M{i:02d}"} for i in range(1, 6)}
    assert all(order == list(range(len(order))) for order in turns.values())
    assert {name[7:10] for name in turns} == {"imp", "scr"}
    assert summary.dialogues == len(turns) > 25


def test_sequences_vary_in_length_and_some_are_missing(tmp_path: Path) -> None:
    write_corpus(tmp_path, SMALL, silent)
    corpus = LAYOUT.read(tmp_path, None)
    shapes: dict[str, set[tuple[int, ...]]] = {modality: set() for modality in MODALITIES}
    missing = Counter()
    for utterance in corpus.utterances:
        for modality in MODALITIES:
            path = utterance.features.get(modality)
            if path is None:
                missing[modality] += 1
            else:
                shapes[modality].add(parse(corpus.source.blob(path).read()).shape)
    assert shapes["lexical"] == {(1, 16)}
    assert {dim for _, dim in shapes["visual"]} == {20}
    assert len(shapes["visual"]) > 3
    assert len(shapes["acoustic"]) > 6
    assert all(5 < missing[modality] < 40 for modality in MODALITIES)


def test_lexical_tells_most_and_visual_least_and_together_more(tmp_path: Path) -> None:
    settings = SyntheticSettings(
        utterances=1000, missing=0, frames=6, visual_dim=64, acoustic_dim=64, lexical_dim=64
    )
    write_corpus(tmp_path, settings, silent)
    corpus = LAYOUT.read(tmp_path, None)
    labelled = [utterance for utterance in corpus.utterances if utterance.label is not None]
    labels = np.array([utterance.label for utterance in labelled])
    tested = np.array([utterance.speaker[1:] in ("01", "02") for utterance in labelled])
    pooled = {
        modality: np.stack(
            [parse(corpus.source.blob(u.features[modality]).read()).mean(axis=0) for u in labelled]
        )
        for modality in MODALITIES
    }
    pooled["early"] = np.hstack([pooled[modality] for modality in MODALITIES])
    accuracy = {}
    for name, features in pooled.items():
        targets = np.eye(4)[labels]
        ridge = features[~tested].T @ features[~tested] + 300 * np.eye(features.shape[1])
        weights = np.linalg.solve(ridge, features[~tested].T @ targets[~tested])
        predicted = (features[tested] @ weights).argmax(axis=1)
        accuracy[name] = (predicted == labels[tested]).mean()
    assert 0.27 < accuracy["visual"] < accuracy["acoustic"] < accuracy["lexical"]
    assert accuracy["lexical"] < accuracy["early"] < 0.85


def test_it_says_in_words_that_it_is_synthetic(tmp_path: Path) -> None:
    write_corpus(tmp_path, SMALL, silent)
    text = (tmp_path / "SYNTHETIC.txt").read_text(encoding="utf-8")
    assert "This corpus is synthetic" in text
    assert "seed = 0" in text
    assert "Of 1336 labelled turns: anger 328, sadness 272, happiness 352, neutral 384." in text


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    for target in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(UsageError, match="name a new or empty folder"):
            write_corpus(target, SMALL, silent)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("existed", [False, True])
def test_an_interruption_leaves_the_folder_as_it_was(
    tmp_path: Path, existed: bool, archive: bool
) -> None:
    target = tmp_path / "corpus"
    if existed:
        target.mkdir()

    def interrupted(items: Iterable[Any], *_: object, **__: object) -> Iterator[Any]:
        for i, item in enumerate(items):
            if i == 50:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        write_corpus(target, replace(SMALL, archive=archive), interrupted)
    assert target.exists() == existed
    if existed:
        assert not list(target.iterdir())


@pytest.mark.parametrize(
    "values",
    [
        {"utterances": 9},
        {"frames": 0},
        {"visual_dim": 0},
        {"seed": -1},
        {"missing": 1.0},
        {"missing": float("nan")},
        {"unlabelled": -0.1},
    ],
)
def test_settings_that_no_corpus_can_have(values: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(values))):
        SyntheticSettings(**values)


@pytest.mark.parametrize("unlabelled", [0, 0.5, 0.999])
def test_the_smallest_corpus_can_be_read(tmp_path: Path, unlabelled: float) -> None:
    settings = replace(SMALL, utterances=10, unlabelled=unlabelled)
    assert write_corpus(tmp_path, settings, silent).utterances == 10
    assert len(LAYOUT.read(tmp_path, None).utterances) == 10
