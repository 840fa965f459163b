from pathlib import Path

import pytest
from raw_folders import listing, row

from memr_cli.corpora.corpus import Corpus
from memr_cli.corpora.coursework import LAYOUT
from memr_cli.errors import InputError, UsageError
from memr_cli.ingestion import IngestSettings

IEMOCAP = ("anger", "sadness", "happiness", "neutral")


def corpus_of(raw: Path, labels: list[object], class_names: list[str] | None = None) -> Corpus:
    rows = [row(f"u{i}", label=label) for i, label in enumerate(labels)]
    (raw / "dataset.csv").write_text(listing(rows), encoding="utf-8")
    return LAYOUT.read(raw, class_names)


def labels_of(corpus: Corpus) -> list[int | None]:
    return [utterance.label for utterance in corpus.utterances]


@pytest.mark.parametrize(
    ("labels", "class_names"),
    [
        ([3, 1, 0, 2, ""], IEMOCAP),
        ([0, 1], ("class0", "class1")),
        ([0, 1, 2], ("class0", "class1", "class2")),
        ([0, 1, 2, 3, 4], tuple(f"class{i}" for i in range(5))),
        ([2], ("class0", "class1", "class2")),
        (["3.0", "1.0", "0.0", "2.0", ""], IEMOCAP),
        (["sad", "happy", "", "sad"], ("happy", "sad")),
        (["neutral", "happiness", "anger"], ("anger", "happiness", "neutral")),
        (["happiness", "sadness"], ("sadness", "happiness")),
        (["neutral", "anger", "fear"], ("anger", "fear", "neutral")),
        (["", ""], ()),
    ],
)
def test_class_names_where_none_are_given(
    tmp_path: Path, labels: list[object], class_names: tuple[str, ...]
) -> None:
    corpus = corpus_of(tmp_path, labels)
    assert corpus.class_names == class_names
    for cell, label in zip(labels, labels_of(corpus), strict=True):
        assert (label is None) == (cell == "")
        if isinstance(cell, str) and cell in class_names:
            assert class_names[label] == cell
        elif cell != "":
            assert label == int(float(str(cell)))


def test_given_class_names_are_kept_in_order_and_whole(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, [1, "low", "", "high"], ["high", "low", "never"])
    assert corpus.class_names == ("high", "low", "never")
    assert labels_of(corpus) == [1, 1, None, 0]


def test_a_class_file_names_the_labels_and_is_named_over(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_bytes(b"\xef\xbb\xbfcalm \r\n\r\nwild\r\n")
    assert corpus_of(tmp_path, [1, 0]).class_names == ("calm", "wild")
    assert corpus_of(tmp_path, [1, 0], ["a", "b"]).class_names == ("a", "b")


@pytest.mark.parametrize(
    ("labels", "class_names", "message"),
    [
        ([0, "angry?"], None, r"line 3: label 'angry\?' is neither an integer nor a class name"),
        (["sad", "1"], None, "line 2: label 'sad' is neither .* line 3 has the integer 1"),
        ([0, "1.5"], None, "line 3: label '1.5' is a number but no integer from 0 up"),
        (["nan", "1"], None, "line 2: label 'nan' is a number but no integer"),
        (["x", "y"], ["x"], "line 3: label 'y' is neither .* the classes are x"),
        ([0, 2], ["x", "y"], "line 3: label 2 is out of range; .* 2 classes, 0 to 1: x, y"),
        ([0, -1], None, "line 3: label -1 is negative; labels begin at 0"),
        ([0, -1], ["x"], "line 3: label -1 is negative"),
        ([0, 10**6], None, "line 3: label 1000000 is too great"),
        ([0, "9" * 30], None, "line 3: label '9{30}' is a number but no integer"),
        (["a\tb"], None, "line 2: label .* has a control character"),
    ],
)
def test_a_bad_label_is_named_with_its_line(
    tmp_path: Path, labels: list[object], class_names: list[str] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        corpus_of(tmp_path, labels, class_names)


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        ((), "no class is named"),
        (("a", "a"), "'a' is given more than once"),
        (("a", ""), "'' is empty"),
        (("a", " b"), "spaces around it"),
        (("1", "2"), "'1' is an integer"),
        (tuple(f"c{i}" for i in range(1001)), "1001 classes are named"),
    ],
)
def test_class_names_that_cannot_be(tmp_path: Path, names: tuple[str, ...], fault: str) -> None:
    with pytest.raises(UsageError, match=f"--classes: .*{fault}"):
        IngestSettings(class_names=names)
    (tmp_path / "classes.txt").write_text("\n".join(names), encoding="utf-8")
    if "" in names or " b" in names:  # lines are stripped, blank ones passed over
        assert len(corpus_of(tmp_path, [0]).class_names) == len([n for n in names if n])
        return
    with pytest.raises(InputError, match=rf"classes\.txt: .*{fault}"):
        corpus_of(tmp_path, [0])


def test_a_class_file_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_bytes(b"col\xe8re\n")
    with pytest.raises(InputError, match=r"classes\.txt is not UTF-8 at byte 3"):
        corpus_of(tmp_path, [0])
