"""What modalities contribute: beside each other, without some of them, and under disturbance."""

from collections.abc import Mapping, Sequence

from memr_cli.reporting import words
from memr_cli.reporting.figures.canvas import Drawing
from memr_cli.reporting.figures.robustness import ALL, along
from memr_cli.reporting.groups import Group
from memr_cli.reporting.parts.part import Part, of
from memr_cli.reporting.studies.ablation import Ablation
from memr_cli.reporting.studies.comparison import METRICS
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.results.ablation import LossPoint, NoisePoint, SpreadWithInterval, Worth

_METRIC_NAMES = tuple(name[0].upper() + name[1:] for name in METRICS.values())


def parts(group: Group, ablations: Sequence[Ablation], figures: Sequence[Drawing]) -> list[Part]:
    """Contribution, subsets and robustness, each where there is something to show."""
    found = []
    contributed = of(figures, "contributions")
    if contributed:
        text = " ".join(_shapley_sentence(one, group) for one in ablations) or _gain_sentence(group)
        table = (_shapley_table(ablations),) * bool(ablations)
        title, notes = "Contribution of modalities", _notes(ablations)
        found.append(Part("contributions", title, text, contributed, table, notes))
    if ablations:
        text = " ".join(map(_subset_sentence, ablations))
        drawn, tables = of(figures, "subsets"), tuple(map(_subset_table, ablations))
        lines = (_not_averaged(group),) * group.terms.ensemble
        found.append(Part("subsets", "All subsets of modalities", text, drawn, tables, lines))
    disturbed = [one for one in ablations if one.noise or one.loss]
    if disturbed:
        text = " ".join(map(_robustness_sentence, disturbed))
        drawn, tables = of(figures, "robustness"), tuple(map(_robustness_table, disturbed))
        found.append(Part("robustness", "Robustness", text, drawn, tables))
    return found


def _not_averaged(group: Group) -> str:
    return (
        f"The results above are of ensembles; here and under disturbance, scores are means over "
        f"{len(group.seeds)} seeds, each by itself."
    )


def _notes(ablations: Sequence[Ablation]) -> tuple[str, ...]:
    notes: dict[str, list[str]] = {}
    for one in ablations:
        for note in one.notes:
            notes.setdefault(words.plain(note), []).append(one.method)
    return tuple(f"{', '.join(methods)}: {note.rstrip('.')}." for note, methods in notes.items())


def _shapley_sentence(ablation: Ablation, group: Group) -> str:
    """Which modality is worth most, of how much."""
    values = ablation.shapley["accuracy"]
    known = {name: one for name, one in values.items() if one.value is not None}
    first, last = ablation.with_only().metrics["accuracy"], ablation.whole.metrics["accuracy"]
    if not known or first.mean is None or last.mean is None:
        return f"The worth of the modalities of {ablation.method} is undefined here."
    best = max(known, key=lambda name: known[name].value or 0.0)
    interval = known[best].ci95
    bounds = f" (95{words.SPACE}% interval {words.points(interval)})" if interval else ""
    return (
        f"Of the {words.percent(last.mean - first.mean)} points of accuracy that {ablation.method} "
        f"gains over always answering training's most frequent class "
        f"({words.percent(first.mean)}{words.SPACE}%), {best} brings the most: "
        f"{words.percent(known[best].value)}{bounds}.{_another_majority(group, first.mean)}"
    )


def _another_majority(group: Group, of_training: float) -> str:
    """That two baselines differ, where a reader would take them for one."""
    name, of_test = words.majority(group)
    if abs(of_test - of_training) <= 0.05:
        return ""
    where = "" if len(group.folds) == 1 else " in every fold"
    return (
        f" Training's most frequent class is not that of {words.test_part(group)}{where}: there, "
        f"always answering {name} would score {words.percent(of_test)}{words.SPACE}%."
    )


def _gain_sentence(group: Group) -> str:
    """How early fusion stands to the best of the single modalities."""
    scores = {
        one.method: one.scores["f1_micro"].mean
        for one in group.results
        if one.is_unimodal or one.method == "early"
    }
    early = scores.pop("early", None)
    known = {name: score for name, score in scores.items() if score is not None}
    best = max(known, key=lambda name: known[name])
    if early is None:
        return f"Of the single modalities, {best} has the highest mean F1-micro."
    gain = words.signed(early - known[best])
    return (
        f"Early fusion's mean F1-micro is {gain} points from that of {best}, the best single "
        "modality."
    )


