"""Whether a study goes with the results of a group, and why it goes with none."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from memr_cli.reporting import words
from memr_cli.reporting.groups import Group
from memr_cli.results.ablation import Ablation
from memr_cli.results.comparison import Comparison
from memr_cli.reporting.groups import Terms
from memr_cli.results.settings import Settings

_KINDS = {Comparison: "comparison", Ablation: "ablation"}


def belongs(study: Study, group: Group) -> bool:
    """Whether it was made from the same content, under the same protocol and settings."""
    made_on = (study.store, study.fingerprint, study.protocol, study.subset)
    if made_on != (group.store, group.fingerprint, group.protocol, group.terms.subset):
        return False
    if isinstance(study, Comparison):
        return any(_is_of(one.method, one.preset, one.settings, group) for one in study.methods)
    return not [*_unlike(study, group)]


def _is_of(method: str, preset: str, settings: Settings, group: Group) -> bool:
    result = group.get(method)
    if result is None:
        return False
    theirs = result.terms if result.votes else group.terms
    return Terms.of(preset, settings).agree(theirs)


def why_left_out(study: Study, groups: Sequence[Group]) -> str:
    """Why it belongs to none of the groups, and what to run."""
    kind = _KINDS.get(type(study), "audit")
    protocol = study.protocol
    alike = [one for one in groups if one.protocol == protocol]
    if not alike:
        return (
            f"No method is evaluated under protocol {protocol}, so its {kind}, {study.path}, is "
            f"left out of the report. Run `memr evaluate --protocol {protocol}`."
        )
    left_out = f"{study.path} is left out of the report: "
    of_store = [one for one in alike if one.store == study.store]
    if not of_store:
        stores = words.listed(dict.fromkeys(one.store for one in alike))
        return (
            f"{left_out}it is of the store {study.store}, and the results under protocol "
            f"{protocol} are of {stores}. Give every store a folder of its own with --out."
        )
    of_content = [one for one in of_store if one.fingerprint == study.fingerprint]
    if not of_content:
        # Which content the store has now is not known here; evaluating again reuses what is fresh.
        evaluate = asking.typed(asking.evaluate(of_store[0]))
        return (
            f"{left_out}the results under protocol {protocol} were made from other content of "
            f"{study.store} than this {kind}. Run {evaluate} again; if this stays, run "
            f"{asking.again(study)} again."
        )
    nearest = min(of_content, key=lambda one: len([*_unlike(study, one)]))
    return (
        f"{left_out}it was made with other settings than the results here "
        f"({'; '.join(_unlike(study, nearest))}). Run {asking.again(study, nearest)} again."
    )


def _unlike(study: Study, group: Group) -> Iterator[str]:
    """The settings in which a study is unlike a group's results, first its own."""
    if study.subset != group.terms.subset:
        yield f"subset {study.subset}, not {group.terms.subset}"
    if isinstance(study, Ablation):
        yield from _unlike_terms(Terms.of(study.preset, study.settings), group, decides=True)
        result = group.get(study.method)
        # The number of folds is told by the description alone.
        if result is not None and result.description != study.description:
            yield f"{study.description}, not {result.description}"
    elif isinstance(study, Comparison):
        here = [one for one in study.methods if group.get(one.method) is not None]
        if not here:
            yield f"none of {words.listed(one.method for one in study.methods)} is evaluated"
        else:
            terms = [Terms.of(one.preset, one.settings) for one in here]
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
