import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_results import FIVE, Experiment, write
from made_studies import write_ablation, write_audit, write_comparison

from memr_cli.reporting.groups import group
from memr_cli.reporting.loading import Studies, load, studies
from memr_cli.results.comparison import Comparison
from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import digest


def compared(one: Comparison) -> str:
    return "+".join(method.label for method in one.methods)


def found(folder: ResultFolder) -> tuple[list[Studies], list[str]]:
    """The studies of every group, and the notices about others."""
    notices: list[str] = []
    return studies(folder, group(load(folder, notices.append)), notices.append), notices


Writer = Callable[..., Path]


def comparing(root: Path, experiment: Experiment | None = None, **changes: Any) -> Path:
    return write_comparison(root, ["lexical", "early"], experiment, **changes)


def ablating(root: Path, experiment: Experiment | None = None, **changes: Any) -> Path:
    return write_ablation(root, "early", experiment, **changes)


WRITERS = pytest.mark.parametrize("writer", [comparing, ablating, write_audit])


@WRITERS
def test_what_studies_say_is_visible(tmp_path: Path, writer: Writer) -> None:
    """ESC begins commands to a terminal, U+202E turns the line around."""
    folder = write(tmp_path, FIVE)
    writer(tmp_path, notes=["a\x1b[2Jb\u202ec"])
    (held,), notices = found(folder)
    assert notices == []
    told = repr((held.comparisons, held.ablations, held.audit))
    assert r"a\\x1b[2Jb\\u202ec" in told


@WRITERS
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"fingerprint": "sha256:" + "f" * 64},
            (
                r"were made from other content of memr.h5 than this (comparison|ablation|audit)\. "
                r"Run `memr evaluate --protocol speaker --folds 5 .*--method early.*` again"
            ),
        ),
        ({"store": "other.h5"}, "of the store other.h5, and the results .* are of memr.h5"),
        (
            {"protocol": {"name": "loso", "description": "x"}},
            (
                r"^No method is evaluated under protocol loso, so its .*"
                r"Run `memr evaluate --protocol loso`\.$"
            ),
        ),
    ],
    ids=["content", "store", "protocol"],
)
def test_a_study_of_something_else_is_left_out_with_its_reason(
    tmp_path: Path, writer: Writer, change: dict[str, Any], reason: str
) -> None:
    folder = write(tmp_path, FIVE)
    path = writer(tmp_path, **change)
    of_groups, notices = found(folder)
    assert of_groups == [Studies()]
    (notice,) = notices
    assert str(path) in notice
    assert re.search(reason, notice)


@WRITERS
def test_a_study_of_another_subset_is_left_out(tmp_path: Path, writer: Writer) -> None:
    folder = write(tmp_path, FIVE)
    writer(tmp_path, Experiment(subset="improvised"))
    of_groups, notices = found(folder)
    assert of_groups == [Studies()]
    assert len(notices) == 1


@pytest.mark.parametrize("writer", [comparing, ablating])
@pytest.mark.parametrize(
    ("other", "named"),
    [
        (Experiment(seeds=(0, 1)), "(seeds 0 1, not 0)"),
        (Experiment(preset="original"), "(preset original, not default)"),
        (
            Experiment(overrides={"modality_dropout": 0.3}),
            "(changed modality_dropout 0.3, not nothing)",
        ),
        (Experiment(by_speaker=("lexical",)), "(lexical normalised speaker, not global)"),
    ],
    ids=["seeds", "preset", "overrides", "normalisation"],
)
def test_a_study_of_other_settings_is_left_out(
    tmp_path: Path, writer: Writer, other: Experiment, named: str
) -> None:
    folder = write(tmp_path, FIVE)
    writer(tmp_path, other)
    of_groups, notices = found(folder)
    assert of_groups == [Studies()]
    (notice,) = notices
    assert named in notice


def test_an_ablation_of_a_calibrated_method_counts(tmp_path: Path) -> None:
    folder = write(tmp_path, FIVE, Experiment(calibrate="temperature"))
    write_ablation(tmp_path)
    (of_it,), notices = found(folder)
    assert len(of_it.ablations) == 1
    assert notices == []


def test_an_ablation_with_other_folds_is_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path, FIVE)
    changed = {"name": "speaker", "description": "3 folds over 10 speakers"}
    write_ablation(tmp_path, protocol=changed)
    assert found(folder)[0] == [Studies()]


@pytest.mark.parametrize("change", ["metrics", "predictions", "gone"])
def test_a_comparison_of_files_that_have_changed_is_left_out(tmp_path: Path, change: str) -> None:
    folder = write(tmp_path, FIVE)
    path = write_comparison(tmp_path, ["lexical", "early"])
    value = json.loads(path.read_text())
    name = f"{'metrics' if change == 'gone' else change}/speaker/early."
    name += "csv" if change == "predictions" else "json"
    assert name in value["hashes"]
    if change == "gone":
        (tmp_path / name).unlink()
    else:
        value["hashes"][name] = "sha256:00"
        path.write_text(json.dumps(value))
    of_groups, notices = found(folder)
    assert of_groups == [Studies()]
    (notice,) = notices
    assert "lexical+early.json is stale and left out of the report" in notice
    assert "memr compare lexical early --protocol speaker" in notice


