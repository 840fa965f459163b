"""What a report says of results whose seeds were averaged, and of votes beside them."""

from dataclasses import replace
from pathlib import Path

import pytest
from built import Told
from made_results import Experiment, folds_of, write
from made_studies import write_ablation, write_comparison

from memr_cli.reporting import words
from memr_cli.reporting.groups import Group, group
from memr_cli.reporting.loading import Studies, load, studies
from memr_cli.reporting.rows import rows, table
from memr_cli.reporting.sections.results import table_caption
from memr_cli.results.folder import ResultFolder

SINGLE = Experiment(folds=folds_of(2), seeds=(0, 1, 2), detailed=True)
AVERAGED = replace(SINGLE, ensemble=True)


def groups_of(root: Path) -> list[Group]:
    return group(load(ResultFolder(root), print))


@pytest.fixture
def beside_a_vote(tmp_path: Path) -> Group:
    write(tmp_path, ["lexical", "late", "gated"], AVERAGED)
    (one,) = groups_of(tmp_path)
    return one


def told(one: Group, found: Studies | None = None) -> Told:
    return Told(one, found)


def test_averaged_seeds_and_single_ones_never_stand_in_one_table(tmp_path: Path) -> None:
    write(tmp_path, ["lexical", "early"], SINGLE)
    write(tmp_path, ["gated"], AVERAGED)
    assert [one.methods for one in groups_of(tmp_path)] == [("lexical", "early"), ("gated",)]
    assert [one.terms.ensemble for one in groups_of(tmp_path)] == [False, True]


@pytest.mark.parametrize("experiment", [SINGLE, AVERAGED], ids=["single", "averaged"])
def test_a_vote_stands_with_either(tmp_path: Path, experiment: Experiment) -> None:
    write(tmp_path, ["lexical", "late"], experiment)
    (one,) = groups_of(tmp_path)
    assert one.methods == ("lexical", "late")
    assert one.terms.ensemble is experiment.ensemble


def test_a_vote_that_scores_most_does_not_make_a_group_one_of_single_seeds(tmp_path: Path) -> None:
    write(tmp_path, ["late"], AVERAGED)
    write(tmp_path, ["lexical"], AVERAGED, n=100, left_out=27)
    (one,) = groups_of(tmp_path)
    assert one.reference.method == "late"
    assert one.terms.ensemble


def test_title_facts_and_caption_say_what_was_averaged(beside_a_vote: Group) -> None:
    one = told(beside_a_vote)
    assert one.title == "Protocol speaker, preset default, ensembles of 3 seeds"
    assert dict(one.facts)["Ensemble"] == "mean of the probabilities of 3 seeds"
    assert (
        "each fold decided by the mean of the probabilities of 3 seeds (of late, which votes, the "
        "mean of 3 seeds);"
    ) in one.caption
    assert ("ensemble", "yes") in one.parts["settings"].settings


def test_single_seeds_are_still_said_to_be_means(tmp_path: Path) -> None:
    write(tmp_path, ["lexical", "late"], SINGLE)
    (one,) = groups_of(tmp_path)
    assert "each fold the mean of 3 seeds;" in table_caption(one)
    assert "ensemble" not in told(one).title
    assert "Ensemble" not in dict(told(one).facts)


def test_counts_are_said_to_be_by_seed_where_they_are(beside_a_vote: Group, tmp_path: Path) -> None:
    assert words.counted_by_seed(beside_a_vote) == "summed over 3 seeds for late"
    # A row for each utterance, not for each seed: the class sizes are those of the corpus.
    caption = told(beside_a_vote).per_class.caption
    assert "n counts" not in caption
    write(tmp_path / "single", ["lexical", "late"], SINGLE)
    (single,) = groups_of(tmp_path / "single")
    assert words.counted_by_seed(single) == "summed over 3 seeds"
    assert "n counts an utterance once for each seed." in told(single).per_class.caption


def test_rows_say_of_each_method_whether_it_is_an_ensemble(beside_a_vote: Group) -> None:
    found = {row.method: row.ensemble for row in rows(beside_a_vote)}
    assert found["lexical"] is found["gated"] is found["early"] is True
    assert found["late"] is False
    head, *lines = table([beside_a_vote]).splitlines()
    assert head.endswith(",ensemble")
    assert [line.split(",")[0] for line in lines if line.endswith("false")] == ["late"]


def test_the_commands_average_again(beside_a_vote: Group) -> None:
    first, *_ = told(beside_a_vote).commands
    assert "--seed 0 --seeds 3 --ensemble --method lexical" in first


def test_an_ablation_of_single_seeds_goes_with_ensembles_and_says_so(tmp_path: Path) -> None:
    write(tmp_path, ["early"], AVERAGED)
    write_ablation(tmp_path, "early", SINGLE)
    groups = groups_of(tmp_path)
    notices: list[str] = []
    (found,) = studies(ResultFolder(tmp_path), groups, notices.append)
    assert (len(found.ablations), notices) == (1, [])
    subsets = told(groups[0], found).parts["subsets"]
    assert "scores are means over 3 seeds, each by itself" in subsets.lines[0]
    ablate = next(line for line in told(groups[0], found).commands if "ablate" in line)
    assert "--seeds 3" in ablate
    assert "--ensemble" not in ablate


def test_a_comparison_across_ensembles_is_repeated_as_it_was_permitted(tmp_path: Path) -> None:
    write(tmp_path, ["lexical", "early", "late"], AVERAGED)
    path = write_comparison(tmp_path, ["lexical", "early", "late"], AVERAGED)
    groups = groups_of(tmp_path)
    (found,) = studies(ResultFolder(tmp_path), groups, print)
    # A vote beside ensembles needs no permission.
    assert "--across" not in " ".join(told(groups[0], found).commands)
    text = path.read_text()
    path.write_text(text.replace('"ensemble": true', '"ensemble": false', 1))
    (found,) = studies(ResultFolder(tmp_path), groups, print)
    assert "--across ensemble" in " ".join(told(groups[0], found).commands)


def test_a_comparison_of_single_seeds_does_not_go_with_ensembles(tmp_path: Path) -> None:
    write(tmp_path, ["lexical", "early"], AVERAGED)
    write_comparison(tmp_path, ["lexical", "early"], SINGLE)
    notices: list[str] = []
    (found,) = studies(ResultFolder(tmp_path), groups_of(tmp_path), notices.append)
    assert not found.comparisons
    assert "ensemble no, not yes" in notices[0]
