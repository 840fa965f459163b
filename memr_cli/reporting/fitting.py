"""Whether a study goes with the results of a group, and why it goes with none."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from memr_cli.reporting import commands, words
from memr_cli.reporting.groups import Group, Terms, store_name
from memr_cli.results.ablation import Ablation
from memr_cli.results.audit import Audit
from memr_cli.results.comparison import ComparedMethod, Comparison

AnyStudy = Comparison | Ablation | Audit
_KINDS = {Comparison: "comparison", Ablation: "ablation"}


def belongs(study: AnyStudy, group: Group) -> bool:
    """Whether it was made from the same content, under the same protocol and settings."""
    made_on = (store_name(study), study.fingerprint, study.protocol.name, subset_of(study))
    if made_on != (group.store, group.fingerprint, group.protocol, group.terms.subset):
        return False
    if isinstance(study, Comparison):
        return any(_is_of(one, group) for one in study.methods)
    return not [*_unlike(study, group)]


def subset_of(study: AnyStudy) -> str:
    """Return the dialogues that a study is about."""
    return study.settings.subset if isinstance(study, Ablation) else study.subset


def _is_of(compared: ComparedMethod, group: Group) -> bool:
    result = group.get(compared.method)
    if result is None:
        return False
    theirs = Terms.of(result) if result.votes else group.terms
    return Terms.of(compared).agree(theirs)


def why_left_out(path: Path, study: AnyStudy, groups: Sequence[Group]) -> str:
    """Why it belongs to none of the groups, and what to run."""
    kind = _KINDS.get(type(study), "audit")
    protocol, store = study.protocol.name, store_name(study)
    alike = [one for one in groups if one.protocol == protocol]
    if not alike:
        return (
            f"No method is evaluated under protocol {protocol}, so its {kind}, {path}, is "
            f"left out of the report. Run `memr evaluate --protocol {protocol}`."
        )
    left_out = f"{path} is left out of the report: "
    of_store = [one for one in alike if one.store == store]
    if not of_store:
        stores = words.listed(dict.fromkeys(one.store for one in alike))
        return (
            f"{left_out}it is of the store {store}, and the results under protocol "
            f"{protocol} are of {stores}. Give every store a folder of its own with --out."
        )
    of_content = [one for one in of_store if one.fingerprint == study.fingerprint]
    if not of_content:
        # Which content the store has now is not known here; evaluating again reuses what is fresh.
        evaluate = commands.typed(commands.evaluate(of_store[0]))
        return (
            f"{left_out}the results under protocol {protocol} were made from other content of "
            f"{store} than this {kind}. Run {evaluate} again; if this stays, run "
            f"{commands.again(study)} again."
        )
    nearest = min(of_content, key=lambda one: len([*_unlike(study, one)]))
    return (
        f"{left_out}it was made with other settings than the results here "
        f"({'; '.join(_unlike(study, nearest))}). Run {commands.again(study, nearest)} again."
    )


def _unlike(study: AnyStudy, group: Group) -> Iterator[str]:
    """The settings in which a study is unlike a group's results, first its own."""
    if subset_of(study) != group.terms.subset:
        yield f"subset {subset_of(study)}, not {group.terms.subset}"
    if isinstance(study, Ablation):
        yield from _unlike_terms(Terms.of(study), group, decides=True)
        result = group.get(study.method)
        # The number of folds is told by the description alone.
        if result is not None and result.protocol.description != study.protocol.description:
            yield f"{study.protocol.description}, not {result.protocol.description}"
    elif isinstance(study, Comparison):
        here = [one for one in study.methods if group.get(one.method) is not None]
        if not here:
            yield f"none of {words.listed(one.method for one in study.methods)} is evaluated"
        else:
            terms = [Terms.of(one) for one in here]
            yield from min(([*_unlike_terms(one, group)] for one in terms), key=len)


def _unlike_terms(terms: Terms, group: Group, *, decides: bool = False) -> Iterator[str]:
    """decides: whether it is of decisions of single seeds, which nothing calibrates or averages."""
    theirs = group.terms
    ours = terms
    if decides:
        ours = replace(terms, calibrate=theirs.calibrate, ensemble=theirs.ensemble)
    pairs = (
        ("preset", ours.preset, theirs.preset),
        ("seeds", _named(ours.seeds), _named(theirs.seeds)),
        ("changed", _changed(ours), _changed(theirs)),
        ("calibrated", ours.calibrate or "no", theirs.calibrate or "no"),
        ("ensemble", "yes" if ours.ensemble else "no", "yes" if theirs.ensemble else "no"),
    )
    yield from (f"{name} {one}, not {other}" for name, one, other in pairs if one != other)
    for name in sorted(ours.normalize.keys() & theirs.normalize.keys()):
        if ours.normalize[name] != theirs.normalize[name]:
            yield f"{name} normalised {ours.normalize[name]}, not {theirs.normalize[name]}"


def _named(seeds: Sequence[int]) -> str:
    return " ".join(map(str, seeds))


def _changed(terms: Terms) -> str:
    return ", ".join(f"{k} {v}" for k, v in sorted(terms.overrides.items())) or "nothing"