def _subset_sentence(ablation: Ablation) -> str:
    """What is lost without each one modality."""
    whole = ablation.whole.metrics["accuracy"].mean
    if len(ablation.modalities) < 2 or whole is None:
        return f"{ablation.method} uses {words.listed(ablation.modalities)} alone."
    without = {}
    for name in ablation.modalities:
        rest = ablation.with_only(*(other for other in ablation.modalities if other != name))
        if rest.metrics["accuracy"].mean is not None:
            without[name] = rest.metrics["accuracy"].mean
    ordered = sorted(without, key=lambda name: without[name])
    parts = [f"{words.percent(without[name])} without {name}" for name in ordered]
    return (
        f"{ablation.method} reaches an accuracy of {words.percent(whole)}{words.SPACE}% with all "
        f"modalities, and at test time {words.listed(parts)}."
    )


def _robustness_sentence(ablation: Ablation) -> str:
    """Where the curves of all modalities at once stand about half way."""
    parts = []
    lost = along(ablation, ablation.loss, None)
    if lost:
        share, score = min(lost, key=lambda point: abs(point[0] - 0.5))
        parts.append(
            f"to {words.percent(score)} with {words.percent(share, 0)}{words.SPACE}% of modalities "
            "lost at random"
        )
    noisy = along(ablation, ablation.noise, None)
    if noisy:
        level, score = min(noisy, key=lambda point: abs(point[0] - 1))
        plural = "" if level == 1 else "s"
        parts.append(
            f"to {words.percent(score)} with noise of {level:g} standard deviation{plural} on all"
        )
    whole = words.percent(ablation.whole.metrics["accuracy"].mean)
    if not parts:
        return f"{ablation.method} was disturbed in single modalities alone."
    return f"From {whole}{words.SPACE}%, {ablation.method}'s accuracy goes {words.listed(parts)}."


def _shapley_table(ablations: Sequence[Ablation]) -> Captioned:
    retrained = any(one.shapley_retrained for one in ablations)
    head = ("Method", "Modality", *_METRIC_NAMES)
    head += tuple(f"{name}, retrained" for name in _METRIC_NAMES) * retrained
    rows = []
    for one in ablations:
        for name in one.modalities:
            tables = [one.shapley] + [one.shapley_retrained] * retrained
            cells = [_worth(table, metric, name) for table in tables for metric in METRICS]
            rows.append((one.method, name, *cells))
    caption = f"Shapley values in points, with 95{words.SPACE}% intervals."
    return Captioned(Table(head, tuple(rows), left=2), "Shapley values", caption)


def _worth(table: Mapping[str, Mapping[str, Worth]] | None, metric: str, name: str) -> str:
    if table is None:
        return words.ABSENT
    value = table[metric][name]
    return f"{words.signed(value.value)} ({words.points(value.ci95)})"


def _subset_table(ablation: Ablation) -> Captioned:
    retrained = any(row.retrained for row in ablation.subsets)
    head = ("Modalities", *_METRIC_NAMES)
    head += tuple(f"{name}, retrained" for name in _METRIC_NAMES) * retrained
    rows = []
    for row in ablation.subsets:
        cells = _scored(row.metrics) + (_scored(row.retrained) if retrained else ())
        rows.append((", ".join(row.modalities) or "none", *cells))
    caption = (
        f"{ablation.method}: scores in percent with 95{words.SPACE}% intervals, over "
        f"{words.counted(ablation.n, 'utterance')}."
    )
    return Captioned(
        Table(head, tuple(rows)), f"Subsets of modalities ({ablation.method})", caption
    )


def _scored(scores: Mapping[str, SpreadWithInterval] | None) -> tuple[str, ...]:
    if scores is None:
        return (words.ABSENT,) * len(METRICS)
    found = [scores[metric] for metric in METRICS]
    return tuple(
        words.percent(one.mean) + (f" ({words.interval(one)})" if one.ci95 else "") for one in found
    )


def _robustness_table(ablation: Ablation) -> Captioned:
    rows = [_disturbed("noise", point, f"{point.level:g}") for point in ablation.noise]
    rows += [
        _disturbed("loss", point, f"{words.percent(point.share, 0)}{words.SPACE}%")
        for point in ablation.loss
    ]
    head = ("What", "Modality", "How much", *_METRIC_NAMES)
    caption = (
        f"{ablation.method}: scores in percent under noise (in standard deviations of the training "
        "part) and under random loss (share of what is lost)."
    )
    return Captioned(Table(head, tuple(rows), left=2), f"Robustness ({ablation.method})", caption)


def _disturbed(what: str, point: NoisePoint | LossPoint, level: str) -> tuple[str, ...]:
    scores = (words.percent(point.metrics[metric].mean) for metric in METRICS)
    return (what, point.modality or ALL, level, *scores)
