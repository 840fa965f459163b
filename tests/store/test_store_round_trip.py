"""Anything that may be written comes back, is valid, and has a fingerprint of its own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from store.check import check
from store.reader import Store
from store.utterances import Utterances
from store.writer import StoreWriter

NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6
)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@dataclass(frozen=True)
class Content:
    """What goes into a store; features are the frames (T, D) by modality and row, or None."""

    rows: tuple[tuple[Any, ...], ...]
    classes: tuple[str, ...]
    features: dict[str, tuple[np.ndarray | None, ...]]
    sequences: bool
    synthetic: bool

    def utterances(self) -> Utterances:
        ids, speakers, labels, sessions, dialogues, turns, splits = zip(*self.rows, strict=True)
        return Utterances.arrange(
            ids=ids,
            speakers=speakers,
            labels=labels,
            sessions=sessions,
            dialogues=dialogues,
            turns=turns,
            splits=splits,
        )


@st.composite
def contents(draw: st.DrawFn) -> Content:
    ids = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    classes = tuple(draw(st.lists(NAMES, max_size=3, unique=True)))
    label = st.none() | st.integers(0, len(classes) - 1) if classes else st.none()
    some_name = st.none() | NAMES
    rows = tuple(
        (
            utterance_id,
            draw(NAMES),
            draw(label),
            draw(some_name),
            draw(some_name),
            draw(st.none() | st.integers(0, 2**31 - 1)),
            draw(some_name),
        )
        for utterance_id in ids
    )
    features = {}
    for name in draw(
        st.lists(
            st.from_regex(r"[a-z][a-z0-9_]{0,4}", fullmatch=True),
            min_size=1,
            max_size=2,
            unique=True,
        )
    ):
        dim = draw(st.integers(1, 4))
        frames = st.integers(1, 3).flatmap(
            lambda count, dim=dim: nps.arrays(np.float32, (count, dim), elements=FLOATS)
        )
        first = draw(frames)
        features[name] = (first, *(draw(st.none() | frames) for _ in ids[1:]))
    return Content(rows, classes, features, draw(st.booleans()), draw(st.booleans()))


def write(path: Path, content: Content, provenance: dict[str, Any]) -> str:
    with StoreWriter(
        path,
        content.utterances(),
        content.classes,
        provenance=provenance,
        synthetic=content.synthetic,
        sequences=content.sequences,
    ) as writer:
        for name, rows in content.features.items():
            writer.add_modality(name, next(row for row in rows if row is not None).shape[1])
            for row in rows:
                if row is None:
                    writer.append(name, None, 0)
                else:
                    writer.append(name, row[0], len(row), row if content.sequences else None)
        return writer.finish()


@contextmanager
def written(content: Content, **provenance: Any) -> Iterator[tuple[Path, str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "memr.h5"
        yield path, write(path, content, provenance)


@settings(max_examples=40, deadline=None)
@given(contents())
def test_what_is_written_comes_back_and_is_valid(content: Content) -> None:
    expected = content.utterances()
    with written(content, origin="a", count=3) as (path, mark):
        assert check(path) == []
        with Store.open(path) as store:
            found = store.utterances
            assert store.fingerprint == mark
            assert store.provenance == {"origin": "a", "count": 3}
            assert (store.class_names, store.synthetic) == (content.classes, content.synthetic)
            assert found.ids == expected.ids
            for column in ("speaker", "session", "dialogue", "split"):
                assert getattr(found, f"{column}s") == getattr(expected, f"{column}s")
                assert np.array_equal(getattr(found, column), getattr(expected, column))
            for column in ("turn", "label", "source_row"):
                assert np.array_equal(getattr(found, column), getattr(expected, column))
            assert list(store.modalities) == sorted(content.features)
            for name, rows in content.features.items():
                pooled = store.pooled(name)
                for row, frames in enumerate(rows):
                    assert store.present(name)[row] == (frames is not None)
                    if frames is None:
                        assert np.isnan(pooled[row]).all()
                        continue
                    assert pooled[row].tobytes() == frames[0].tobytes()
                    assert store.frame_counts(name)[row] == len(frames)
                    if content.sequences:
                        (slab,) = store.frame_slabs(name, np.array([row]))
                        assert slab.tobytes() == frames.tobytes()


@settings(max_examples=10, deadline=None)
@given(contents())
def test_the_fingerprint_does_not_depend_on_provenance(content: Content) -> None:
    with written(content, created="today") as (_, one), written(content, source="b") as (_, other):
        assert one == other


def changed(draw: st.DrawFn, content: Content) -> Content:
    """The content with one value changed."""
    what = draw(st.sampled_from(["synthetic", "class", "id", "turn", "feature", "missing", "name"]))
    at = draw(st.integers(0, len(content.rows) - 1))
    row = content.rows[at]
    name = draw(st.sampled_from(sorted(content.features)))
    features = content.features[name]
    rows = list(content.rows)
    match what:
        case "synthetic":
            return replace(content, synthetic=not content.synthetic)
        case "class":
            return replace(content, classes=(*content.classes, "".join(content.classes) + "x"))
        case "id":
            rows[at] = ("".join(other[0] for other in rows) + "x", *row[1:])
            return replace(content, rows=tuple(rows))
        case "turn":
            rows[at] = (*row[:5], None if row[5] == 7 else 7, row[6])
            return replace(content, rows=tuple(rows))
        case "name":
            others = {key: value for key, value in content.features.items() if key != name}
            longer = "".join(sorted(content.features)) + "x"
            return replace(content, features=others | {longer: features})
        case "missing":
            last = None if features[-1] is not None else features[0]
            if len(features) == 1:
                return replace(content, synthetic=not content.synthetic)
            return replace(content, features=content.features | {name: (*features[:-1], last)})
        case _:
            first = features[0].copy()
            first[0, 0] = 1 if first[0, 0] == 0 else -first[0, 0]
            return replace(content, features=content.features | {name: (first, *features[1:])})


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_changed_value_changes_the_fingerprint(data: st.DataObject) -> None:
    content = data.draw(contents())
    other = data.draw(st.composite(changed)(content))
    with written(content) as (_, one), written(other) as (_, two):
        assert one != two
