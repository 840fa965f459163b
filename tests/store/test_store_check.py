import contextlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from store_breaches import (
    BREACHES,
    SEQUENCE,
    UNSEALED,
    Edit,
    add_group,
    attribute,
    forget_everyone,
    put,
    remake,
)
from store_samples import seal, write_store

from store.check import Rule, Violation, check
from store.errors import StoreError
from store.reader import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store in which `visual` has sequences and `lexical` has none."""
    write_store(tmp_path / "memr.h5", sequences=True)
    with h5py.File(tmp_path / "memr.h5", "r+") as file:
        del file["features/lexical/sequence"]
    seal(tmp_path / "memr.h5")
    return tmp_path / "memr.h5"


def where_broken(violations: list[Violation]) -> set[tuple[str, str]]:
    return {(violation.rule, violation.where) for violation in violations}


def test_a_valid_store_has_no_violations(path: Path) -> None:
    assert check(path) == []


def breach_name(value: object) -> str:
    """The same in every process: edits are functions, named alike wherever they lie in memory."""
    return "edit" if callable(value) else str(value)[:40]


@pytest.mark.parametrize(("rule", "where", "edit"), BREACHES, ids=breach_name)
def test_each_rule_is_found_broken_by_itself(
    path: Path, rule: Rule, where: str, edit: Edit
) -> None:
    with h5py.File(path, "r+") as file:
        edit(file)
    # What cannot be sealed breaks the structure, and then the seals are not looked at.
    with contextlib.suppress(KeyError, OSError, TypeError, AttributeError):
        seal(path)
    found = where_broken(check(path))
    companions = {("member-missing", "names/split")} if where == "names/label" else set()
    assert found - companions == {(rule, where)}


@pytest.mark.parametrize(("rule", "where", "edit"), UNSEALED, ids=breach_name)
def test_a_wrong_seal_is_found(path: Path, rule: Rule, where: str, edit: Edit) -> None:
    with h5py.File(path, "r+") as file:
        edit(file)
    assert where_broken(check(path)) == {(rule, where)}


def test_a_changed_value_contradicts_checksum_and_fingerprint(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["features/lexical/pooled"][2, 1] += 1
    assert where_broken(check(path)) == {
        (Rule.CHECKSUM, "features/lexical/pooled attribute sha256"),
        (Rule.FINGERPRINT, "attribute fingerprint"),
    }


def test_a_store_of_nobody(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        forget_everyone(file)
    seal(path)
    assert where_broken(check(path)) == {
        (Rule.UTTERANCE_COUNT, "utterances"),
        (Rule.MODALITY_PRESENT, "features/lexical/present"),
    }


def flip(path: Path, at: int, mask: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ mask]))


def test_a_truth_value_that_is_neither(path: Path) -> None:
    with h5py.File(path) as file:
        at = file["features/lexical/present"].id.get_offset()
    flip(path, at, 2)  # 1, true, becomes 3
    seal(path)
    assert (Rule.PRESENT_BOOLEAN, "features/lexical/present") in where_broken(check(path))
    with Store.open(path) as store, pytest.raises(StoreError, match="rule present-boolean"):
        store.present("lexical")


def test_a_dataset_that_hdf5_cannot_read(path: Path) -> None:
    at = path.read_bytes().rindex(b"EAHD")  # the index of the chunks of the frames
    flip(path, at + 6, 1)
    found = check(path)
    assert where_broken(found) == {(Rule.READABLE, f"{SEQUENCE}/frames")}
    assert found[0].found.startswith("HDF5 says: ")


def test_every_rule_is_broken_by_one_of_these_tests() -> None:
    elsewhere = {Rule.UTTERANCE_COUNT, Rule.PRESENT_BOOLEAN, Rule.READABLE}
    assert {rule for rule, _, _ in BREACHES + UNSEALED} | elsewhere == set(Rule)


def test_all_violations_are_listed_not_only_the_first(path: Path) -> None:
    edits = [
        put("utterances/turn", 3, -2),
        put("features/lexical/pooled", 0, np.nan),
        put(f"{SEQUENCE}/frames", (4, 0), np.nan),
        remake("features/visual/present", lambda values: values.astype("i4")),
        attribute("x", np.nan, "provenance"),
        add_group,
    ]
    with h5py.File(path, "r+") as file:
        for edit in edits:
            edit(file)
    found = where_broken(check(path))
    assert found >= {
        (Rule.UTTERANCE_TURN_RANGE, "utterances/turn"),
        (Rule.POOLED_FINITE, "features/lexical/pooled"),
        (Rule.SEQUENCE_FINITE, f"{SEQUENCE}/frames"),
        (Rule.DATASET_TYPE, "features/visual/present"),
        (Rule.PROVENANCE_VALUE, "provenance attribute x"),
        (Rule.MEMBER_UNKNOWN, "notes"),
    }


def test_many_rows_of_one_dataset_are_one_violation_that_counts_them(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["utterances/turn"][4:9] = -5
    seal(path)
    assert check(path) == [
        Violation(
            rule="utterance-turn-range",
            where="utterances/turn",
            found="-5 (5 rows, the first 4)",
            expected="-1 or more",
        )
    ]


def test_a_missing_group_of_columns_does_not_stop_the_check(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["utterances"], file["names"]
        file["index"].attrs["anything"] = 1
    assert where_broken(check(path)) == {
        (Rule.MEMBER_MISSING, "names"),
        (Rule.MEMBER_MISSING, "utterances"),
    }


def test_names_that_are_not_utf8_are_named_in_printable_violations(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        h5py.h5g.create(file.id, b"caf\xe9")
        h5py.h5g.create(file["features"].id, b"\xe9")
        kind = h5py.string_dtype("utf-8", 1)
        file["names/split"].attrs.create("sha256", np.array(b"\xe9", kind), dtype=kind)
        h5py.h5a.create(
            file["provenance"].id, b"\xe9", h5py.h5t.STD_I32LE, h5py.h5s.create(h5py.h5s.SCALAR)
        )
    found = check(path)
    rules = {violation.rule for violation in found}
    assert rules >= {Rule.MEMBER_UNKNOWN, Rule.CHECKSUM, Rule.PROVENANCE_VALUE}
    assert "".join(map(str, found)).encode("utf-8")


def test_features_are_checked_a_slab_at_a_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.slabs.READ_BYTES", 40)
    assert check(path) == []
    with h5py.File(path, "r+") as file:
        file["features/lexical/pooled"][[4, 11], 0] = np.inf
    assert Violation(
        "pooled-finite",
        "features/lexical/pooled",
        "2 rows, the first 4",
        "finite values where present",
    ) in check(path)


def test_a_flipped_bit_or_a_cut_is_named_or_harmless_never_a_crash(path: Path) -> None:
    """Any other exception than StoreError fails; what is unused or provenance may go unnoticed."""
    whole = path.read_bytes()
    generator = np.random.default_rng(5)
    noticed = 0
    for at in generator.integers(len(whole), size=60):
        damaged = bytearray(whole)
        if generator.random() < 0.9:
            damaged[at] ^= 1 << int(generator.integers(8))
        else:
            del damaged[at:]
        path.write_bytes(damaged)
        try:
            noticed += bool(check(path))
        except StoreError:
            noticed += 1
        try:
            with Store.open(path) as store:
                for name in store.modalities:
                    store.pooled(name)
                assert store.utterances
        except StoreError:
            pass
    assert noticed > 10
