from dataclasses import replace
from pathlib import Path

import pytest
from made_results import FIVE, NOTEBOOK_FOLDS, SEEN_AS_CONTEXT, Experiment, folds_of, write

from memr_cli.reporting.groups import Group, group
from memr_cli.reporting.loading import load
from memr_cli.reporting.published import published
from memr_cli.results.folder import ResultFolder


def groups_of(root: Path, store_name: str | None = None) -> list[Group]:
    def fail(sentence: str) -> None:
        raise AssertionError(sentence)

    return group(load(ResultFolder(root), fail), store_name)


def test_methods_stand_in_the_order_of_the_table(tmp_path: Path) -> None:
    write(tmp_path, ["late", "zeta", "early", "alpha", "visual", "lexical", "acoustic"])
    (one,) = groups_of(tmp_path)
    assert one.methods == ("visual", "acoustic", "lexical", "early", "late", "alpha", "zeta")
    assert one.not_evaluated == ()


def test_what_is_missing_of_the_five_is_named(tmp_path: Path) -> None:
    write(tmp_path, ["lexical", "gated"])
    (one,) = groups_of(tmp_path)
    assert one.not_evaluated == ("visual", "acoustic", "early", "late")


@pytest.mark.parametrize(
    "other",
    [
        Experiment(store="other.h5"),
        Experiment(fingerprint="sha256:" + "f" * 64),
        Experiment(folds=folds_of(5)),
        Experiment(preset="original"),
        Experiment(seeds=(0, 1)),
        Experiment(seeds=(1,)),
        Experiment(overrides={"epochs": 3}),
        Experiment(synthetic=True),
        Experiment(classes=("a", "b")),
        Experiment(subset="improvised"),
        Experiment(by_speaker=("lexical",)),
        Experiment(calibrate="temperature"),
        Experiment(overrides={"modality_dropout": 0.3}),
    ],
    ids=lambda other: str(
        [k for k, v in vars(other).items() if v != vars(Experiment()).get(k)],
    ),
)
def test_results_of_different_making_are_never_mixed(tmp_path: Path, other: Experiment) -> None:
    write(tmp_path, ["lexical", "early"])
    write(tmp_path, ["late"], other)
    first, second = groups_of(tmp_path)
    assert first.methods == ("lexical", "early")
    assert second.methods == ("late",)
    assert first.name != second.name


def test_methods_normalised_alike_where_they_meet_stand_together(tmp_path: Path) -> None:
    experiment = Experiment(by_speaker=("acoustic",))
    write(tmp_path, ["acoustic", "lexical", "early"], experiment)
    write(tmp_path, ["visual"])  # from before there was a choice
    (one,) = groups_of(tmp_path)
    assert one.methods == ("visual", "acoustic", "lexical", "early")
    assert one.terms.normalize == {"visual": "global", "acoustic": "speaker", "lexical": "global"}
    assert one.terms.by_speaker == ("acoustic",)


def test_the_folder_that_a_store_was_named_by_does_not_matter(tmp_path: Path) -> None:
    write(tmp_path, ["early"], Experiment(store="memr.h5"))
    write(tmp_path, ["late"], Experiment(store="/data/memr.h5"))
    assert len(groups_of(tmp_path)) == 1


def test_a_method_that_lost_a_speaker_to_missing_features_stays_with_the_others(
    tmp_path: Path,
) -> None:
    write(tmp_path, ["lexical"])
    fewer = ((("F01",), 130), *NOTEBOOK_FOLDS[1:])
    write(tmp_path, ["visual"], Experiment(folds=fewer), left_out=137)
    (one,) = groups_of(tmp_path)
    assert one.methods == ("visual", "lexical")
    assert one.folds[0].test == ("F01", "F02")


def test_other_folds_are_not_taken_for_lost_speakers(tmp_path: Path) -> None:
    write(tmp_path, ["lexical"])
    swapped = (NOTEBOOK_FOLDS[1], NOTEBOOK_FOLDS[0], *NOTEBOOK_FOLDS[2:])
    write(tmp_path, ["visual"], Experiment(folds=swapped), left_out=1)
    assert len(groups_of(tmp_path)) == 2


def test_the_group_with_most_methods_comes_first_unless_a_store_is_named(tmp_path: Path) -> None:
    write(tmp_path, ["late"], Experiment(store="a.h5", protocol="loso"))
    write(tmp_path, FIVE, Experiment(store="b.h5"))
    assert [one.store for one in groups_of(tmp_path)] == ["b.h5", "a.h5"]
    assert [one.store for one in groups_of(tmp_path, "a.h5")] == ["a.h5", "b.h5"]


def test_published_numbers_stand_beside_the_notebooks_experiment(tmp_path: Path) -> None:
    write(tmp_path, ["early"])
    (one,) = groups_of(tmp_path)
    early, late = published(one, "early"), published(one, "late")
    assert early is not None
    assert late is not None  # although it is not evaluated yet
    assert (early.mean, early.std) == (0.6256, 0.0145)
    assert (late.mean, late.std) == (0.5431, 0.0173)
    assert published(one, "gated") is None


FEWER = ((("F01", "F02"), 266), (("F03", "F04"), 235), *NOTEBOOK_FOLDS[2:])
RENAMED = ((("F01", "X02"), 267), *NOTEBOOK_FOLDS[1:])


@pytest.mark.parametrize(
    "change",
    [
        {"synthetic": True},
        {"protocol": "session"},
        {"folds": FEWER},
        {"folds": RENAMED},
        {"folds": folds_of(5)},
        {"by_speaker": ("acoustic",), "detailed": True},
    ],
    ids=str,
)
def test_published_numbers_stand_beside_nothing_else(
    tmp_path: Path, change: dict[str, object]
) -> None:
    write(tmp_path, ["early"], replace(Experiment(), **change))
    (one,) = groups_of(tmp_path)
    assert all(published(one, method) is None for method in FIVE)


def test_a_method_that_sees_dialogues_does_not_keep_published_numbers_from_others(
    tmp_path: Path,
) -> None:
    write(tmp_path, ["lexical", "early"])
    write(tmp_path, ["context"], transductive=True, **SEEN_AS_CONTEXT)
    (one,) = groups_of(tmp_path)
    assert one.seeing_dialogues == ("context",)
    assert published(one, "lexical") is not None
    assert published(one, "late") is not None


def test_a_vote_that_nothing_calibrates_stands_with_calibrated_methods(tmp_path: Path) -> None:
    write(tmp_path, ["lexical", "early"], Experiment(calibrate="temperature"))
    write(tmp_path, ["late"])
    (one,) = groups_of(tmp_path)
    assert one.methods == ("lexical", "early", "late")
    assert one.terms.calibrate == "temperature"
