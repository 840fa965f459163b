import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from built import Told
from made_results import SEEN_AS_CONTEXT, Experiment, folds_of, with_fields, write
from made_studies import write_comparison

from memr_cli.reporting import words
from memr_cli.reporting.groups import Group, group
from memr_cli.reporting.loading import load
from memr_cli.reporting.rows import rows
from memr_cli.reporting.sections.repeat import settings as settings_of
from memr_cli.reporting.sections.results import headline, table_caption
from memr_cli.reporting.sections.trust import leakage as leakage_of
from memr_cli.reporting.sections.trust import remarks
from memr_cli.results.comparison import Comparison
from memr_cli.results.evaluation import Leakage, Overlap, SharedDialogues, Ties


def made(root: Path, methods: list[str], experiment: Experiment | None = None, **changes: Any):
    (one,) = group(load(write(root, methods, experiment, **changes), print))
    return one


def scored(one: Group, **scores: tuple[float, float, float]) -> Group:
    """The group with means and intervals of F1-micro as given by method."""
    results = []
    for result in one.results:
        mean, low, high = scores[result.method]
        f1 = msgspec.structs.replace(result.metrics["f1_micro"], mean=mean, ci95=(low, high))
        results.append(with_fields(result, metrics={**result.metrics, "f1_micro": f1}))
    return replace(one, results=tuple(results))


def test_the_headline_names_the_highest_mean_and_says_what_it_leaves_open(tmp_path: Path) -> None:
    one = scored(
        made(tmp_path, ["lexical", "early", "late"]),
        lexical=(0.62, 0.60, 0.64),
        early=(0.63, 0.61, 0.65),
        late=(0.54, 0.52, 0.56),
    )
    text = headline(one).replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith(
        "The highest mean F1-micro is that of early: 63.0 % (95 % interval 61.0 to 65.0) "
        "over 5 folds and 1,336 tested utterances. The interval of lexical overlaps it, so their "
        "order is not settled here. The interval of late lies below it. Always answering the most "
        "frequent class of the test parts, neutral, would score "
    )


@pytest.mark.parametrize(
    ("p", "interval", "said"),
    [
        (
            *(0.001, [0.01, 0.09]),
            (
                "overlaps it; paired over the same utterances, early is better than lexical "
                "(+5.0 points). The"
            ),
        ),
        (0.2, [0.01, 0.09], "overlaps it, so their order is not settled here. The"),
        (0.001, [-0.01, 0.09], "overlaps it, so their order is not settled here. The"),
    ],
)
def test_a_paired_comparison_says_more_than_overlapping_intervals(
    tmp_path: Path, p: float, interval: list[float], said: str
) -> None:
    one = scored(
        made(tmp_path, ["lexical", "early", "late"]),
        lexical=(0.62, 0.60, 0.64),
        early=(0.63, 0.61, 0.65),
        late=(0.54, 0.52, 0.56),
    )
    path = write_comparison(tmp_path, ["lexical", "early"])
    value = json.loads(path.read_text())
    accuracy = value["pairs"][0]["metrics"]["accuracy"]
    accuracy |= {"p_holm": p, "difference": 0.05, "ci95": interval}
    assert said in headline(one, [msgspec.convert(value, Comparison)])


def test_without_an_interval_nothing_is_said_about_order(tmp_path: Path) -> None:
    one = made(tmp_path, ["lexical", "early"])
    first = one.results[0]
    f1 = msgspec.structs.replace(first.metrics["f1_micro"], ci95=None)
    bare = with_fields(first, metrics={**first.metrics, "f1_micro": f1})
    text = headline(replace(one, results=(bare, one.results[1])))
    assert "Without intervals for all methods, nothing is said about their order." in text


def test_the_majority_level_is_the_mean_over_folds_of_its_share(tmp_path: Path) -> None:
    one = made(tmp_path, ["early"], Experiment(classes=("a", "b"), folds=folds_of(2, 50)))
    name, level = words.majority(one)
    support = one.reference.fold_counts.sum(axis=2)
    assert name == "b"
    assert level == pytest.approx((support[0, 1] / 50 + support[1, 1] / 57) / 2)


def shares(speakers: int, dialogues: float | None, identical: dict[str, float]) -> Leakage:
    shared = dialogues is not None and SharedDialogues(share=dialogues, folds=(), as_context=False)
    overlaps = {name: Overlap(share=share, folds=()) for name, share in identical.items()}
    return Leakage(speakers=speakers, dialogues=shared or None, identical=overlaps)


@pytest.mark.parametrize(
    ("leakage", "sentences"),
    [
        (
            shares(0, 0.74, {"lexical": 0.061, "visual": 0.0}),
            [
                "No speaker is tested in a fold that also trains on them.",
                (
                    "74.0 % of the test utterances belong to a dialogue that is also in training; "
                    "protocol session avoids this where the corpus names its sessions."
                ),
                "Test vectors that occur bit for bit in training: lexical 6.1 %, visual 0.0 %.",
            ],
        ),
        (
            shares(2, None, {"lexical": 0.0, "acoustic": 0.0}),
            [
                "2 speakers are tested in a fold that also trains on them.",
                "The corpus names no dialogues, so those shared with training cannot be counted.",
                "No test vector occurs bit for bit in training (acoustic and lexical).",
            ],
        ),
        (
            shares(1, 0.0, {}),
            [
                "1 speaker is tested in a fold that also trains on them.",
                "No test utterance belongs to a dialogue that is also in training.",
            ],
        ),
    ],
)
def test_leakage_is_said_in_plain_sentences(
    tmp_path: Path, leakage: Leakage, sentences: list[str]
) -> None:
    one = made(tmp_path, ["early"])
    one = replace(one, results=(with_fields(one.results[0], leakage=leakage),))
    assert [s.replace("\N{NO-BREAK SPACE}", " ") for s in leakage_of(one)] == sentences


