"""The page of one group: title, facts and answer, and the parts of all sections."""

from collections.abc import Iterable
from dataclasses import dataclass

from memr_cli.reporting import words
from memr_cli.reporting.drawing.canvas import Drawing
from memr_cli.reporting.groups import Group
from memr_cli.reporting.section import Context, Part
from memr_cli.reporting.sections.audit import severe
from memr_cli.reporting.sections.repeat import text
from memr_cli.reporting.sections.results import headline


@dataclass(frozen=True)
class GroupPage:
    """One group in finished words, for every format alike."""

    name: str
    title: str
    synthetic: str | None
    facts: tuple[tuple[str, str], ...]
    headline: str
    severe: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def every_figure(self) -> tuple[Drawing, ...]:
        """The figures of all parts."""
        return tuple(
            figure for part in self.parts for figure in (*part.figures, *part.folded_figures)
        )

    @property
    def store(self) -> str:
        """The store, as the facts name it."""
        return dict(self.facts)["Store"]


def page_of(context: Context, parts: tuple[Part, ...], *, several: bool) -> GroupPage:
    """Return the page of a group. several: whether the report has other groups beside it."""
    group = context.group
    return GroupPage(
        name=group.name,
        title=_title(group) + (f" ({group.store})" if several else ""),
        synthetic=words.SYNTHETIC if group.synthetic else None,
        facts=tuple(_facts(group)),
        headline=headline(group, context.studies.comparisons, context.choice.metrics[0]),
        severe=severe(context.studies.audit),
        parts=parts,
    )


def _title(group: Group) -> str:
    terms = group.terms
    parts = [f"Protocol {group.protocol}", f"preset {terms.preset}"]
    parts += [] if terms.subset == "all" else [f"{terms.subset} dialogues"]
    parts += [f"{words.listed(terms.by_speaker)} normalised by speaker"] * bool(terms.by_speaker)
    parts += [f"calibrated by {terms.calibrate}"] * (terms.calibrate is not None)
    parts += [f"ensembles of {len(terms.seeds)} seeds"] * terms.ensemble
    parts += [f"{name.replace('_', ' ')} {text(value)}" for name, value in terms.overrides.items()]
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
        changes = (f"{name} {text(value)}" for name, value in terms.overrides.items())
        yield "Changed from it", ", ".join(changes)
    yield "Seed" if len(terms.seeds) == 1 else "Seeds", ", ".join(map(str, terms.seeds))
    if terms.ensemble:
        yield "Ensemble", f"mean of the probabilities of {len(terms.seeds)} seeds"
    yield "Tested utterances", words.whole(group.n)
    yield "Classes", ", ".join(group.class_names)
