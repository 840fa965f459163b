"""How methods weigh modalities: by utterance, and by what combinations learned."""

from collections.abc import Sequence

from memr_cli.reporting import words
from memr_cli.reporting.evaluated import Evaluated
from memr_cli.reporting.figures.canvas import Drawing
from memr_cli.reporting.groups import Group
from memr_cli.reporting.parts.part import Part, of
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.reporting.weighing import ModalityWeights, Weights

_MEANING = (
    "A weight says how much of what a method makes of a modality goes into its decision. It does "
    "not explain the decision, and names no cause: modalities that carry the same can stand in for "
    "each other, and models of equal scores may weigh them otherwise. What a modality is worth is "
    "told by scores without it."
)


def parts(group: Group, figures: Sequence[Drawing]) -> list[Part]:
    """Weights by emotion, and weights of combinations, each where a method has them."""
    weighing = [
        (one, one.modality_weights) for one in group.results if one.modality_weights is not None
    ]
    learned = [one for one in group.results if one.fusion]
    found = []
    if weighing:
        sentence = " ".join(_sentence(one.method, given) for one, given in weighing)
        drawn, table = of(figures, "weights"), _by_class(group, weighing)
        title = "Weights of modalities by emotion"
        found.append(Part("weights", title, sentence, drawn, (table,), (_MEANING,)))
    if learned:
        sentence = " ".join(map(_learned_sentence, learned))
        weighted = [one for one in learned if _weights(one)]
        tables = (_fitted(weighted),) * bool(weighted)
        found.append(Part("fusion", "What combinations learned", sentence, (), tables))
    return found


def _sentence(method: str, given: ModalityWeights) -> str:
    """Which modality weighs most, and between which classes that varies."""
    first = max(given.mean, key=lambda name: given.mean[name])
    text = f"{method} gives {first} the most weight, {given.mean[first]:.2f} on average"
    if len(given.by_class) > 1:
        (low, lowest), (high, highest) = given.ends(first)
        text += f", from {low:.2f} ({lowest}) to {high:.2f} ({highest})"
    return f"{text}."


def _by_class(group: Group, weighing: Sequence[tuple[Evaluated, ModalityWeights]]) -> Captioned:
    names = list(dict.fromkeys(name for _, given in weighing for name in given.modalities))
    rows = []
    for one, given in weighing:
        rows.append((one.method, "all", words.whole(given.n), *_cells(names, given.mean)))
        for label in group.class_names:
            if label in given.by_class:
                n, mean = given.by_class[label]
                rows.append((one.method, label, words.whole(n), *_cells(names, mean)))
    caption = (
        "Mean weights over the predictions of utterances that have every modality of the method, "
        "by true class. n: predictions, one for each utterance"
        f"{' and seed' if any(one.runs > 1 for one, _ in weighing) else ''}."
    )
    table = Table(("Method", "Class", "n", *names), tuple(rows), left=2)
    return Captioned(table, "Weights of modalities", caption)


def _cells(names: Sequence[str], given: Weights) -> list[str]:
    return [f"{given[name]:.3f}" if name in given else words.ABSENT for name in names]


def _learned_sentence(one: Evaluated) -> str:
    """From how much a combination learned what it weighs."""
    rows = [fold.n for fold in one.fusion]
    least, most = words.whole(min(rows)), words.whole(max(rows))
    extent = most if least == most else f"{least} to {most}"
    text = f"{one.method} is fitted in each fold on {extent} validation rows"
    lacking = sum(not fold.learned for fold in one.fusion)
    if lacking:
        text += f" (too few to learn from in {lacking} of {words.counted(len(rows), 'fit')})"
    weights = _weights(one)
    if not weights:
        return f"{text}; what it learned is in its metrics file."
    means = {name: sum(values) / len(values) for name, values in weights.items()}
    told = words.listed(f"{name} {mean:.2f}" for name, mean in means.items())
    return f"{text}, and weighs on average {told}."


def _weights(one: Evaluated) -> dict[str, list[float]]:
    """By modality, the weights of all folds and seeds; empty where it learned others."""
    found: dict[str, list[float]] = {}
    for fold in one.fusion:
        for name, weight in (fold.weights or {}).items():
            found.setdefault(name, []).append(weight)
    return found


def _fitted(learned: Sequence[Evaluated]) -> Captioned:
    rows = [
        (
            *(one.method, name, f"{sum(values) / len(values):.3f}"),
            f"{min(values):.3f} to {max(values):.3f}",
            words.whole(len(values)),
        )
        for one in learned
        for name, values in _weights(one).items()
    ]
    head = ("Method", "Modality", "Mean weight", "Range", "Fits")
    caption = (
        "One weight for each modality, fitted on validation rows that the members had not been "
        "trained on: mean and range over fits, one for each fold and seed."
    )
    return Captioned(Table(head, tuple(rows), left=2), "Fitted weights", caption, folded=False)