def test_each_transductive_method_is_named_with_what_it_sees(tmp_path: Path) -> None:
    by_speaker = Experiment(by_speaker=("acoustic",), detailed=True)
    write(tmp_path, ["lexical", "early"], by_speaker)
    write(tmp_path, ["gated"], by_speaker, transductive=False)  # as its own file has it
    one = made(tmp_path, ["context"], by_speaker, **SEEN_AS_CONTEXT)
    assert one.seeing_dialogues == ("context",)
    lines = leakage_of(one)
    assert (
        "Features of test speakers shape the input of early, context and gated: acoustic, test "
        "speakers by their own features, without labels (transductive)."
    ) in lines
    assert lines[-1] == (
        "Turns of test dialogues shape what is learned: context has them as context in training, "
        "without labels (transductive)."
    )


def test_a_method_that_sees_dialogues_alone_is_not_said_to_be_normalised(tmp_path: Path) -> None:
    write(tmp_path, ["lexical"])
    methods = ["context", "context-causal"]
    one = made(tmp_path, methods, transductive=True, **SEEN_AS_CONTEXT)
    (line,) = [line for line in leakage_of(one) if "transductive" in line]
    assert line.startswith("Turns of test dialogues")
    assert "context and context-causal have them as context" in line
    assert [row.transductive for row in rows(one)] == [*[False] * 5, True, True]


@pytest.mark.parametrize("told", [{}, {"as_context": False}], ids=["earlier", "not"])
def test_only_what_a_file_says_was_read_as_context_counts_as_seen(
    tmp_path: Path, told: dict[str, bool]
) -> None:
    shared: dict[str, Any] = {"dialogues": {"share": 0.4, "folds": [], **told}}
    notes = ["9 test utterances lie in dialogues that are trained on: transductive"]
    one = made(tmp_path, ["context"], transductive=True, leakage=shared, notes=notes)
    assert one.seeing_dialogues == ()


def test_two_voters_are_told_that_the_tie_rule_settles_every_disagreement(tmp_path: Path) -> None:
    one = made(tmp_path, ["late"], Experiment(modalities=("acoustic", "lexical")))
    (line,) = remarks(one)
    assert "only acoustic and lexical can vote, so every disagreement is a tie" in line
    assert "31 decisions (2.3" in line


def test_three_voters_have_their_ties_counted(tmp_path: Path) -> None:
    (line,) = remarks(made(tmp_path, ["late"]))
    assert line.replace("\N{NO-BREAK SPACE}", " ") == (
        "late: 31 decisions (2.3 %) were tied and went to the class that comes first."
    )


def test_a_note_of_all_methods_is_said_once(tmp_path: Path) -> None:
    one = made(tmp_path, ["lexical", "early"], notes=["the interval is rough"])
    assert remarks(one) == ["All methods: the interval is rough."]


def test_one_fold_has_no_deviation(tmp_path: Path) -> None:
    one = made(tmp_path, ["early"], Experiment(protocol="split", folds=folds_of(1, 90)))
    assert "±" not in words.mean_std(one.results[0].metrics["f1_micro"])
    assert "score of the one fold" in table_caption(one)


def test_settings_are_said_once_where_methods_agree(tmp_path: Path) -> None:
    found = dict(settings_of(made(tmp_path, ["lexical", "early"])))
    assert found["batch_size"] == "32"
    assert found["hidden"] == "lexical: 128; early: 256"
    assert found["refit"] == "yes"
    assert found["n_parameters"] == "762,244"


def test_the_commands_make_the_same_results_again(tmp_path: Path) -> None:
    experiment = Experiment(
        preset="original",
        seeds=(2, 3),
        overrides={"batch_size": 16, "learning_rate": 0.01},
        store="my store.h5",
    )
    assert Told(made(tmp_path, ["lexical", "late"], experiment)).commands == (
        (
            "memr evaluate --protocol speaker --folds 5 --preset original "
            "--seed 2 --seeds 2 --batch-size 16 --learning-rate 0.01 "
            "--method lexical --method late --store 'my store.h5'"
        ),
        "memr report --store 'my store.h5'",
    )


def test_ties_are_told_only_where_there_are_some(tmp_path: Path) -> None:
    one = made(tmp_path, ["late"])
    (late,) = one.results
    assert any("tie" in line for line in remarks(one))
    untied = replace(one, results=(with_fields(late, ties=Ties(count=0, share=0.0)),))
    assert not any("tie" in line for line in remarks(untied))


def test_notes_on_an_object_are_told_in_words_for_a_page(tmp_path: Path) -> None:
    notes = ["uar is undefined in some fold and null there", "per_class, confusion and ties count"]
    one = made(tmp_path, ["early"], notes=notes)
    assert remarks(one) == [
        "early: uar is undefined in some fold and left out there.",
        "early: scores by class, confusion and ties count.",
    ]
