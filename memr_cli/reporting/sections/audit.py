"""The findings of the audit, and the accuracy of its linear probes."""

from collections.abc import Mapping
from typing import NamedTuple

from memr_cli.reporting import words
from memr_cli.reporting.drawing.canvas import Drawing
from memr_cli.reporting.drawing.forest import Block, Row, forest
from memr_cli.reporting.escaping import Told
from memr_cli.reporting.section import Context, Part
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.results.audit import Audit
from memr_cli.results.schema import Part as ResultPart
from memr_cli.results.schema import UnsetType
from memr_cli.vocabulary import ordered_modalities


class _Probe(NamedTuple):
    """Where an audit keeps a probe: the accuracy, what it stands beside, and a third number."""

    key: str
    title: str
    accuracy: str
    against: str
    beside: str = ""


_PROBES = (
    _Probe("label_leak", "class: within the training part / on the test part", "train", "test"),
    _Probe(
        "speaker_identity",
        "speaker: from features / always the most frequent speaker",
        "accuracy",
        "chance",
        "normalised",
    ),
    _Probe(
        "length",
        "class: from frame counts / always the most frequent class",
        "accuracy",
        "majority",
    ),
)


def _figure(audit: Audit, colours: Mapping[str, str]) -> Drawing | None:
    """Draw every probe by modality; None where none of them ran."""
    blocks = [block for probe in _PROBES if (block := _block(probe, audit, colours)).rows]
    if not blocks:
        return None
    beside = any(row.beside is not None for block in blocks for row in block.rows)
    sheet = forest(
        blocks,
        axis="accuracy of the probe (%)",
        heading="filled / outlined" + " / diamond" * beside,
        synthetic=audit.synthetic,
    )
    diamonds = (
        " Diamonds, the third number: the speaker, once each speaker's features are normalised."
        if beside
        else ""
    )
    caption = (
        "How often linear probes of each modality are right: filled the first that a title names, "
        f"outlined the second.{diamonds}"
    )
    alt = "; ".join(
        f"{block.title}: " + ", ".join(f"{row.label} {row.text}" for row in block.rows)
        for block in blocks
    )
    return sheet.finish("audit", caption, f"Dot plot of probes in percent. {alt}.")


def _block(probe: _Probe, audit: Audit, colours: Mapping[str, str]) -> Block:
    held = audit.probes.modalities
    rows = []
    for name in ordered_modalities(held):
        found = getattr(held[name], probe.key)
        accuracy, against = _percent(found, probe.accuracy), _percent(found, probe.against)
        if accuracy is None or against is None:
            continue
        beside = _percent(found, probe.beside)
        numbers = [number for number in (accuracy, against, beside) if number is not None]
        rows.append(
            Row(
                name,
                " / ".join(f"{number:.1f}" for number in numbers),
                accuracy,
                base=against,
                colour=colours[name],
                beside=beside,
            )
        )
    return Block(probe.title, tuple(rows))


def _percent(found: ResultPart | UnsetType, name: str) -> float | None:
    value = getattr(found, name, None) if name else None
    return 100 * value if isinstance(value, float) else None


def audit(context: Context) -> list[Part]:
    """The findings, the most severe first, with the accuracy of the probes."""
    found = context.studies.audit
    if found is None:
        return []
    drawn = _figure(found, context.colours)
    findings = sorted(found.findings, key=lambda one: SEVERITIES.index(one.severity))
    rows = tuple(
        (one.severity, Told(one.message), one.modality or words.ABSENT, Told(one.action))
        for one in findings
    )
    head = ("Severity", "Finding", "Modality", "What to do")
    caption = f"Findings of the audit under protocol {found.protocol.name}, the most severe first."
    table = Captioned(Table(head, rows, left=4), "Audit", caption, folded=False)
    return [
        Part(
            "audit",
            "Audit",
            _audit_sentence(found),
            () if drawn is None else (drawn,),
            (table,) * bool(rows),
            tuple(Told(f"{note.rstrip('.')}.") for note in found.notes),
        )
    ]


def severe(found: Audit | None) -> tuple[str, ...]:
    """Return the severe findings, one line each, which a reader should see before the scores."""
    if found is None:
        return ()
    return tuple(
        Told(f"Severe finding of the audit: {one.message}")
        for one in found.findings
        if one.severity == "severe"
    )


SEVERITIES = ("severe", "warning", "info")
"""The most severe first."""


def _number(found: Audit, severity: str) -> int:
    return sum(one.severity == severity for one in found.findings)


def _count(found: Audit, severity: str) -> str:
    n = _number(found, severity)
    plain = {"severe": f"{n} severe", "info": f"{n} informational"}
    return plain.get(severity) or words.counted(n, severity)


def _audit_sentence(found: Audit) -> str:
    if not found.findings:
        return "The audit of the store under this protocol found nothing."
    counts = [_count(found, severity) for severity in SEVERITIES if _number(found, severity)]
    total = words.counted(len(found.findings), "finding")
    severe = list(dict.fromkeys(one.code for one in found.findings if one.severity == "severe"))
    named = f" Severe: {words.listed(code.replace('_', ' ') for code in severe)}." if severe else ""
    return f"The audit of the store under this protocol has {total}: {words.listed(counts)}.{named}"
