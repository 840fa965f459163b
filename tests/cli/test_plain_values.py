"""Values that memr reads itself are read as typer reads them; all others are left to it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from memr_cli.commands.plain_values import plain_value
from memr_cli.vocabulary import ProtocolName

Run = Callable[..., Any]
SEEN: list[object] = []
typers_own = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


def _add(name: str, kind: Any) -> None:
    @typers_own.command(name)
    def _(value: Annotated[kind, typer.Option()]) -> None:
        SEEN.append(value)


KINDS = {"text": str, "path": Path, "int": int, "float": float, "enum": ProtocolName}
for _name, _kind in KINDS.items():
    _add(_name, _kind)
_add("texts", list[str])

NUMBERS = st.text("0123456789-+.eE_ ", max_size=12)
TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12)


def read_by_typer(name: str, *texts: str) -> object:
    """What typer makes of an option's value, or None where it refuses it."""
    SEEN.clear()
    CliRunner().invoke(typers_own, [name, *(f"--value={text}" for text in texts)])
    return SEEN.pop() if SEEN else None


@pytest.mark.parametrize("name", KINDS)
@settings(deadline=None)
@given(text=TEXTS | NUMBERS | st.sampled_from([*ProtocolName, "LOSO"]))
@example(text="-0")
@example(text="007")
@example(text="1e5")
@example(text="0.001")
@example(text="memr.h5")
@example(text="session")
def test_a_value_is_read_as_typer_reads_it_or_left_to_it(name: str, text: str) -> None:
    plain = plain_value(KINDS[name], text)
    if plain is not None:
        theirs = read_by_typer(name, text)
        assert (plain, type(plain)) == (theirs, type(theirs))


@settings(deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=3))
def test_a_repeated_option_is_read_as_typer_reads_it(texts: list[str]) -> None:
    assert plain_value(list[str] | None, texts) == read_by_typer("texts", *texts)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int | None, "50", 50),
        (float | None, "0.01", 0.01),
        (float | None, "1e-3", 0.001),
        (Path | None, "out/", Path("out")),
        (str | None, "a,b", "a,b"),
        (list[str] | None, ["late", "early"], ["late", "early"]),
        (ProtocolName, "loso", ProtocolName.LOSO),
        (ProtocolName, ProtocolName.LOSO, ProtocolName.LOSO),
    ],
)
def test_what_people_usually_give_is_plain(kind: Any, text: object, value: object) -> None:
    assert plain_value(kind, text) == value


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--epochs", "many"), "--epochs"),
        (("--learning-rate", "fast"), "--learning-rate"),
        (("--protocol", "lot"), "'lot' is not one of"),
    ],
)
def test_a_value_that_is_wrong_is_still_refused_by_name(
    memr: Run, option: tuple[str, str], message: str
) -> None:
    ran = memr("evaluate", *option)
    assert (ran.code, ran.stdout) == (2, "")
    assert message in ran.stderr


def test_a_missing_argument_is_still_refused(memr: Run) -> None:
    ran = memr("ingest")
    assert ran.code == 2
    assert "RAW" in ran.stderr


def test_the_environment_is_read_too(small_store: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "memr_cli", "info"],
        capture_output=True,
        text=True,
        check=True,
        env={"MEMR_STORE": str(small_store)},
    )
    assert str(small_store) in ran.stdout
