"""`memr compare --against`, and the protocol of a comparison that names none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_methods import Corpus, write

Run = Callable[..., Any]
SESSION = ("--protocol", "session")


@pytest.fixture
def evaluated(made: Corpus) -> Corpus:
    """A store with four evaluated methods."""
    for method, skill in (("acoustic", 0.5), ("lexical", 0.55), ("early", 0.7), ("gated", 0.6)):
        write(made, method, skill=skill)
    return made


def compared(memr: Run, made: Corpus, *arguments: str | Path) -> dict[str, Any]:
    ran = memr("compare", *arguments, "--store", made.store)
    assert ran.code == 0, ran.stderr
    result: dict[str, Any] = ran.lines[0]
    return result


def named(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(pair["first"], pair["second"]) for pair in result["pairs"]]


def test_all_evaluated_methods_are_compared_with_one(memr: Run, evaluated: Corpus) -> None:
    result = compared(memr, evaluated, "--against", "text")
    assert named(result) == [(("lexical"), other) for other in ("acoustic", "early", "gated")]
    assert result["against"] == "lexical"


@pytest.mark.parametrize("methods", [("early", "acoustic"), ("early", "lexical", "acoustic")])
def test_the_named_methods_are_compared_with_one(
    memr: Run, evaluated: Corpus, methods: tuple[str, ...]
) -> None:
    result = compared(memr, evaluated, *methods, "--against", "lexical")
    assert named(result) == [("lexical", "early"), ("lexical", "acoustic")]


def test_p_is_corrected_over_the_pairs_with_that_one(memr: Run, evaluated: Corpus) -> None:
    names = ("lexical", "acoustic", "early", "gated")
    every = compared(memr, evaluated, *names)["pairs"][:3]
    some = compared(memr, evaluated, *names[1:], "--against", "lexical")["pairs"]
    p, of_every = ([one["metrics"]["uar"]["p"] for one in pairs] for pairs in (some, every))
    assert p == of_every
    smallest = min(some, key=lambda one: one["metrics"]["uar"]["p"])["metrics"]["uar"]
    assert smallest["p_holm"] == pytest.approx(min(1, 3 * smallest["p"]))


def test_it_does_not_replace_the_comparison_of_every_pair(memr: Run, evaluated: Corpus) -> None:
    full = compared(memr, evaluated, "acoustic", "early", "lexical")
    against = compared(memr, evaluated, "acoustic", "early", "--against", "lexical")
    folder = evaluated.store.parent / "comparisons" / "session"
    names = ["acoustic+early+lexical.json", "acoustic+early@lexical.json"]
    assert sorted(path.name for path in folder.iterdir()) == names
    for name, result in zip(names, (full, against), strict=True):
        del result["seconds"]
        assert json.loads((folder / name).read_text()) == result


def test_the_one_may_be_the_path_of_another_folder(
    memr: Run, evaluated: Corpus, tmp_path: Path
) -> None:
    path = write(
        evaluated, "lexical", out=tmp_path / "other", settings={"overrides": {"hidden": 8}}
    )
    result = compared(memr, evaluated, "--against", path, "early", "lexical")
    assert result["against"] == "lexical (hidden 8)"
    assert [second for _, second in named(result)] == ["early", "lexical (hidden as preset)"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("lexical", "--against", "lexical"), 2, "at least two methods, and only lexical is named"),
        (("early", "early", "--against", "lexical"), 2, "early is named twice"),
        (("early", "--against", "vision"), 2, "there is no method vision"),
        (("early", "--against", "visual"), 5, "has no result of visual under protocol session"),
        ((), 2, "compare needs at least two methods"),
    ],
)
def test_what_cannot_be_compared_with_one_is_refused(
    memr: Run, evaluated: Corpus, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ran = memr("compare", *arguments, "--store", evaluated.store)
    assert (ran.code, ran.stdout) == (code, "")
    assert words in ran.stderr


def test_one_that_nothing_else_was_evaluated_beside_is_refused(memr: Run, made: Corpus) -> None:
    write(made, "lexical")
    ran = memr("compare", "--against", "lexical", "--store", made.store)
    assert ran.code == 5
    assert "has no result under protocol session to compare with lexical. Run: " in ran.stderr


def test_a_difference_to_permit_keeps_the_one(memr: Run, made: Corpus) -> None:
    write(made, "lexical", settings={"normalize": {"lexical": "speaker"}})
    write(made, "early")
    ran = memr("compare", "--against", "lexical", "--store", made.store)
    command = "memr compare --against lexical --across normalize --store "
    assert f"Run: {command}" in ran.stderr


def test_the_only_evaluated_protocol_is_taken(memr: Run, evaluated: Corpus) -> None:
    assert compared(memr, evaluated, "lexical", "early")["protocol"]["name"] == "session"


def test_with_several_protocols_speaker_is_taken(memr: Run, evaluated: Corpus) -> None:
    for method in ("lexical", "early"):
        write(evaluated, method, protocol="speaker", fold=evaluated.speaker)
    assert compared(memr, evaluated, "lexical", "early")["protocol"]["name"] == "speaker"


def test_with_several_protocols_but_speaker_they_are_named(memr: Run, evaluated: Corpus) -> None:
    write(evaluated, "lexical", protocol="loso", fold=evaluated.speaker)
    ran = memr("compare", "lexical", "early", "--store", evaluated.store)
    assert ran.code == 5
    assert " has results under session and loso; choose one with --protocol.\n" in ran.stderr
    named = memr("compare", "lexical", "visual", "--store", evaluated.store, *SESSION)
    assert "choose one" not in named.stderr


@pytest.mark.parametrize("number", range(3))
def test_pairs_are_antisymmetric(memr: Run, made: Corpus, number: int) -> None:
    rng = np.random.default_rng(number)
    lost = rng.random(len(made.ids)) < 0.1
    seeds = range(1 + number)
    write(made, "lexical", skill=rng.uniform(0.3, 0.8), seeds=seeds, lost=lost)
    write(made, "early", skill=rng.uniform(0.3, 0.8), seeds=seeds)
    forth, back = (
        compared(memr, made, *names)["pairs"][0]["metrics"]
        for names in (("lexical", "early"), ("early", "lexical"))
    )
    for key, one in forth.items():
        other = back[key]
        assert (one["first"], one["second"]) == (other["second"], other["first"])
        assert one["difference"] == -other["difference"]
        assert one["t"]["statistic"] == pytest.approx(-other["t"]["statistic"])
        assert one["ci95"] == pytest.approx([-end for end in reversed(other["ci95"])])
        for p in ("p", "p_holm"):
            assert one[p] == other[p]
