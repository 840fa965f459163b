"""Labels of compared results, unique in their comparison, and the file name made from them."""

import hashlib
import os
import re
from collections.abc import Sequence

from memr_cli.comparison.evaluated import Evaluated

_LONGEST = 120
"""Characters of a file name, below the limit of every file system."""
_AMBIGUOUS = re.compile(r"[(,] ?in .|[^a-z0-9_. (),+-]")
"""Names of folders, and characters that a file name replaces: two labels may become one name."""


def labels_of(results: Sequence[Evaluated]) -> tuple[str, ...]:
    """Return a label for each result, such as `lexical` or `acoustic (normalize speaker)`."""
    labels = [result.method for result in results]
    for method in dict.fromkeys(labels):
        same = [number for number, result in enumerate(results) if result.method == method]
        if len(same) > 1:
            found = _distinctions([results[number] for number in same])
            for number, text in zip(same, found, strict=True):
                labels[number] = f"{method} ({text})"
    return tuple(labels)


def _distinctions(results: Sequence[Evaluated]) -> list[str]:
    """Describe how each of several results of one method differs from the others."""
    facts = [_facts(result) for result in results]
    names = sorted({name for fact in facts for name in fact})
    differing = [name for name in names if len({fact.get(name) for fact in facts}) > 1]
    texts = [
        ", ".join(f"{name} {fact.get(name, 'as preset')}" for name in differing) for fact in facts
    ]
    if len(set(texts)) == len(texts):
        return texts
    return [
        f"{text}, in {folder}" if text else f"in {folder}"
        for text, folder in zip(texts, _folders(results), strict=True)
    ]


def _facts(result: Evaluated) -> dict[str, str]:
    settings = result.settings
    normalization = settings.normalization_by_modality
    alone = len(normalization) == 1
    return {
        **{"normalize" if alone else f"normalize {m}": how for m, how in normalization.items()},
        **result.evaluation.training_choices,
        "calibrate": settings.calibrate or "none",
        "protocol": result.protocol,
        "subset": settings.subset,
        "seeds": " ".join(map(str, settings.all_seeds)),
        "ensemble": "yes" if settings.ensemble else "no",
    }


def _folders(results: Sequence[Evaluated]) -> list[str]:
    """Return the end of each result's folder, long enough to tell the folders apart."""
    parts = [result.folder.root.resolve().parts for result in results]
    for length in range(1, max(map(len, parts)) + 1):
        ends = ["/".join(part[-length:]) for part in parts]
        if len(set(ends)) == len(ends):
            return ends
    # Several results of one folder, under several protocols, which the facts tell apart.
    return [os.fspath(result.folder.root) for result in results]


def file_name(labels: Sequence[str], against: str | None = None) -> str:
    """Return a file name for a comparison: `early+lexical`, or `acoustic+early@lexical`.

    against: the label of the one that all others are compared with, after the `@`. Labels are in
    alphabetical order, so the same methods in another order replace the file. Where the name would
    be too long, or two labels could become the same name, it ends with a hash of the labels.
    """
    safe = {label: re.sub(r"[^a-z0-9_.]+", "-", label.lower()).strip("-.") for label in labels}
    name = "+".join(sorted(safe[label] for label in labels if label != against))
    end = "" if against is None else f"@{safe[against]}"
    if len(name + end) <= _LONGEST and not any(map(_AMBIGUOUS.search, labels)):
        return name + end
    whole = "\n".join([*sorted(labels), str(against)]).encode("utf-8", "surrogateescape")
    return f"{name[:_LONGEST]}-{hashlib.sha256(whole).hexdigest()[:8]}{end[: _LONGEST // 2]}"
