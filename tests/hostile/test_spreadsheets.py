"""Text of any origin in CSV: no spreadsheet takes it for a formula, and it comes back as it was."""

import csv
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
import sandbox
from hypothesis import example, given
from hypothesis import strategies as st

from memr_cli.files.spreadsheet import as_cell, from_cell, read_rows, written
from memr_cli.results.predictions import Predictions

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text(
    st.sampled_from("=+-@'\"\t\r\n;, \uff1d\uff0b\uff0d\uff20\x00\x0b\xa0\ufeffaé1"), max_size=6
)
FORMULAS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("Ses01F_impro01_F001", "Ses01F_impro01_F001"),
        ("", ""),
        ("a, b", '"a, b"'),
        ("a;b", '"a;b"'),
        ("a\tb", '"a\tb"'),
        ('say "a"', '"say ""a"""'),
        ("a\rb", '"a\rb"'),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@sum", "'@sum"),
        ("\uff1d1", "'\uff1d1"),
        (" =1", "' =1"),
        ("\t=1", "\"'\t'=1\""),
        ("\n=1", "\"'\n'=1\""),
        ("\x00=1", "'\x00=1"),
        ("'a", "''a"),
        ("a;=1", '"a;\'=1"'),
        ("a;'=1", "\"a;''=1\""),
        ('a;"=1', '"a;\'""=1"'),
        ("a\r\n-1", '"a\r\n\'-1"'),
        ("1.5", "1.5"),
    ],
)
def test_a_cell(text: str, cell: str) -> None:
    assert as_cell(text) == cell


@sandbox.hostile
@given(st.lists(st.lists(NAMES, min_size=2, max_size=4), min_size=1, max_size=4))
def test_texts_come_back_as_they_were(rows: list[list[str]]) -> None:
    text = written(map(as_cell, row) for row in rows)
    assert [[from_cell(cell) for cell in row] for row in read_rows(text)] == rows
    assert list(csv.reader(io.StringIO(text, newline=""))) == list(read_rows(text))


@sandbox.hostile
@example(["", "\r="], ";")
@example(["a", "a;=1"], ";")
@example(["a", 'a\t"=1'], "\t")
@given(st.lists(NAMES, min_size=1, max_size=5), st.sampled_from([",", ";", "\t"]))
def test_no_cell_begins_a_formula_wherever_lines_are_cut(names: list[str], separator: str) -> None:
    text = written([[as_cell(name) for name in names]])
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
        for cell in row:
            assert not cell.lstrip().startswith(FORMULAS)


@sandbox.hostile
@given(
    st.lists(NAMES, min_size=1, max_size=6),
    st.lists(NAMES, min_size=1, max_size=4, unique=True),
    st.lists(NAMES.map(lambda name: f"m{name}"), max_size=2, unique=True),
)
def test_predictions_give_every_name_back(
    names: list[str], classes: list[str], modalities: list[str]
) -> None:
    n, c = len(names), len(classes)
    rng = np.random.default_rng(0)
    made = Predictions(
        utterances=tuple(names),
        speakers=tuple(reversed(names)),
        fold=np.arange(n),
        seed=np.zeros(n, np.int64),
        true=rng.integers(0, c, n),
        predicted=rng.integers(0, c, n),
        probabilities=rng.dirichlet(np.ones(c), n).astype(np.float32),
        class_names=tuple(classes),
        modalities=tuple(modalities),
        weights=rng.random((n, len(modalities))) if modalities else None,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "predictions.csv")
        made.write(path)
        read = Predictions.read(path)
    assert (read.utterances, read.speakers) == (made.utterances, made.speakers)
    assert (read.class_names, read.modalities) == (made.class_names, made.modalities)
    assert np.array_equal(read.true, made.true)
    assert np.array_equal(read.predicted, made.predicted)
    assert np.array_equal(np.float32(read.probabilities), made.probabilities)
