"""How far scores and probabilities can be relied on: calibration, who is tested, and the audit."""

from collections.abc import Sequence

from memr_cli.reporting import words
from memr_cli.reporting.calibration import Calibration
from memr_cli.reporting.escaping import Told
from memr_cli.reporting.evaluated import Evaluated
from memr_cli.reporting.figures.by_speaker import names, slices
from memr_cli.reporting.figures.canvas import Drawing
from memr_cli.reporting.groups import Group
from memr_cli.reporting.parts.part import Part, of
from memr_cli.reporting.studies.audit import SEVERITIES, Audit
from memr_cli.reporting.tables import Captioned, Table


def reliability(group: Group, figures: Sequence[Drawing]) -> list[Part]:
    """The calibration of methods that give probabilities."""
    found = [(one.method, one.calibration) for one in group.results if one.calibration is not None]
    if not found:
        return []
    best, worst = (choose(found, key=lambda one: one[1].ece or 0.0) for choose in (min, max))
    many = group.is_crowded and len(found) > 2
    named = (best, worst) if many else found
    errors = [f"{method} {words.percent(one.ece)}" for method, one in named]
    listed = " to ".join(errors) if many else ", ".join(errors)
    claimed, right = worst[1].surest
    sentence = (
        f"Expected calibration error over all test utterances, in points: {listed}; of "
        f"the third of its decisions that it is surest of, {worst[0]} claims "
        f"{words.percent(claimed)}{words.SPACE}% and gets "
        f"{words.percent(right)}{words.SPACE}% right."
    )
    head = ("Method", "Brier score", "ECE", "AURC", "Temperatures")
    rows = tuple(
        (
            method,
            *(words.fraction(score) for score in (one.brier.mean, one.ece, one.aurc.mean)),
            _range(one),
        )
        for method, one in found
    )
    caption = (
        "As fractions; lower is better. Brier score, and AURC, the area under the risk-coverage "
        "curve: means over folds. ECE, the expected calibration error: over all test utterances, "
        "15 bins of equal size. Temperatures: fitted on validation rows, one for each fold and "
        "seed."
    )
    table = Captioned(Table(head, rows), "Calibration", caption)
    return [Part("reliability", "Reliability", sentence, of(figures, "reliability"), (table,))]


def _range(found: Calibration) -> str:
    values, total = found.temperatures, len(found.temperatures) + found.unfitted
    if not values:
        return "not fitted"
    lacking = f" ({found.unfitted} of {total} not fitted)" if found.unfitted else ""
    return f"{min(values):.2f} to {max(values):.2f}{lacking}"


def by_speaker(group: Group, figures: Sequence[Drawing]) -> list[Part]:
    """Scores by session and speaker, where results tell them."""
    told = [one for one in group.results if one.by_speaker]
    if not told:
        return []
    title = "Scores by session and speaker" if names(told, "sessions") else "Scores by speaker"
    best = max(told, key=lambda one: one.scores["f1_micro"].mean or 0.0)
    reach = [text for kind in ("speakers", "sessions") if (text := _reach(best, kind))]
    sentence = (
        f"F1-micro of {best.method}, the highest on average, runs {' and '.join(reach)}."
        if reach
        else "A single speaker is tested."
    )
    head = ("Who", "n", *(one.method for one in told))
    rows = [
        _who(told, kind, name, prefix)
        for kind, prefix in (("sessions", "session "), ("speakers", ""))
        for name in names(told, kind)
    ]
    caption = "F1-micro in percent, with UAR in brackets. n: utterances of the method with most."
    table = Captioned(Table(head, tuple(rows)), title, caption)
    return [Part("speakers", title, sentence, of(figures, "speakers"), (table,))]


def _reach(result: Evaluated, kind: str) -> str:
    """From the lowest to the highest, each with its n."""
    found = [
        (one.f1_micro, name, one.n)
        for name, one in slices(result, kind).items()
        if one.f1_micro is not None
    ]
    if len(found) < 2:
        return ""
    prefix = "session " if kind == "sessions" else ""
    low, high = (
        f"{words.percent(score)}{words.SPACE}% ({prefix}{name}, n = {words.whole(n)})"
        for score, name, n in (min(found), max(found))
    )
    return f"from {low} to {high} over {len(found)} {kind}"


def _who(told: Sequence[Evaluated], kind: str, name: str, prefix: str) -> tuple[str, ...]:
    found = [slices(one, kind).get(name) for one in told]
    cells = [
        words.ABSENT if one is None else f"{words.percent(one.f1_micro)} ({words.percent(one.uar)})"
        for one in found
    ]
    most = max((one.n for one in found if one is not None), default=0)
    return (f"{prefix}{name}", words.whole(most), *cells)


def audit(found: Audit | None, figures: Sequence[Drawing]) -> list[Part]:
    """What an audit found, the gravest first."""
    if found is None:
        return []
    rows = tuple(
        (one.severity, Told(one.message), one.modality or words.ABSENT, Told(one.action))
        for one in found.findings
    )
    head = ("Severity", "Finding", "Modality", "What to do")
    caption = f"Findings of the audit under protocol {found.protocol}, the gravest first."
    table = Captioned(Table(head, rows, left=4), "Audit", caption, folded=False)
    return [
        Part(
            "audit",
            "Audit",
            _audit_sentence(found),
            of(figures, "audit"),
            (table,) * bool(rows),
            tuple(Told(f"{note.rstrip('.')}.") for note in found.notes),
        )
    ]


def severe(found: Audit | None) -> tuple[str, ...]:
    """The severe findings, a line each, for a reader to meet before the scores."""
    if found is None:
        return ()
    return tuple(
        Told(f"Severe finding of the audit: {one.message}")
        for one in found.findings
        if one.severity == "severe"
    )


def _count(found: Audit, severity: str) -> str:
    n = found.count(severity)
    plain = {"severe": f"{n} severe", "info": f"{n} for information"}
    return plain.get(severity) or words.counted(n, severity)


def _audit_sentence(found: Audit) -> str:
    if not found.findings:
        return "The audit of the store under this protocol found nothing."
    counts = [_count(found, severity) for severity in SEVERITIES if found.count(severity)]
    total = words.counted(len(found.findings), "finding")
    severe = list(dict.fromkeys(one.code for one in found.findings if one.severity == "severe"))
    named = f" Severe: {words.listed(code.replace('_', ' ') for code in severe)}." if severe else ""
    return f"The audit of the store under this protocol has {total}: {words.listed(counts)}.{named}"
