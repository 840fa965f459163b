import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import memr_cli.methods as package
from memr_cli.errors import UnsupportedError, UsageError
from memr_cli.methods.late import MajorityVote
from memr_cli.methods.method import TrainedMethod
from memr_cli.methods.registry import named, own, registered, why_unsupported
from memr_cli.vocabulary import PUBLISHED, Preset

ALL = ("visual", "acoustic", "lexical")


def holding(*modalities: str) -> Any:
    """What a store of these modalities, without frames or dialogues, has to offer."""
    return SimpleNamespace(modalities=modalities, frameless=modalities, has_dialogues=False)


PRESENT = {
    "acoustic": np.array([True, True, False, False]),
    "lexical": np.array([True, False, True, False]),
}


def trained(name: str) -> TrainedMethod:
    method = named(name)
    assert isinstance(method, TrainedMethod)
    return method


def test_the_published_five_come_first_in_the_order_of_their_table() -> None:
    assert (
        tuple(registered())[:5] == PUBLISHED == ("visual", "acoustic", "lexical", "early", "late")
    )


def test_a_new_module_is_found_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zz_new.py").write_text(
        "from dataclasses import replace\n"
        "from memr_cli.methods.late import MajorityVote\n"
        "METHODS = (MajorityVote(name='my-vote'),)\n"
    )
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    before = tuple(own())
    own.cache_clear()
    try:
        assert set(own()) == {*before, "my-vote"}
    finally:
        monkeypatch.undo()
        own.cache_clear()
        sys.modules.pop("memr_cli.methods.zz_new", ModuleType("none"))


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no method lat; --method takes visual, acoustic"):
        named("lat")


@pytest.mark.parametrize(
    ("name", "held", "reason"),
    [
        ("visual", ("acoustic", "lexical"), "needs the visual modality.*acoustic, lexical"),
        ("early", ("lexical",), "at least two modalities.*holds lexical"),
        ("late", ("lexical",), "at least two voters.*holds lexical"),
    ],
)
def test_what_a_store_does_not_support_is_said(
    name: str, held: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        raise UnsupportedError(why_unsupported(named(name), holding(*held)))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_store_of_all_modalities_supports_the_published_five(name: str) -> None:
    assert why_unsupported(named(name), holding(*ALL)) is None


def test_early_fusion_scores_what_has_any_modality_and_originally_what_has_all() -> None:
    early = trained("early")
    ours = early.usable(PRESENT, early.settings(Preset.DEFAULT, {}))
    original = early.usable(PRESENT, early.settings(Preset.ORIGINAL, {}))
    assert ours.tolist() == [True, True, True, False]
    assert original.tolist() == [True, False, False, False]


def test_a_vote_scores_what_anyone_can_vote_on_and_originally_what_all_can() -> None:
    usable = np.stack(list(PRESENT.values()))
    assert MajorityVote().usable(usable, Preset.DEFAULT).tolist() == [True, True, True, False]
    assert MajorityVote().usable(usable, Preset.ORIGINAL).tolist() == [True, False, False, False]


def test_a_vote_lets_the_present_decide_and_gives_shares() -> None:
    probabilities = np.array(
        [[[0.9, 0.1, 0.0], [0.2, 0.5, 0.3]], [[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]]]
    )  # 2 members, 2 rows, 3 classes
    present = np.array([[True, False], [True, True]])
    decision = MajorityVote().combine(probabilities, present, {})
    assert decision.predicted.tolist() == [0, 2]  # a tie goes to the class listed first
    assert decision.tied.tolist() == [True, False]
    np.testing.assert_array_equal(decision.probabilities, [[0.5, 0, 0.5], [0, 0, 1]])


def test_the_original_preset_is_the_published_notebooks() -> None:
    unimodal = trained("acoustic").settings(Preset.ORIGINAL, {})
    early = trained("early").settings(Preset.ORIGINAL, {})
    assert (unimodal.hidden, unimodal.learning_rate) == (128, 1e-3)
    assert (early.hidden, early.learning_rate) == (256, 5e-4)
    for settings in (unimodal, early):
        assert (settings.optimizer, settings.weight_decay) == ("adam", 1e-5)
        assert (settings.batch_size, settings.epochs, settings.patience) == (32, 50, None)
        assert (settings.refit, settings.presence_indicator) == (False, False)
        assert settings.dropout == settings.averaging == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("epochs", 0),
        ("patience", 0),
        ("batch_size", 0),
        ("hidden", 1),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("weight_decay", -1.0),
        ("modality_dropout", 1.0),
        ("modality_dropout", -0.1),
        ("modality_dropout", float("nan")),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_its_option(option: str, value: float) -> None:
    with pytest.raises(UsageError, match="--" + option.replace("_", "-")):
        trained("lexical").settings(Preset.DEFAULT, {option: value})


def test_patience_has_no_effect_on_the_original_preset_and_is_refused() -> None:
    with pytest.raises(UsageError, match="--patience has no effect"):
        trained("lexical").settings(Preset.ORIGINAL, {"patience": 3})


def test_no_preset_hides_modalities_and_only_fusion_can() -> None:
    hiding = {"modality_dropout": 0.3}
    for preset in Preset:
        assert trained("early").settings(preset, {}).modality_dropout == 0
        assert trained("early").settings(preset, hiding).modality_dropout == 0.3
        lexical = trained("lexical")
        assert lexical.settings(preset, hiding) == lexical.settings(preset, {})


def test_early_fusion_of_some_modalities_has_a_name_of_its_own() -> None:
    early = trained("early")
    two, one = early.only(["visual", "lexical"]), early.only(["lexical"])
    assert (two.name, one.name) == ("early@visual+lexical", "early@lexical")
    assert two.modalities(ALL) == ("visual", "lexical")
    assert one.modalities(ALL) == ("lexical",)
    ours, hiding = early.settings(Preset.DEFAULT, {}), {"modality_dropout": 0.3}
    assert two.settings(Preset.DEFAULT, {}) == one.settings(Preset.DEFAULT, {}) == ours
    assert two.settings(Preset.DEFAULT, hiding).modality_dropout == 0.3
    assert one.settings(Preset.DEFAULT, hiding) == ours
    assert one.usable({"lexical": PRESENT["lexical"]}, ours).tolist() == [True, False, True, False]
