import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memr_cli.corpora.archives import ZipSource
from memr_cli.corpora.coursework import open_source
from memr_cli.corpora.features import FeatureProblem, Reason
from memr_cli.corpora.folders import FolderSource
from memr_cli.errors import InputError

pytestmark = pytest.mark.usefixtures("closed_zips")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    (folder / "features" / "sub").mkdir(parents=True)
    (folder / "features" / "a.npy").write_bytes(b"inside")
    (tmp_path / "secret.npy").write_bytes(b"outside")
    (tmp_path / "raw-beside").mkdir()
    (tmp_path / "raw-beside" / "a.npy").write_bytes(b"outside")
    return folder


def zip_of(raw: Path, **members: bytes) -> ZipSource:
    with zipfile.ZipFile(raw / "features.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(f"features/{name}.npy", content)
    return ZipSource(raw / "features.zip")


def reason_of(source: FolderSource | ZipSource, path: str) -> Reason:
    with pytest.raises(FeatureProblem) as caught:
        source.blob(path).read()
    return caught.value.reason


@pytest.mark.parametrize(
    "path", ["/features/a.npy", "features/a.npy", "//features/a.npy", "/features/sub/../a.npy"]
)
def test_paths_are_rooted_at_raw(raw: Path, path: str) -> None:
    assert FolderSource(raw).blob(path).read() == b"inside"
    assert zip_of(raw, a=b"inside").blob(path).read() == b"inside"


def test_a_zip_of_the_folders_content_is_read(raw: Path) -> None:
    with zipfile.ZipFile(raw / "features.zip", "w") as archive:
        archive.writestr("visual_features/a.npy", b"inside")
    assert (
        ZipSource(raw / "features.zip").blob("/features/visual_features/a.npy").read() == b"inside"
    )


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/features/b.npy", "missing-file"),
        ("/features/a.npy/b.npy", "missing-file"),
        ("/features/b\0.npy", "missing-file"),
        ("/features/sub/", "not-a-file"),
        ("/features/sub", "not-a-file"),
        ("/features/sub/..", "not-a-file"),
        ("/", "not-a-file"),
        ("../secret.npy", "outside-raw"),
        ("/features/../../secret.npy", "outside-raw"),
        ("/../raw-beside/a.npy", "outside-raw"),
        ("..", "outside-raw"),
        ("/features/" + "x" * 5000, "unreadable"),
    ],
)
def test_a_folder_refuses_what_is_not_a_file_within_it(raw: Path, path: str, reason: str) -> None:
    assert reason_of(FolderSource(raw), path) == reason


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/features/b.npy", "missing-file"),
        ("/features/b\0.npy", "missing-file"),
        ("/features/sub", "not-a-file"),
        ("../secret.npy", "outside-raw"),
        ("/features/../../secret.npy", "outside-raw"),
        ("..", "outside-raw"),
    ],
)
def test_a_zip_refuses_what_is_not_a_file_within_it(raw: Path, path: str, reason: str) -> None:
    with zipfile.ZipFile(raw / "features.zip", "w") as archive:
        archive.writestr("features/a.npy", b"inside")
        archive.writestr("features/sub/", b"")
        archive.writestr("../secret.npy", b"outside")
    assert reason_of(ZipSource(raw / "features.zip"), path) == reason


def test_links_are_followed_within_raw_and_refused_beyond(raw: Path, tmp_path: Path) -> None:
    features = raw / "features"
    (features / "good.npy").symlink_to("a.npy")
    (features / "good_folder").symlink_to("sub/..")
    (features / "bad.npy").symlink_to(tmp_path / "secret.npy")
    (features / "bad_folder").symlink_to(tmp_path)
    (features / "broken.npy").symlink_to("nowhere.npy")
    (features / "circle.npy").symlink_to("circle.npy")
    source = FolderSource(raw)
    assert source.blob("/features/good.npy").read() == b"inside"
    assert source.blob("/features/good_folder/a.npy").read() == b"inside"
    assert reason_of(source, "/features/bad.npy") == "outside-raw"
    assert reason_of(source, "/features/bad_folder/secret.npy") == "outside-raw"
    assert reason_of(source, "/features/bad_folder/not_there.npy") == "outside-raw"
    assert reason_of(source, "/features/broken.npy") == "missing-file"
    assert reason_of(source, "/features/circle.npy") == "not-a-file"


