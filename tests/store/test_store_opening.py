import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from store_samples import put_attribute, write_store

from store.check import check
from store.errors import (
    NotAStoreError,
    StoreDamagedError,
    StoreError,
    StoreMissingError,
    StoreTooNewError,
    StoreTooOldError,
)
from store.reader import Store


def opening_error(path: Path) -> StoreError:
    """The error of Store.open, which is that of check."""
    with pytest.raises(StoreError) as caught:
        Store.open(path)
    if not isinstance(caught.value, StoreDamagedError):
        with pytest.raises(type(caught.value), match=re.escape(str(caught.value))):
            check(path)
    return caught.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_store(tmp_path / "memr.h5", sequences=True)
    return tmp_path / "memr.h5"


def test_no_file(tmp_path: Path) -> None:
    error = opening_error(tmp_path / "memr.h5")
    assert type(error) is StoreMissingError
    assert str(error) == (
        f"There is no store at {tmp_path}/memr.h5. "
        f"Make one with `memr ingest RAW --store {tmp_path}/memr.h5`."
    )


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    assert type(opening_error(tmp_path / "data" / "memr.h5")) is StoreMissingError


def test_a_file_that_is_removed_while_it_is_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = h5py.File.__init__

    def late(*arguments: Any, **options: Any) -> None:
        path.unlink(missing_ok=True)
        begin(*arguments, **options)

    monkeypatch.setattr(h5py.File, "__init__", late)
    with pytest.raises(StoreMissingError):
        Store.open(path)


def test_the_advice_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    error = opening_error(tmp_path / "my store.h5")
    assert f"--store '{tmp_path}/my store.h5'`" in str(error)


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"", "it is empty"), (b"utterance,label\n", "it is not an HDF5 file")],
)
def test_a_file_that_is_not_hdf5(tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "memr.h5").write_bytes(content)
    error = opening_error(tmp_path / "memr.h5")
    assert type(error) is NotAStoreError
    assert str(error).startswith(f"{tmp_path}/memr.h5 is not a memr store: {found}. ")
    assert "--overwrite" not in str(error)  # nobody is led to lose a file of another kind


def test_a_folder(tmp_path: Path) -> None:
    assert "it is a folder" in str(opening_error(tmp_path))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "memr.h5")
    assert "not a regular file" in str(opening_error(tmp_path / "memr.h5"))


@pytest.mark.parametrize("name", [None, "somebody-else", 7])
def test_an_hdf5_file_of_somebody_else(tmp_path: Path, name: str | int | None) -> None:
    with h5py.File(tmp_path / "memr.h5", "w") as file:
        file["data"] = np.arange(3)
        if name is not None:
            file.attrs["format"] = name
    error = opening_error(tmp_path / "memr.h5")
    assert type(error) is NotAStoreError
    assert "expected 'memr-store'" in str(error)


