"""Results that anyone may have changed, hashes and all, never break a command that reads them."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import changed_values
import evaluated_folder
import pytest
import sandbox
from changed_values import MUTATION, mutated
from evaluated_folder import (
    COMPARE,
    LEXICAL,
    METRICS,
    PREDICTIONS,
    STUDIES,
    copied,
    copied_file,
    opened_template,
    run,
    vouch,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from memr_cli.errors import InputError
from memr_cli.experiment.reuse import standings
from memr_cli.methods.registry import named
from memr_cli.reporting.loading import load
from memr_cli.results import saved
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.folder import ResultFolder
from memr_cli.results.predictions import Predictions
from memr_cli.results.saved import read_metrics

FEW = settings(sandbox.hostile, max_examples=sandbox.CASES or 2)
"""For runs that take seconds."""


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[float, Any, bool]]:
    """What to change in a value: where, in shares of its places, to what, or whether it goes."""
    part = st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(changed_values.REPLACEMENTS),
        st.booleans(),
    )
    return draw(st.lists(part, min_size=1, max_size=3))


def changed(value: Any, edits: list[tuple[float, Any, bool]]) -> Any:
    for share, new, dropped in edits:
        places = list(changed_values.places(value))
        place = places[int(share * len(places))]
        if dropped and place:
            value = changed_values.without(value, place)
        else:
            value = changed_values.replaced(value, place, new)
    return value


def rewrite(
    path: Path, edits: list[tuple[float, Any, bool]], *, keep: tuple[str, ...] = ()
) -> None:
    """Change the JSON in a file, all but some fields, and seal it again."""
    before = evaluated_folder.read(path)
    value = changed(before, edits)
    if isinstance(value, dict):
        value |= {name: before[name] for name in keep if name in before}
    text = changed_values.as_text(value)
    try:
        evaluated_folder.write(path, evaluated_folder.json.loads(text))
    except (ValueError, RecursionError):
        path.write_text(text)


@sandbox.hostile
@given(changes(), st.booleans())
def test_changed_metrics_are_told_by_no_other_error(edits: Any, consistent: bool) -> None:
    with copied_file(METRICS) as path:
        rewrite(path, edits, keep=KEPT if consistent else ())
        folder = path.parents[2]
        with opened_template(folder) as experiment:
            standing = standings(experiment, [named("lexical")])["lexical"]
        assert standing.stale is not None  # the predictions are not there
        notices: list[str] = []
        assert load(ResultFolder(folder), notices.append) == []
        assert len(notices) == 1
        with suppress(ValueError):
            saved.load(path, Evaluation)


@sandbox.hostile
@given(st.lists(MUTATION, min_size=1, max_size=4), st.booleans())
def test_mutated_text_is_read_or_refused(mutations: Any, csv: bool) -> None:
    with copied_file(PREDICTIONS if csv else METRICS) as path:
        path.write_bytes(mutated(path.read_bytes(), mutations))
        assert read_metrics(path) is None or not csv
        with suppress(InputError):
            Predictions.read(path)


KEPT = ("key", "hashes", "schema", "store", "fingerprint", "method")


@FEW
@given(changes(), st.booleans())
def test_changed_metrics_are_used_or_replaced(edits: Any, consistent: bool) -> None:
    with copied() as folder:
        rewrite(folder / METRICS, edits, keep=KEPT if consistent else ())
        compared = run(folder, *COMPARE)
        assert compared.code in (0, 3, 5)
        ended = run(folder, *LEXICAL)
        assert ended.code in (0, 5)
        assert ended.code == 0 or "belongs to the store" in ended.stderr


@FEW
@given(changes(), st.booleans())
def test_a_changed_ablation_is_used_or_replaced(edits: Any, consistent: bool) -> None:
    name, command = STUDIES["ablation"]
    with copied("ablation") as folder:
        rewrite(folder / name, edits, keep=KEPT if consistent else ())
        ended = run(folder, *command)
        assert ended.code == 0 or "belongs to the store" in ended.stderr


@pytest.mark.skipif(not sandbox.CASES, reason="for a hunt: figures take seconds")
@settings(FEW, max_examples=max(2, sandbox.CASES // 20))
@given(st.sampled_from([METRICS, *(name for name, _ in STUDIES.values())]), changes())
def test_a_report_is_made_of_what_is_good(name: str, edits: Any) -> None:
    with copied(*STUDIES) as folder:
        rewrite(folder / name, edits)
        ended = run(folder, "report")
        assert ended.code == 0
        assert {row["method"] for row in ended.lines[0]["rows"] if row["evaluated"]} >= {"early"}


_CELLS = (
    *(
        "nan",
        "inf",
        "-1",
        "2",
        "1e400",
        "",
        "x",
        "99",
        "-9",
        "9" * 40,
        "=1+1",
        "'",
        "\t",
        '"',
        "0x1",
    ),
    *(
        "0",
        "1",
        "1.0",
        "lexical",
        "\x00",
        "\r",
        "a,b",
        "u?",
    ),
)


@FEW
@given(
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 12), st.sampled_from(_CELLS)),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["cells", "rows", "bytes"]),
    st.binary(max_size=8),
)
def test_changed_predictions_are_compared_or_refused(edits: Any, how: str, noise: bytes) -> None:
    with copied() as folder:
        path = folder / PREDICTIONS
        lines = path.read_bytes().decode().split("\n")
        for share, column, cell in edits:
            row = int(share * len(lines))
            cells = lines[row].split(",")
            cells[column % len(cells)] = cell
            lines[row] = ",".join(cells)
            if how == "rows":
                lines.insert(row, lines[column % len(lines)])
                del lines[-1 - column % len(lines)]
        content = "\n".join(lines).encode()
        if how == "bytes":
            place = int(edits[0][0] * len(content))
            content = content[:place] + noise + content[place + len(noise) // 2 :]
        path.write_bytes(content)
        vouch(folder, PREDICTIONS)
        assert run(folder, *COMPARE).code in (0, 3, 5)
        assert run(folder, *LEXICAL).code == 0
