"""The rows of the results table as numbers, for JSON and CSV. Scores are fractions."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from memr_cli.files.spreadsheet import as_cell, written
from memr_cli.reporting.groups import Group
from memr_cli.reporting.published import published
from memr_cli.results.evaluation import Score, Ties
from memr_cli.vocabulary import PUBLISHED

_SCORES = ("f1_micro", "uar", "f1_macro", "f1_weighted")


def methods(group: Group) -> list[str]:
    """The five, evaluated or not, then the others that are there."""
    return [*PUBLISHED, *(method for method in group.methods if method not in PUBLISHED)]


def rows(group: Group) -> list[dict[str, Any]]:
    """One object for each method; `metrics` and `n` are null for one that is not evaluated."""
    return [_row(group, method) for method in methods(group)]


def _row(group: Group, method: str) -> dict[str, Any]:
    result, beside = group.get(method), published(group, method)
    return {
        "method": method,
        "evaluated": result is not None,
        "store": group.store,
        "fingerprint": group.fingerprint,
        "synthetic": group.synthetic,
        "protocol": group.protocol,
        "preset": group.preset,
        "folds": len(group.folds),
        "seeds": list(group.seeds),
        "overrides": dict(group.terms.overrides),
        "subset": group.terms.subset,
        "by_speaker": list(group.terms.by_speaker),
        "transductive": result.transductive if result else bool(group.terms.by_speaker),
        "calibrate": group.terms.calibrate,
        "ensemble": result.terms.ensemble if result else group.terms.ensemble,
        "n": result.n if result else None,
        "left_out": result.left_out if result else None,
        "metrics": {k: _score(result.scores[k]) for k in _SCORES} if result else None,
        "ties": _ties(result.ties) if result else None,
        "published": {"mean": beside.mean, "std": beside.std} if beside else None,
    }


def _score(score: Score) -> dict[str, Any]:
    return {"mean": score.mean, "std": score.std, "ci95": list(score.ci95) if score.ci95 else None}


def _ties(ties: Ties | None) -> dict[str, Any] | None:
    return None if ties is None else {"count": ties.count, "share": ties.share}


def shown(rows: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """The same rows for a terminal: equal columns of text, scores in percent.

    What all rows have in common, such as one store, needs no column there.
    """
    terms = [_terms(row) for row in rows]
    told = [name for name in terms[0] if len({term[name] for term in terms}) > 1]
    told += ["corpus"] * any(row["synthetic"] for row in rows)
    return [
        {
            "method": row["method"],
            "F1-micro %": _spread(row, "f1_micro"),
            "95 % interval": _interval(row),
            "UAR %": _spread(row, "uar"),
            "n": "-" if row["n"] is None else str(row["n"]),
            **{name: {**term, "corpus": _corpus(row)}[name] for name in told},
        }
        for row, term in zip(rows, terms, strict=True)
    ]


def _terms(row: dict[str, Any]) -> dict[str, str]:
    return {
        "protocol": row["protocol"],
        "preset": row["preset"],
        "seeds": " ".join(map(str, row["seeds"])),
        "changed": ", ".join(f"{name} {value}" for name, value in row["overrides"].items()),
        "subset": row["subset"],
        "by speaker": " ".join(row["by_speaker"]),
        "calibrated": row["calibrate"] or "no",
        "ensemble": "yes" if row["ensemble"] else "no",
        "store": row["store"],
        "fingerprint": row["fingerprint"].removeprefix("sha256:")[:12],
    }


def _corpus(row: dict[str, Any]) -> str:
    return "synthetic" if row["synthetic"] else "real"


def _spread(row: dict[str, Any], name: str) -> str:
    if not row["evaluated"]:
        return "not evaluated"
    mean, std = (row["metrics"][name][part] for part in ("mean", "std"))
    if mean is None or std is None:
        return "-"
    return f"{100 * mean:.1f}" + (f" ± {100 * std:.1f}" if row["folds"] > 1 else "")


def _interval(row: dict[str, Any]) -> str:
    bounds = row["metrics"]["f1_micro"]["ci95"] if row["evaluated"] else None
    return " to ".join(f"{100 * bound:.1f}" for bound in bounds) if bounds else "-"


def table(groups: Iterable[Group]) -> str:
    """The CSV file: a line for each method of each group, empty where there is no figure."""
    lines = [_flat(row, group) for group in groups for row in rows(group)]
    return written([lines[0], *(map(_cell, line.values()) for line in lines)])


def _cell(value: Any) -> str:
    """A figure as it is, a text so that no spreadsheet takes it for anything else."""
    return as_cell(value) if isinstance(value, str) else "" if value is None else str(value)


def _flat(row: dict[str, Any], group: Group) -> dict[str, Any]:
    line = {
        "method": row["method"],
        "evaluated": _bool(row["evaluated"]),
        "synthetic": _bool(row["synthetic"]),
        "store": row["store"],
        "fingerprint": row["fingerprint"],
        "protocol": row["protocol"],
        "protocol_in_words": group.description,
        "folds": " | ".join(",".join(fold.test) for fold in group.folds),
        "preset": row["preset"],
        "seeds": " ".join(map(str, row["seeds"])),
        "overrides": json.dumps(row["overrides"], ensure_ascii=False) if row["overrides"] else "",
        "n": row["n"],
        "left_out": row["left_out"],
    }
    for name in _SCORES:
        score = (row["metrics"] or {}).get(name) or {}
        low, high = score.get("ci95") or (None, None)
        line |= {f"{name}_mean": score.get("mean"), f"{name}_std": score.get("std")}
        line |= {f"{name}_ci95_low": low, f"{name}_ci95_high": high}
    ties, beside = row["ties"] or {}, row["published"] or {}
    line |= {"ties_count": ties.get("count"), "ties_share": ties.get("share")}
    line |= {"published_f1_micro_mean": beside.get("mean")}
    line |= {"published_f1_micro_std": beside.get("std")}
    # Columns that came later stand last, so that the others keep their places.
    line |= {"subset": row["subset"], "by_speaker": " ".join(row["by_speaker"])}
    line |= {"transductive": _bool(row["transductive"]), "calibrate": row["calibrate"]}
    line |= {"ensemble": _bool(row["ensemble"])}
    return line


def _bool(value: bool) -> str:
    return "true" if value else "false"