def test_a_later_version(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 3
        del file["utterances"]  # a later format may look altogether different
    error = opening_error(path)
    assert type(error) is StoreTooNewError
    assert str(error).startswith(f"{path} has format version 3; this memr reads up to 2. Upgrade")


def make_earlier(path: Path) -> None:
    """Give a store the attributes of version 1, whose texts had variable length."""
    with h5py.File(path, "r+") as file:
        for name in ("format", "fingerprint", "provenance_sha256"):
            file.attrs[name] = file.attrs[name].decode()
        file.attrs["class_names"] = ["anger", "sadness"]
        file.attrs["format_version"] = 1
        del file["names/class"]


def change_version(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 1


@pytest.mark.parametrize("make", [make_earlier, change_version])
def test_a_store_of_an_earlier_development_build(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    error = opening_error(path)
    assert type(error) is StoreTooOldError
    assert str(error) == (
        f"{path} was written by an earlier development build of memr. "
        f"Make it again with `memr ingest RAW --store {path} --overwrite`."
    )


@pytest.mark.parametrize("missing", ["class_names", "fingerprint", "synthetic"])
def test_a_file_of_somebody_else_is_not_taken_for_an_earlier_store(
    path: Path, missing: str
) -> None:
    make_earlier(path)
    with h5py.File(path, "r+") as file:
        del file.attrs[missing]
    assert type(opening_error(path)) is NotAStoreError


@pytest.mark.parametrize("version", ["2", 2.0, [2], True])
def test_a_version_that_is_no_integer(path: Path, version: object) -> None:
    with h5py.File(path, "r+") as file:
        put_attribute(file, "format_version", version)
    assert type(opening_error(path)) is StoreDamagedError


@pytest.mark.parametrize("kept", [20, 3000, 0.5, -1])
def test_a_truncated_store_is_damaged(path: Path, kept: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    error = opening_error(path)
    assert type(error) is StoreDamagedError
    assert str(error).startswith(f"{path} is a damaged memr store: HDF5 says: ")
    assert str(error).endswith(f"Make it again with `memr ingest RAW --store {path} --overwrite`.")
    assert "\n" not in str(error)
    with pytest.raises(StoreDamagedError):
        check(path)


def delete_label(file: h5py.File) -> None:
    del file["utterances/label"]


def make_float64(file: h5py.File) -> None:
    values = file["features/visual/pooled"][:].astype(np.float64)
    del file["features/visual/pooled"]
    file["features/visual/pooled"] = values


def remake(file: h5py.File, path: str, kind: h5py.h5t.TypeID) -> None:
    """Store the same values as another type of HDF5."""
    values = file[path][()]
    seal = file[path].attrs["sha256"].decode()
    space = h5py.h5s.create_simple(values.shape)
    del file[path]
    h5py.h5d.create(file.id, path.encode(), kind, space)
    file[path][...] = values
    put_attribute(file[path], "sha256", seal)


def pad_with_spaces(file: h5py.File) -> None:
    kind = file["names/speaker"].id.get_type().copy()
    kind.set_strpad(h5py.h5t.STR_SPACEPAD)
    remake(file, "names/speaker", kind)


def take_a_bit_away(file: h5py.File) -> None:
    kind = h5py.h5t.STD_I32LE.copy()
    kind.set_precision(31)
    remake(file, "utterances/turn", kind)


def shorten(file: h5py.File) -> None:
    values = file["features/visual/present"][:-1]
    del file["features/visual/present"]
    file["features/visual/present"] = values


def link_softly(file: h5py.File) -> None:
    del file["index/label"]
    file["index/label"] = h5py.SoftLink("/index/speaker")


def link_outside(file: h5py.File) -> None:
    del file["features/lexical"]
    file["features/lexical"] = h5py.ExternalLink("/etc/other.h5", "/features/lexical")


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (delete_label, "utterances/label: nothing; expected a dataset (rule member-missing)"),
        (make_float64, "features/visual/pooled: <f8; expected float32 (rule dataset-type)"),
        (
            pad_with_spaces,
            "names/speaker: utf-8 text that is not H5T_STR_NULLPAD; expected text",
        ),
        (take_a_bit_away, "utterances/turn: int32 of fewer or other bits; expected int32"),
        (shorten, "features/visual/present: (11,); expected (N = 12) (rule dataset-shape)"),
        (
            link_softly,
            "index/label: a soft link; expected a hard link (rule link-hard). Make it again",
        ),
        (link_outside, "features/lexical: an external link; expected a hard link (rule link-hard)"),
    ],
)
def test_a_structure_that_breaks_the_format_is_damaged(
    path: Path, edit: Callable[[h5py.File], None], found: str
) -> None:
    with h5py.File(path, "r+") as file:
        edit(file)
    assert found in str(opening_error(path))


def test_the_message_tells_where_to_find_the_rest_of_what_is_wrong(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        delete_label(file)
        shorten(file)
    assert "(and 1 more; `memr check` lists all). Make it again" in str(opening_error(path))


def test_opening_does_not_read_the_features(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["features/visual/pooled"][3] = 0  # contradicts its checksum
    with Store.open(path) as store:
        assert store.utterances
        assert store.pooled("lexical").shape == (12, 4)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permission_is_the_systems_error(path: Path) -> None:
    path.chmod(0)
    with pytest.raises(PermissionError):
        Store.open(path)
    with pytest.raises(PermissionError):
        check(path)


def test_an_error_leaves_no_file_open(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        delete_label(file)
    with pytest.raises(StoreDamagedError):
        Store.open(path)
    with h5py.File(path, "r+"):  # HDF5 refuses to write to a file that is open for reading
        pass


IO_ERROR = (
    "Unable to open object (file read failed: errno = 5, error message = 'Input/output error')"
)


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (OSError(errno.EMFILE, "Too many open files"), errno.EMFILE),
        (OSError(IO_ERROR), errno.EIO),
        (KeyError(IO_ERROR), errno.EIO),
        (RuntimeError(IO_ERROR.replace("= 5", "= 116")), errno.ESTALE),
        (MemoryError(), errno.ENOMEM),
    ],
)
@pytest.mark.parametrize("reading", [check, Store.open])
def test_an_error_of_the_system_is_not_damage(
    path: Path,
    reading: Callable[[Path], object],
    error: Exception,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(h5py.h5o, "open", fail)
    with pytest.raises(OSError, match=re.escape(os.strerror(number))) as caught:
        reading(path)
    assert (caught.value.errno, caught.value.filename) == (number, str(path))


READ_ALL = """
import sys
from pathlib import Path
from store.check import check
from store.reader import Store
path = Path(sys.argv[1])
try:
    assert not check(path)
    with Store.open(path) as store:
        store.utterances, [store.pooled(name) for name in store.modalities]
except OSError as error:
    assert error.filename == str(path), error
    sys.exit(6)
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace injects the errors")
@pytest.mark.parametrize(
    ("call", "faults", "at"),
    [
        # Python opens the file first, then HDF5 does.
        *(("openat", ("EMFILE", "ENFILE", "ENOMEM", "EIO", "ESTALE"), at) for at in (1, 2)),
        # HDF5 hides the error in a text, whatever exception h5py raises.
        *(("pread64", ("EIO", "ESTALE"), at) for at in (1, 2, 3, 5, 8, 12)),
    ],
)
def test_a_call_that_fails_within_hdf5_is_an_error_of_the_system(
    path: Path, call: str, faults: tuple[str, ...], at: int
) -> None:
    for fault in faults:
        inject = f"inject={call}:error={fault}:when={at}+"
        traced = ["strace", "-qq", "-o", "/dev/null", "-P", str(path), "-e", inject]
        program = [sys.executable, "-c", READ_ALL, str(path)]
        ran = subprocess.run([*traced, *program], capture_output=True, text=True, check=False)
        assert ran.returncode == 6, ran.stderr
