import os
from pathlib import Path

import pytest

from store.atomic import replacing, write_whole


def test_a_new_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "memr.h5"
    with replacing(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".memr.h5.")
        assert temporary.name.endswith(".tmp")
        temporary.write_bytes(b"new")
        assert not target.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["memr.h5"]
    assert target.read_bytes() == b"new"


def test_the_old_file_is_whole_until_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "memr.h5"
    target.write_bytes(b"old")
    with replacing(target) as temporary:
        temporary.write_bytes(b"half of the n")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"half of the n"


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, SystemExit])
def test_any_exception_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "memr.h5"
    target.write_bytes(b"old")

    def write_half() -> None:
        with replacing(target) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        write_half()
    assert [path.name for path in tmp_path.iterdir()] == ["memr.h5"]
    assert target.read_bytes() == b"old"


def test_a_block_that_loses_the_file_is_an_error_and_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "memr.h5"
    target.write_bytes(b"old")
    with pytest.raises(FileNotFoundError), replacing(target) as temporary:
        temporary.unlink()
    assert target.read_bytes() == b"old"


def test_two_writers_of_one_path_do_not_disturb_each_other(tmp_path: Path) -> None:
    target = tmp_path / "metrics.json"
    with replacing(target) as one, replacing(target) as other:
        assert one != other
        one.write_bytes(b"one")
        other.write_bytes(b"other")
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]
    assert target.read_bytes() == b"one"  # the outer block ends last


def test_the_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "metrics.json", b"{}")
    finally:
        os.umask(before)
    assert (tmp_path / "metrics.json").stat().st_mode & 0o777 == 0o640


def test_a_symbolic_link_stays_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    real = tmp_path / "large" / "memr.h5"
    real.write_bytes(b"old")
    link = tmp_path / "memr.h5"
    link.symlink_to(real)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_a_missing_folder_is_the_callers_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "metrics.json", b"{}")
    assert not (tmp_path / "none").exists()
