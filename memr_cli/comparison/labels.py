"""The labels of compared results: the method, and what distinguishes two of one method."""

import hashlib
import os
import re
from collections.abc import Sequence

from memr_cli.comparison.evaluated import Evaluated

_LONGEST = 120
"""Characters of a file name, well below what any file system takes."""
_FOREIGN = re.compile(r"[(,] ?in .|[^a-z0-9_. (),+-]")
"""Names that are not memr's own: folders, and characters that its words do not have."""


def labels(results: Sequence[Evaluated]) -> tuple[str, ...]:
    """A name for each result, unique among them: `lexical`, `acoustic (normalize speaker)`."""
    told = [result.method for result in results]
    for method in dict.fromkeys(told):
        same = [place for place, result in enumerate(results) if result.method == method]
        if len(same) > 1:
            for place, words in zip(same, _apart([results[p] for p in same]), strict=True):
                told[place] = f"{method} ({words})"
    return tuple(told)


def _apart(results: Sequence[Evaluated]) -> list[str]:
    """Words in which each of several results of one method differs from the others."""
    facts = [_facts(result) for result in results]
    names = sorted({name for fact in facts for name in fact})
    telling = [name for name in names if len({fact.get(name) for fact in facts}) > 1]
    words = [
        ", ".join(f"{name} {fact.get(name, 'as preset')}" for name in telling) for fact in facts
    ]
    if len(set(words)) == len(words):
        return words
    folders = _folders(results)
    return [
        f"{word}, in {folder}" if word else f"in {folder}"
        for word, folder in zip(words, folders, strict=True)
    ]


def _facts(result: Evaluated) -> dict[str, str]:
    hows = result.normalize
    alone = len(hows) == 1
    normalize = {"normalize" if alone else f"normalize {name}": hows[name] for name in hows}
    several = {"protocol": result.protocol, "subset": result.settings.subset}
    seeds = {"seeds": " ".join(map(str, result.settings.all_seeds))}
    calibrate = {"calibrate": result.settings.calibrate or "none"}
    ensemble = {"ensemble": "yes" if result.settings.ensemble else "no"}
    return {
        **normalize,
        **result.result.training_choices,
        **calibrate,
        **several,
        **seeds,
        **ensemble,
    }


def _folders(results: Sequence[Evaluated]) -> list[str]:
    """The end of each result's folder, as long as it takes to tell them apart."""
    parts = [result.folder.root.resolve().parts for result in results]
    for length in range(1, max(map(len, parts)) + 1):
        ends = ["/".join(part[-length:]) for part in parts]
        if len(set(ends)) == len(ends):
            return ends
    # One method of one folder, but under several protocols, which the facts tell apart.
    return [os.fspath(result.folder.root) for result in results]


def file_name(told: Sequence[str]) -> str:
    """The names joined by +, fit for any file system and no longer than it takes.

    In alphabetical order, so that the same methods in another order replace the file. A digest of
    the names joins them where they would be too long, and where they name folders: those may differ
    in signs that a file's name does not have.
    """
    safe = (re.sub(r"[^a-z0-9_.]+", "-", label.lower()).strip("-.") for label in told)
    name = "+".join(sorted(safe))
    if len(name) <= _LONGEST and not any(map(_FOREIGN.search, told)):
        return name
    whole = "\n".join(sorted(told)).encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(whole).hexdigest()[:8]
    return f"{name[:_LONGEST]}-{digest}"
