"""Improvised and scripted dialogues, told apart by id."""

import pytest

from memr_cli.corpora.iemocap import inside, kind_of
from memr_cli.vocabulary import Subset


@pytest.mark.parametrize(
    ("utterance", "kind"),
    [
        ("Ses01F_impro01_F001", Subset.IMPROVISED),
        ("Ses04M_script02_2b_M013", Subset.SCRIPTED),
        ("Ses05F_script01_1_FXX0", Subset.SCRIPTED),
        ("Ses01F_F001", None),
        ("video_impro01", None),
        ("xSes01F_impro01_F001", None),
        ("", None),
    ],
)
def test_the_id_tells_the_kind(utterance: str, kind: Subset | None) -> None:
    assert kind_of(utterance) is kind


def test_what_has_no_kind_is_in_no_subset_but_all() -> None:
    ids = ("Ses01F_impro01_F001", "Ses01F_script01_1_F001", "03bSnISJMiM_1")
    assert inside(ids, Subset.ALL).tolist() == [True, True, True]
    assert inside(ids, Subset.IMPROVISED).tolist() == [True, False, False]
    assert inside(ids, Subset.SCRIPTED).tolist() == [False, True, False]
