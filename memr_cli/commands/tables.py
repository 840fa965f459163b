"""Rows of the tables that a terminal shows in place of JSON."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memr_cli.results.corpus import Info, Ingestion
    from memr_cli.results.evaluation import Evaluation, Score
    from memr_cli.results.training import Training


def score_row(result: "Evaluation") -> dict[str, str]:
    """Return one evaluated method; scores in percent, as mean ± standard deviation over folds."""
    from memr_cli.evaluation.metrics import Table, metrics_of

    first, *others = metrics_of(Table.EVALUATE)
    interval = result.metrics[first.key].ci95
    return {
        "method": result.method,
        f"{first.label} %": _spread(result.metrics[first.key]),
        "95 % interval": "-"
        if interval is None
        else " to ".join(f"{100 * end:.1f}" for end in interval),
        **{f"{metric.label} %": _percent(result.metrics[metric.key].mean) for metric in others},
        "n": str(result.n),
        "reused": "yes" if result.reused else "no",
    }


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _spread(score: "Score") -> str:
    if score.mean is None or score.std is None:
        return "-"
    spread = f" ± {100 * score.std:.1f}" if len(score.folds) > 1 else ""
    return f"{100 * score.mean:.1f}{spread}"


def training_row(result: "Training") -> dict[str, str]:
    """Return one trained method, with means over its folds and seeds."""
    runs = result.folds
    epochs = [run.best_epoch for run in runs if run.best_epoch is not None]
    scores = [run.validation_f1_micro for run in runs if run.validation_f1_micro is not None]
    return {
        "method": result.method,
        "folds": str(len({run.fold for run in runs})),
        "seeds": str(len({run.seed for run in runs})),
        "epochs": f"{sum(epochs) / len(epochs):.1f}" if epochs else "-",
        "validation F1-micro %": f"{100 * sum(scores) / len(scores):.1f}" if scores else "-",
        "reused": "yes" if result.reused else "no",
    }


def corpus_rows(content: "Ingestion | Info") -> Iterator[dict[str, str]]:
    """Yield what a store holds, one fact a row; of `info` the methods that it supports too."""
    from memr_cli.results.corpus import Info

    facts = {
        "utterances": f"{content.utterances}, {content.labelled} labelled",
        "speakers": _counts(content.speakers),
        "sessions": _counts(content.sessions) or "none",
        "labels": _counts(content.labels),
    }
    for name, held in content.modalities.items():
        frames = held.frames
        facts[name] = (
            f"{held.dim} dims, {held.present} present, {held.missing} missing, frames "
            f"{frames.min} to {frames.max} (median {frames.median})"
            if held.present
            else "absent"
        )
    facts["synthetic"] = "yes" if content.synthetic else "no"
    if isinstance(content, Info):
        facts["methods"] = ", ".join(content.methods) or "none"
    for fact, value in facts.items():
        yield {"": fact, "what the store holds": value}


def _counts(counts: dict[str, int]) -> str:
    shown = [f"{name} {count}" for name, count in list(counts.items())[:12]]
    more = [f"and {len(counts) - 12} more"] if len(counts) > 12 else []
    return ", ".join(shown + more)
