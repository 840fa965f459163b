"""The rows of the results table as numbers, for JSON and CSV. Scores are fractions."""

import json
from collections.abc import Iterable, Sequence

from memr_cli.evaluation.metrics import LABELS, Metric, Table, metrics_of
from memr_cli.files.spreadsheet import as_cell, written
from memr_cli.reporting.groups import Group
from memr_cli.reporting.published import published
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.report import Published, Row, RowScore
from memr_cli.results.schema import Part
from memr_cli.vocabulary import PUBLISHED


def methods(group: Group) -> list[str]:
    """The five, evaluated or not, then the others that are there."""
    return [*PUBLISHED, *(method for method in group.methods if method not in PUBLISHED)]


def rows(
    group: Group, metrics: Sequence[Metric] = metrics_of(Table.REPORT), *, chosen: bool = False
) -> list[Row]:
    """Return one row for each method; `metrics` and `n` are None for one that is not evaluated.

    chosen: whether the methods were chosen, so that no other has a row.
    """
    return [
        _row(group, method, metrics) for method in (group.methods if chosen else methods(group))
    ]


def _row(group: Group, method: str, metrics: Sequence[Metric]) -> Row:
    result, beside = group.get(method), published(group, method)
    return Row(
        method=method,
        evaluated=result is not None,
        store=group.store,
        fingerprint=group.fingerprint,
        synthetic=group.synthetic,
        protocol=group.protocol,
        preset=group.preset,
        folds=len(group.folds),
        seeds=tuple(group.seeds),
        overrides=dict(group.terms.overrides),
        subset=group.terms.subset,
        by_speaker=tuple(group.terms.by_speaker),
        transductive=result.transductive if result else bool(group.terms.by_speaker),
        calibrate=group.terms.calibrate,
        ensemble=result.settings.ensemble if result else group.terms.ensemble,
        n=result.n if result else None,
        left_out=result.left_out if result else None,
        metrics=_scores(result, metrics) if result else None,
        ties=(result.ties or None) if result else None,
        published=Published(mean=beside.mean, std=beside.std) if beside else None,
    )


def _scores(result: Evaluation, metrics: Sequence[Metric]) -> dict[str, RowScore]:
    found = {one.key: result.metrics[one.key] for one in metrics if one.key in result.metrics}
    return {
        key: RowScore(mean=score.mean, std=score.std, ci95=score.ci95)
        for key, score in found.items()
    }


def shown(rows: Sequence[Row]) -> list[dict[str, str]]:
    """Return the rows for a terminal: equal columns of text, scores in percent.

    What all rows have in common, such as one store, needs no column there.
    """
    terms = [_terms(row) for row in rows]
    differing = [name for name in terms[0] if len({term[name] for term in terms}) > 1]
    differing += ["corpus"] * any(row.synthetic for row in rows)
    first, *others = dict.fromkeys(key for row in rows for key in row.metrics or ())
    return [
        {
            "method": row.method,
            f"{LABELS[first]} %": _spread(row, first),
            "95 % interval": _interval(row, first),
            **{f"{LABELS[key]} %": _mean(row, key) for key in others},
            "n": "-" if row.n is None else str(row.n),
            **{name: {**term, "corpus": _corpus(row)}[name] for name in differing},
        }
        for row, term in zip(rows, terms, strict=True)
    ]


def _terms(row: Row) -> dict[str, str]:
    return {
        "protocol": row.protocol,
        "preset": row.preset,
        "seeds": " ".join(map(str, row.seeds)),
        "changed": ", ".join(f"{name} {value}" for name, value in row.overrides.items()),
        "subset": row.subset,
        "by speaker": " ".join(row.by_speaker),
        "calibrated": row.calibrate or "no",
        "ensemble": "yes" if row.ensemble else "no",
        "store": row.store,
        "fingerprint": row.fingerprint.removeprefix("sha256:")[:12],
    }


def _corpus(row: Row) -> str:
    return "synthetic" if row.synthetic else "real"


def _spread(row: Row, name: str) -> str:
    if row.metrics is None:
        return "not evaluated"
    score = row.metrics.get(name)
    if score is None or score.mean is None or score.std is None:
        return "-"
    return f"{100 * score.mean:.1f}" + (f" ± {100 * score.std:.1f}" if row.folds > 1 else "")


def _mean(row: Row, name: str) -> str:
    score = None if row.metrics is None else row.metrics.get(name)
    return "-" if score is None or score.mean is None else f"{100 * score.mean:.1f}"


def _interval(row: Row, name: str) -> str:
    score = None if row.metrics is None else row.metrics.get(name)
    bounds = None if score is None else score.ci95
    return " to ".join(f"{100 * bound:.1f}" for bound in bounds) if bounds else "-"


def table(
    groups: Iterable[Group],
    metrics: Sequence[Metric] = metrics_of(Table.REPORT),
    *,
    chosen: bool = False,
) -> str:
    """The CSV file: a line for each method of each group, empty where there is no figure."""
    lines = [
        _flat(row, group, metrics)
        for group in groups
        for row in rows(group, metrics, chosen=chosen)
    ]
    return written([lines[0], *(map(_cell, line.values()) for line in lines)])


def _cell(value: str | float | None) -> str:
    """A figure as it is, a text so that no spreadsheet takes it for anything else."""
    return as_cell(value) if isinstance(value, str) else "" if value is None else str(value)


def _flat(row: Row, group: Group, metrics: Sequence[Metric]) -> dict[str, str | float | None]:
    line: dict[str, str | float | None] = {
        "method": row.method,
        "evaluated": _bool(row.evaluated),
        "synthetic": _bool(row.synthetic),
        "store": row.store,
        "fingerprint": row.fingerprint,
        "protocol": row.protocol,
        "protocol_in_words": group.description,
        "folds": " | ".join(",".join(fold.test) for fold in group.folds),
        "preset": row.preset,
        "seeds": " ".join(map(str, row.seeds)),
        "overrides": json.dumps(row.overrides, ensure_ascii=False) if row.overrides else "",
        "n": row.n,
        "left_out": row.left_out,
    }
    for name in (metric.key for metric in metrics):
        score = None if row.metrics is None else row.metrics.get(name)
        low, high = (score and score.ci95) or (None, None)
        line |= {f"{name}_mean": _field(score, "mean"), f"{name}_std": _field(score, "std")}
        line |= {f"{name}_ci95_low": low, f"{name}_ci95_high": high}
    ties, beside = row.ties, row.published
    line |= {"ties_count": _field(ties, "count"), "ties_share": _field(ties, "share")}
    line |= {"published_f1_micro_mean": _field(beside, "mean")}
    line |= {"published_f1_micro_std": _field(beside, "std")}
    # Columns that came later are last, so that the others keep their positions.
    line |= {"subset": row.subset, "by_speaker": " ".join(row.by_speaker)}
    line |= {"transductive": _bool(row.transductive), "calibrate": row.calibrate}
    line |= {"ensemble": _bool(row.ensemble)}
    return line


def _field(part: Part | None, name: str) -> float | None:
    """A number of a part of a row; None where there is no such part."""
    value: float | None = None if part is None else getattr(part, name)
    return value


def _bool(value: bool) -> str:
    return "true" if value else "false"
