"""What each modality is worth to a method: its Shapley value in accuracy."""

from collections.abc import Mapping, Sequence

from memr_cli.reporting import words
from memr_cli.reporting.figures.canvas import Drawing
from memr_cli.reporting.figures.forest import Block, Row, forest, sheets
from memr_cli.reporting.studies.ablation import Ablation


def shapley(ablations: Sequence[Ablation], colours: Mapping[str, str]) -> list[Drawing]:
    """Draw the values of every ablated method below each other; nothing without one."""
    if not ablations:
        return []
    parts = sheets([_block(one, colours) for one in ablations])
    caption, synthetic = _caption(ablations), any(one.synthetic for one in ablations)
    drawings = []
    for number, blocks in enumerate(parts, start=1):
        sheet = forest(blocks, axis="accuracy (points)", heading="points", synthetic=synthetic)
        name = f"shapley-{number}" if len(parts) > 1 else "shapley"
        drawings.append(sheet.finish(name, caption, _alt(blocks), part="contributions"))
    return drawings


def _block(ablation: Ablation, colours: Mapping[str, str]) -> Block:
    values = ablation.shapley["accuracy"]
    retrained = (ablation.shapley_retrained or {}).get("accuracy", {})
    rows = []
    for name in ablation.modalities:
        value, beside = values[name], retrained.get(name)
        rows.append(
            Row(
                name,
                words.signed(value.value),
                None if value.value is None else 100 * value.value,
                value.ci95 and (100 * value.ci95[0], 100 * value.ci95[1]),
                colour=colours[name],
                stem=True,
                beside=None if beside is None or beside.value is None else 100 * beside.value,
            )
        )
    return Block(ablation.method, tuple(rows))


def _caption(ablations: Sequence[Ablation]) -> str:
    text = (
        "Shapley values: what each modality adds to accuracy, averaged over the orders in which "
        f"modalities can join, with 95{words.SPACE}% intervals. They sum to what the method gains "
        "over always answering the most frequent class of the training part."
    )
    if any(one.shapley_retrained for one in ablations):
        text += " Diamonds: the same where a model is trained anew for each subset."
    return text


def _alt(blocks: Sequence[Block]) -> str:
    parts = (
        f"{block.title}: " + ", ".join(f"{row.label} {row.text}" for row in block.rows)
        for block in blocks
    )
    return f"Bar chart of Shapley values in points of accuracy. {'; '.join(parts)}."
