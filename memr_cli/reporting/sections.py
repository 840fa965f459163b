"""What a report says about one group, in words and finished cells, for every format alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from memr_cli.reporting import repeat, words
from memr_cli.reporting.figures.canvas import Drawing
from memr_cli.reporting.groups import Group
from memr_cli.reporting.parts import differences, modalities, trust, weights
from memr_cli.reporting.parts.part import Part, of
from memr_cli.reporting.published import published
from memr_cli.reporting.rows import methods
from memr_cli.reporting.studies.loading import Studies
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.results.evaluation import ClassScore

SHARED, FOLDS, REPEAT = "What training and test share", "Protocol and folds", "To repeat it"
_MOST_NAMES = 40


@dataclass(frozen=True)
class Section:
    """One group, ready to be set: no number in it needs another look."""

    name: str
    title: str
    synthetic: str | None
    facts: tuple[tuple[str, str], ...]
    headline: str
    severe: tuple[str, ...]
    results: Table
    caption: str
    not_evaluated: str | None
    leakage: tuple[str, ...]
    remarks: tuple[str, ...]
    figures: tuple[Drawing, ...]
    parts: tuple[Part, ...]
    fold_figures: tuple[Drawing, ...]
    folds: Table
    folds_caption: str
    per_class: Table
    per_class_caption: str
    settings: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    repeating: str
    commands: tuple[str, ...]
    differences: tuple[Captioned, ...]

    @property
    def every_figure(self) -> tuple[Drawing, ...]:
        """Those of all parts."""
        of_parts = (figure for part in self.parts for figure in part.figures)
        return (*self.figures, *of_parts, *self.fold_figures)

    @property
    def contents(self) -> tuple[tuple[str, str], ...]:
        """Anchor and title of everything under a heading, in the order of the page."""
        notes = [("notes", "Notes")] if self.remarks else []
        found = [
            ("results", "Results"),
            *((part.key, part.title) for part in self.parts),
            ("shared", SHARED),
            *notes,
            ("classes", "Classes"),
            ("folds", FOLDS),
            ("settings", "Settings"),
            ("repeat", REPEAT),
        ]
        return tuple((f"{self.name}-{key}", title) for key, title in found)


def section(group: Group, studies: Studies, figures: Sequence[Drawing]) -> Section:
    """Put into words what a group and its studies hold; `figures` are its own."""
    beside = _published(group)
    caption = words.table_caption(group)
    if beside:
        caption += " Published: F1-micro of the notebook that memr reimplements, on the same folds."
    return Section(
        name=group.name,
        title=_title(group),
        synthetic=words.SYNTHETIC if group.synthetic else None,
        facts=tuple(_facts(group)),
        headline=words.headline(group, studies.comparisons),
        severe=trust.severe(studies.audit),
        results=_results(group, beside),
        caption=caption,
        not_evaluated=words.not_evaluated(group),
        leakage=tuple(words.leakage(group)),
        remarks=tuple(words.remarks(group)),
        figures=of(figures, "results"),
        parts=_parts(group, studies, figures),
        fold_figures=of(figures, "folds"),
        folds=_folds(group),
        folds_caption=_folds_caption(group),
        per_class=_per_class(group),
        per_class_caption=_per_class_caption(group),
        settings=tuple(repeat.settings(group)),
        versions=tuple((k, str(v)) for k, v in group.reference.versions.items()),
        repeating=_repeating(group),
        commands=tuple(repeat.commands(group, studies)),
        differences=tuple(map(differences.for_paper, studies.comparisons)),
    )


def _parts(group: Group, studies: Studies, figures: Sequence[Drawing]) -> tuple[Part, ...]:
    return (
        *differences.parts(studies.comparisons, figures),
        *modalities.parts(group, studies.ablations, figures),
        *weights.parts(group, figures),
        *trust.reliability(group, figures),
        *trust.by_speaker(group, figures),
        *trust.audit(studies.audit, figures),
    )


def _title(group: Group) -> str:
    terms = group.terms
    parts = [f"Protocol {group.protocol}", f"preset {terms.preset}"]
    parts += [] if terms.subset == "all" else [f"{terms.subset} dialogues"]
    parts += [f"{words.listed(terms.by_speaker)} normalised by speaker"] * bool(terms.by_speaker)
    parts += [f"calibrated by {terms.calibrate}"] * (terms.calibrate is not None)
    parts += [f"ensembles of {len(terms.seeds)} seeds"] * terms.ensemble
    parts += [
        f"{name.replace('_', ' ')} {repeat.text(value)}" for name, value in terms.overrides.items()
    ]
    return ", ".join(parts)


def _facts(group: Group) -> Iterable[tuple[str, str]]:
    terms = group.terms
    yield "Store", group.store + (" (synthetic)" if group.synthetic else "")
    yield "Fingerprint", group.fingerprint
    yield "Protocol", f"{group.protocol}: {group.description}"
    if terms.subset != "all":
        yield "Subset", f"{terms.subset} dialogues alone; all others count as unlabelled"
    if terms.by_speaker:
        yield "Normalised by speaker", words.by_speaker(group)
    if group.seeing_dialogues:
        yield "Turns of test dialogues", words.seeing_dialogues(group)
    if terms.calibrate is not None:
        yield "Calibrated", f"by {terms.calibrate}, fitted on validation speakers"
    yield "Preset", terms.preset
    if terms.overrides:
        changes = (f"{name} {repeat.text(value)}" for name, value in terms.overrides.items())
        yield "Changed from it", ", ".join(changes)
    yield "Seed" if len(terms.seeds) == 1 else "Seeds", ", ".join(map(str, terms.seeds))
    if terms.ensemble:
        yield "Ensemble", f"mean of the probabilities of {len(terms.seeds)} seeds"
    yield "Tested utterances", words.whole(group.n)
    yield "Classes", ", ".join(group.class_names)


def _repeating(group: Group) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in group.reference.versions.items())
    return (
        f"From {group.store} with the fingerprint above, run in the folder that it lies in"
        f"{f', with {versions}' if versions else ''}, these commands make the same again."
    )


def _published(group: Group) -> dict[str, str]:
    found = {method: published(group, method) for method in methods(group)}
    return {
        method: words.plus_minus(score.mean, score.std)
        for method, score in found.items()
        if score is not None
    }


def _results(group: Group, beside: dict[str, str]) -> Table:
    # Of many methods one column would be empty but for a row; the notes tell ties too.
    votes = any(result.votes for result in group.results) and not group.is_crowded
    head = ["Method", "F1-micro", "95 % interval", "UAR", "95 % interval", "Macro-F1", "n"]
    head += ["Ties"] * votes + ["Published"] * bool(beside)
    rows = []
    for method in methods(group):
        result = group.get(method)
        if result is None:
            cells = ["not evaluated", *[words.ABSENT] * (5 + votes)]
        else:
            f1, uar, macro = (result.scores[name] for name in ("f1_micro", "uar", "f1_macro"))
            cells = [words.mean_std(f1), words.interval(f1), words.mean_std(uar)]
            cells += [words.interval(uar), words.mean_std(macro), words.whole(result.n)]
            cells += [words.whole(result.ties.count) if result.ties else words.ABSENT] * votes
        cells += [beside.get(method, words.ABSENT)] * bool(beside)
        rows.append((method, *cells))
    return Table(tuple(head), tuple(rows))


def _folds(group: Group) -> Table:
    validated = any(fold.validation for fold in group.folds)
    head = ["Fold", "Test speakers", *(["Validation speakers"] if validated else []), "n test"]
    head += [*(["n validation"] if validated else []), "n training"]
    rows = []
    for number, fold in enumerate(group.folds):
        cells = [str(number), _few(fold.test)]
        cells += [_few(fold.validation)] * validated + [words.whole(fold.n_test)]
        cells += [words.whole(fold.n_validation)] * validated + [words.whole(fold.n_train)]
        rows.append(tuple(cells))
    return Table(tuple(head), tuple(rows), left=2 + validated)


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES]) or words.ABSENT
    rest = len(names) - _MOST_NAMES
    return f"{shown} and {rest} more" if rest > 0 else shown


def _folds_caption(group: Group) -> str:
    text = "Who is tested in each fold, with numbers of labelled utterances"
    if len({result.n for result in group.results}) > 1:
        text += f", as {group.reference.method} uses them"
    if not any(fold.validation for fold in group.folds):
        return f"{text}. No validation part: nothing was chosen on held-out speakers."
    if any(result.setting_values.get("refit") for result in group.results):
        return (
            f"{text}. Validation speakers chose the number of epochs; "
            "the final weights were then trained on all training speakers, these among them."
        )
    return f"{text}. Validation speakers chose the number of epochs."


def _per_class_caption(group: Group) -> str:
    seeds = words.counted_by_seed(group)
    counted = " n counts an utterance once for each seed." if group.reference.runs > 1 else ""
    return (
        "F1 of each class in percent, with precision and recall in brackets, over all test "
        f"utterances at once{f', {seeds}' if seeds else ''}.{counted}"
    )


def _per_class(group: Group) -> Table:
    """A column for each method, or a row where there are more methods than fit beside another."""
    names, results = group.class_names, group.results
    cells = [[_class_cell(result.per_class[name]) for result in results] for name in names]
    n = [words.whole(group.reference.per_class[name].support) for name in names]
    if not group.is_crowded:
        rows = zip(names, n, *zip(*cells, strict=True), strict=True)
        return Table(("Class", "n", *group.methods), tuple(rows))
    by_method = zip(group.methods, *cells, strict=True)
    return Table(("Method", *names), (("n", *n), *by_method))


def _class_cell(score: ClassScore) -> str:
    shares = f"{words.percent(score.precision, 0)}/{words.percent(score.recall, 0)}"
    return f"{words.percent(score.f1)} ({shares})"