def test_raw_itself_may_be_a_link(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(raw)
    assert FolderSource(tmp_path / "link").blob("/features/a.npy").read() == b"inside"


def test_a_pipe_is_not_waited_for(raw: Path) -> None:
    os.mkfifo(raw / "features" / "pipe.npy")
    assert reason_of(FolderSource(raw), "/features/pipe.npy") == "not-a-file"


def test_a_file_without_permission_is_unreadable(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (raw / "features" / "a.npy").chmod(0)
    if os.access(raw / "features" / "a.npy", os.R_OK):  # as root, who may read everything

        def refuse(path: str, _flags: int) -> None:
            raise PermissionError(13, "Permission denied", path)

        monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(FeatureProblem, match="Permission denied") as caught:
        FolderSource(raw).blob("/features/a.npy").read()
    assert caught.value.reason == "unreadable"


def test_a_file_too_large_to_be_one_utterance_is_not_read(raw: Path) -> None:
    zip_of(raw, a=b"inside").close()
    for source in (FolderSource(raw, 5), ZipSource(raw / "features.zip", 5)):
        with pytest.raises(FeatureProblem, match="is 6 bytes long, more than the 5 that --max-fi"):
            source.find("/features/a.npy")
    for source in (FolderSource(raw, 6), ZipSource(raw / "features.zip", 6)):
        assert source.blob("/features/a.npy").read() == b"inside"


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_several_threads_read_one_zip(raw: Path, compression: int) -> None:
    contents = {f"{i}.npy": bytes([i]) * 300_000 for i in range(60)}
    with zipfile.ZipFile(raw / "features.zip", "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    source = ZipSource(raw / "features.zip")
    with ThreadPoolExecutor(8) as pool:
        read = pool.map(lambda name: source.blob(name).read(), contents)
        assert dict(zip(contents, read, strict=True)) == contents
    source.close()


def test_a_file_is_found_with_its_size_before_it_is_read(raw: Path) -> None:
    for source in (FolderSource(raw), zip_of(raw, a=b"inside")):
        assert source.blob("/features/a.npy").size == len(b"inside")


def test_a_file_that_goes_away_before_it_is_read_is_missing(raw: Path) -> None:
    found = FolderSource(raw).find("/features/a.npy")
    (raw / "features" / "a.npy").unlink()
    with pytest.raises(FeatureProblem, match="does not exist") as caught:
        found.read()
    assert caught.value.reason == "missing-file"


def test_a_damaged_member_is_named(raw: Path) -> None:
    zip_of(raw, a=b"inside", b=b"whole").close()
    path = raw / "features.zip"
    path.write_bytes(path.read_bytes().replace(b"inside", b"jnside"))
    source = ZipSource(path)
    assert reason_of(source, "/features/a.npy") == "damaged-member"
    assert source.blob("/features/b.npy").read() == b"whole"


def patched(path: Path, offset: int, value: int) -> ZipSource:
    """The zip with a field of its only member changed in both places where it stands."""
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\x01\x02")
    content[6 + offset] = content[central + 8 + offset] = value
    path.write_bytes(content)
    return ZipSource(path)


def test_an_encrypted_member_is_named(raw: Path) -> None:
    zip_of(raw, a=b"inside").close()
    assert reason_of(patched(raw / "features.zip", 0, 1), "/features/a.npy") == "encrypted"


def test_an_unknown_compression_is_unreadable(raw: Path) -> None:
    zip_of(raw, a=b"inside").close()
    assert reason_of(patched(raw / "features.zip", 2, 97), "/features/a.npy") == "unreadable"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_damaged_zip_gives_bytes_or_a_named_problem(raw: Path, data: st.DataObject) -> None:
    with zipfile.ZipFile(raw / "features.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("features/a.npy", b"inside" * 20)
    content = bytearray((raw / "features.zip").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (raw / "features.zip").write_bytes(content)
    try:
        source = ZipSource(raw / "features.zip")
    except InputError:
        return
    try:
        source.blob("/features/a.npy").read()
    except FeatureProblem:
        pass
    finally:
        source.close()


def test_the_folder_goes_before_the_zip(raw: Path) -> None:
    zip_of(raw, a=b"zipped").close()
    assert open_source(raw).blob("/features/a.npy").read() == b"inside"


def test_without_the_folder_the_zip_is_read(raw: Path) -> None:
    zip_of(raw, a=b"zipped").close()
    (raw / "features").rename(raw / "elsewhere")
    source = open_source(raw)
    assert source.blob("/features/a.npy").read() == b"zipped"
    source.close()


def test_what_is_no_zip_is_refused(raw: Path) -> None:
    (raw / "features.zip").write_bytes(b"Rar!")
    with pytest.raises(InputError, match=r"features\.zip is damaged or not a zip"):
        ZipSource(raw / "features.zip")
