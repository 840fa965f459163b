"""Checkpoints from anyone: used where they are what the method expects, else replaced."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import changed_values
import evaluated_folder
import numpy as np
import sandbox
from changed_values import MUTATION, mutated
from evaluated_folder import CHECKPOINT, LEXICAL, METRICS, copied, copied_file, forge, run
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from memr_cli.learning.checkpoints import CheckpointError, read, read_facts

FEW = settings(sandbox.hostile, max_examples=sandbox.CASES or 2)
"""For runs that train or score again."""


def evaluated(folder: Path) -> sandbox.Ended:
    """Evaluate anew, from the checkpoints that are there."""
    (folder / METRICS).unlink(missing_ok=True)
    ended = run(folder, *LEXICAL)
    # Weights of anyone's are used where nothing is wrong with them, and may say nothing. Those of
    # another store are nobody's to replace.
    refused = "predicts NaN or infinity" in ended.stderr or "belongs to the store" in ended.stderr
    assert ended.code == 0 or refused, ended.stderr
    return ended


@sandbox.hostile
@given(st.lists(MUTATION, min_size=1, max_size=4))
def test_mutated_bytes_are_read_or_refused(mutations: Any) -> None:
    with copied_file(CHECKPOINT) as path:
        path.write_bytes(mutated(path.read_bytes(), mutations))
        for reading in (read, read_facts):
            with suppress(CheckpointError):
                reading(path)


@FEW
@given(st.lists(MUTATION, min_size=1, max_size=3))
def test_mutated_checkpoints_are_used_or_replaced(mutations: Any) -> None:
    with copied() as folder:
        path = folder / CHECKPOINT
        before = path.read_bytes()
        arrays = read(path).arrays
        path.write_bytes(mutated(before, mutations))
        assert evaluated(folder).stderr.count("is not used and replaced") <= 1
        after = read(path).arrays
        assert all(np.array_equal(after[name], array) for name, array in arrays.items())


NUMBERS = st.sampled_from([0.0, 1.0, -1.0, float("nan"), float("inf"), 3e38, -3e38, 1e-40, 1e20])


@FEW
@given(st.data())
def test_forged_arrays_are_used_only_where_they_fit(data: st.DataObject) -> None:
    with copied() as folder:
        path = folder / CHECKPOINT
        made = read(path)
        found: dict[str, Any] = dict(made.arrays)
        name = data.draw(st.sampled_from(sorted(found)))
        how = data.draw(st.sampled_from(["drop", "add", "shape", "values", "type"]))
        if how == "drop":
            del found[name]
        elif how == "add":
            other = data.draw(
                st.sampled_from(["x", "layers.9.weight", "selection.x", "", "scaler."])
            )
            found[other] = np.zeros(3, np.float32)
        elif how == "shape":
            shape = data.draw(
                arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9)
            )
            found[name] = np.zeros(shape, np.float32)
        elif how == "values":
            found[name] = np.full_like(found[name], data.draw(NUMBERS))
        else:
            kind = data.draw(st.sampled_from(["<f8", "<f2", "<i8", "|u1", "|b1"]))
            found[name] = found[name].astype(kind)
        forge(path, found, dict(made.facts))
        evaluated(folder)


@FEW
@given(
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(changed_values.REPLACEMENTS),
    st.booleans(),
    st.sampled_from(["evaluate", "train"]),
)
def test_forged_facts_are_used_or_the_checkpoint_replaced(
    share: float, new: Any, dropped: bool, command: str
) -> None:
    with copied() as folder:
        path = folder / CHECKPOINT
        made = read(path)
        facts: Any = dict(made.facts)
        places = list(changed_values.places(facts))[1:]
        place = places[int(share * len(places))]
        changed = (
            changed_values.without(facts, place)
            if dropped
            else changed_values.replaced(facts, place, new)
        )
        text = changed_values.as_text({**changed, "arrays": facts["arrays"]})
        header = header_of(path.read_bytes())
        header["__metadata__"] = {"memr": text}
        forge(path, made.arrays, dict(facts), header=json.dumps(header).encode())
        if command == "evaluate":
            evaluated(folder)
        else:
            assert run(folder, "train", *LEXICAL[1:]).code in (0, 5)


def header_of(content: bytes) -> Any:
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size])


@FEW
@given(st.data())
def test_forged_headers_are_used_or_the_checkpoint_replaced(data: st.DataObject) -> None:
    with copied() as folder:
        path = folder / CHECKPOINT
        content = path.read_bytes()
        header = header_of(content)
        places = list(changed_values.places(header))
        place = data.draw(st.sampled_from(places))
        new = data.draw(st.sampled_from(changed_values.REPLACEMENTS))
        text = changed_values.as_text(changed_values.replaced(header, place, new)).encode()
        size = int.from_bytes(content[:8], "little")
        length = data.draw(st.sampled_from([len(text), 0, 2**63, len(text) + 1, 2**33]))
        path.write_bytes(length.to_bytes(8, "little") + text + content[8 + size :])
        evaluated(folder)
        evaluated_folder.read(folder / METRICS)
