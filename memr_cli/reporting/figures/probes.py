"""What linear probes learn from features that they should not tell, beside what chance tells."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from memr_cli.corpora.choices import MODALITIES
from memr_cli.reporting.figures.canvas import Drawing
from memr_cli.reporting.figures.forest import Block, Row, forest
from memr_cli.reporting.studies.audit import Audit


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
        "speaker: from features / by chance",
        "accuracy",
        "chance",
        "normalised",
    ),
    _Probe("length", "class: from frame counts / by chance", "accuracy", "majority"),
)


def probes(audit: Audit | None, colours: Mapping[str, str]) -> Drawing | None:
    """Draw every probe by modality; None where there is no audit, or none of them ran."""
    if audit is None:
        return None
    blocks = [block for probe in _PROBES if (block := _block(probe, audit, colours)).rows]
    if not blocks:
        return None
    sheet = forest(
        blocks,
        axis="accuracy of the probe (%)",
        heading="filled / outlined",
        synthetic=audit.synthetic,
    )
    beside = any(row.beside is not None for block in blocks for row in block.rows)
    diamonds = " Diamonds: speakers told apart after normalising each." if beside else ""
    caption = (
        "How often linear probes of each modality are right: filled the first that a title names, "
        f"outlined the second.{diamonds}"
    )
    alt = "; ".join(
        f"{block.title}: " + ", ".join(f"{row.label} {row.text}" for row in block.rows)
        for block in blocks
    )
    return sheet.finish("audit", caption, f"Dot plot of probes in percent. {alt}.", part="audit")


def _block(probe: _Probe, audit: Audit, colours: Mapping[str, str]) -> Block:
    by_modality = audit.probes.get("modalities")
    held = by_modality if isinstance(by_modality, dict) else {}
    rows = []
    for name in (name for name in MODALITIES if isinstance(held.get(name), dict)):
        found = held[name].get(probe.key)
        accuracy, against = _percent(found, probe.accuracy), _percent(found, probe.against)
        if accuracy is None or against is None:
            continue
        rows.append(
            Row(
                name,
                f"{accuracy:.1f} / {against:.1f}",
                accuracy,
                base=against,
                colour=colours[name],
                beside=_percent(found, probe.beside),
            )
        )
    return Block(probe.title, tuple(rows))


def _percent(found: Any, name: str) -> float | None:
    value = found.get(name) if isinstance(found, dict) else None
    return 100 * value if isinstance(value, int | float) else None