@WRITERS
@pytest.mark.parametrize("broken", ["{", "[]", '{"schema": "memr.x/1"}', None])
def test_a_study_that_cannot_be_read_is_left_out(
    tmp_path: Path, writer: Writer, broken: str | None
) -> None:
    folder = write(tmp_path, FIVE)
    path = writer(tmp_path)
    value = json.loads(path.read_text())
    del value["protocol"]
    path.write_text(json.dumps(value) if broken is None else broken)
    of_groups, notices = found(folder)
    assert of_groups == [Studies()]
    (notice,) = notices
    assert "is not a file that this version reads" in notice


def test_an_ablation_that_lacks_a_subset_is_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path, FIVE)
    path = write_ablation(tmp_path)
    value = json.loads(path.read_text())
    value["subsets"].pop()
    path.write_text(json.dumps(value))
    assert "every subset" in found(folder)[1][0]


def test_the_command_for_a_stale_comparison_can_be_run(tmp_path: Path) -> None:
    folder = write(tmp_path, FIVE)
    path = write_comparison(tmp_path, ["lexical", "early"])
    value = json.loads(path.read_text())
    value["methods"][0] |= {
        "label": "lexical [speaker]",
        "metrics": "../other/metrics/speaker/lexical.json",
    }
    value["methods"][0]["settings"]["normalize"] = {"lexical": "speaker"}
    value["hashes"]["metrics/speaker/early.json"] = "sha256:00"
    path.write_text(json.dumps(value))
    (notice,) = found(folder)[1]
    assert (
        "Run `memr compare ../other/metrics/speaker/lexical.json early --protocol speaker "
        "--across normalize` again."
    ) in notice


def test_a_comparison_against_one_method_does_not_replace_pairs_that_it_lacks(
    tmp_path: Path,
) -> None:
    folder = write(tmp_path, FIVE)
    path = write_comparison(tmp_path, ["lexical", "early", "late"])
    value = json.loads(path.read_text())
    value["pairs"] = [pair for pair in value["pairs"] if pair["first"] == "lexical"]
    path.write_text(json.dumps(value))
    write_comparison(tmp_path, ["early", "late"])
    (held,), notices = found(folder)
    assert notices == []
    assert len(held.comparisons) == 2


def test_a_comparison_that_a_larger_one_holds_is_not_told_again(tmp_path: Path) -> None:
    folder = write(tmp_path, FIVE)
    larger = write_comparison(tmp_path, ["lexical", "early", "late"])
    write_comparison(tmp_path, ["early", "lexical"])
    write_comparison(tmp_path, ["visual", "lexical"])
    (of_it,), notices = found(folder)
    assert [compared(one) for one in of_it.comparisons] == [
        "lexical+early+late",
        "visual+lexical",
    ]
    (notice,) = notices
    assert "early+lexical.json" in notice
    assert larger.name in notice


def test_of_two_comparisons_of_the_same_methods_one_is_told(tmp_path: Path) -> None:
    folder = write(tmp_path, FIVE)
    write_comparison(tmp_path, ["early", "lexical"])
    write_comparison(tmp_path, ["lexical", "early"])
    (of_it,), _ = found(folder)
    assert [compared(one) for one in of_it.comparisons] == ["early+lexical"]


@pytest.mark.parametrize(
    ("writer", "edit"),
    [
        (ablating, lambda value: value["subsets"][1].update(modalities=["x"])),
        (ablating, lambda value: value["subsets"].append(value["subsets"][0])),
        (ablating, lambda value: value["noise"][0].update(modality="x")),
        (ablating, lambda value: value["noise"][0].update(level=1e300)),
        (ablating, lambda value: value.update(modalities=["x", "y", "z"])),
        (ablating, lambda value: value.update(settings={"seed": "x"})),
        (comparing, lambda value: value["methods"][0].update(settings={})),
        (comparing, lambda value: value["methods"][0]["settings"].update(seeds=10**9)),
        (comparing, lambda value: value["pairs"][0]["metrics"]["uar"].update(p=1e300)),
        (comparing, lambda value: value.update(pairs={"a": 1})),
        (write_audit, lambda value: value["findings"][0].update(severity=[])),
        (write_audit, lambda value: value["findings"][0].update(message=None, code=1)),
    ],
)
def test_a_study_of_what_no_study_has_is_left_out(
    tmp_path: Path, writer: Writer, edit: Callable[[Any], Any]
) -> None:
    folder = write(tmp_path, FIVE)
    path = writer(tmp_path)
    value = json.loads(path.read_text())
    edit(value)
    path.write_text(json.dumps(value))
    of_groups, notices = found(folder)
    assert of_groups == [Studies()]
    (notice,) = notices
    assert str(path) in notice


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.txt", "metrics/../../secret.txt"])
def test_a_comparison_cannot_have_other_files_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = write(tmp_path / "out", FIVE)
    path = comparing(tmp_path / "out")
    value = json.loads(path.read_text())
    value["hashes"] = {name: digest(tmp_path / "secret.txt")}
    path.write_text(json.dumps(value))
    of_groups, notices = found(folder)
    assert of_groups == [Studies()]
    assert "is stale and left out" in notices[0]
