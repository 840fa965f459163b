"""Rows of the tables that a terminal shows in place of JSON."""

from collections.abc import Iterator
from typing import Any


def score_row(result: dict[str, Any]) -> dict[str, str]:
    """One evaluated method; scores in percent, as mean ± standard deviation over folds."""
    metrics = result["metrics"]
    interval = metrics["f1_micro"]["ci95"]
    return {
        "method": result["method"],
        "F1-micro %": _spread(metrics["f1_micro"]),
        "95 % interval": "-"
        if interval is None
        else " to ".join(f"{100 * x:.1f}" for x in interval),
        "UAR %": _spread(metrics["uar"]),
        "F1-macro %": _spread(metrics["f1_macro"]),
        "n": str(result["n"]),
        "reused": "yes" if result["reused"] else "no",
    }


def _spread(metric: dict[str, Any]) -> str:
    if metric["mean"] is None:
        return "-"
    spread = f" ± {100 * metric['std']:.1f}" if len(metric["folds"]) > 1 else ""
    return f"{100 * metric['mean']:.1f}{spread}"


def corpus_rows(content: dict[str, Any]) -> Iterator[dict[str, str]]:
    """What a store holds, one fact a row."""
    facts = {
        "utterances": f"{content['utterances']}, {content['labelled']} labelled",
        "speakers": _counts(content["speakers"]),
        "sessions": _counts(content["sessions"]) or "none",
        "labels": _counts(content["labels"]),
    }
    for name, held in content["modalities"].items():
        frames = held["frames"]
        facts[name] = (
            f"{held['dim']} dims, {held['present']} present, {held['missing']} missing, frames "
            f"{frames['min']} to {frames['max']} (median {frames['median']})"
            if held["present"]
            else "absent"
        )
    facts["synthetic"] = "yes" if content["synthetic"] else "no"
    for fact, value in facts.items():
        yield {"": fact, "what the store holds": value}


def _counts(counts: dict[str, int]) -> str:
    shown = [f"{name} {count}" for name, count in list(counts.items())[:12]]
    more = [f"and {len(counts) - 12} more"] if len(counts) > 12 else []
    return ", ".join(shown + more)
