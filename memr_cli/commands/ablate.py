"""The command `memr ablate`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from memr_cli.commands.options import CommonOptions, FusionTrainingOptions, with_option_groups

if TYPE_CHECKING:
    from memr_cli.results.ablation import Ablation, LossPoint, NoisePoint, Worth
    from memr_cli.results.schema import Interval


@with_option_groups
def ablate(
    training: FusionTrainingOptions,
    common: CommonOptions,
    method: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="METHOD",
            help="Methods to ablate, of several modalities each. Default: early.",
            show_default=False,
        ),
    ] = None,
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain",
            help="Train with each subset of modalities alone too: absent throughout, not only at "
            "test time.",
        ),
    ] = False,
) -> None:
    """What each modality is worth: scores without it, under noise and under random loss.

    Every subset of the modalities is scored, and each modality's Shapley value follows: what it
    adds to the score, averaged over all orders in which modalities may be added. Models that are
    missing or stale are trained first; what is fresh is reused.

    \b
    Examples:
      memr ablate
      memr ablate early late --protocol session --seeds 3
      memr ablate early --modality-dropout 0.3 --out dropout/
      memr ablate early --retrain | jq .shapley_retrained.accuracy
    """
    from memr_cli import api

    said: set[str] = set()
    with common.console() as console:

        def show(result: "Ablation") -> None:
            console.emit(result, rows(result))
            for sentence in sentences(result):
                if sentence not in said:
                    console.notice(sentence)
                    said.add(sentence)

        api.ablate(
            common.store,
            method or ["early"],
            retrain=retrain,
            each=show,
            **training.keywords(common, console),
        )
        console.notice(f"ablations are in {common.folder / 'ablations' / training.protocol}.")


def rows(result: "Ablation") -> Iterator[dict[str, str]]:
    """Yield table rows: every subset of the modalities, the largest first, then their worths."""
    for subset in reversed(result.subsets):
        score = subset.metrics["accuracy"]
        spread = "" if score.std is None else f" ± {100 * score.std:.1f}"
        yield {
            "method": result.method,
            "at test time": "+".join(subset.modalities) or "nothing",
            "accuracy %": _percent(score.mean) + spread,
            "95 % interval": _interval(score.ci95) or "-",
            "UAR %": _percent(subset.metrics["uar"].mean),
            **(
                {}
                if subset.retrained is None
                else {"retrained %": _percent(subset.retrained["accuracy"].mean)}
            ),
        }
    again = result.shapley_retrained
    for modality in result.modalities:
        worth = {name: values[modality] for name, values in result.shapley.items()}
        yield {
            "method": result.method,
            "at test time": f"worth of {modality}",
            "accuracy %": _percent(worth["accuracy"].value),
            "95 % interval": _interval(worth["accuracy"].ci95) or "-",
            "UAR %": _percent(worth["uar"].value),
            **(
                {}
                if again is None
                else {"retrained %": _percent(again["accuracy"][modality].value)}
            ),
        }


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _interval(ci95: "Interval | None") -> str:
    return "" if ci95 is None else " to ".join(f"{100 * bound:.1f}" for bound in ci95)


def sentences(result: "Ablation") -> Iterator[str]:
    """Yield what a person should take from it, then what they should know about it."""
    name, subsets = result.method, result.subsets
    full, nothing = subsets[-1].metrics["accuracy"].mean, subsets[0].metrics["accuracy"].mean
    if full is not None and nothing is not None:
        worth = result.shapley["accuracy"]
        parts = ", ".join(_worth(modality, worth[modality]) for modality in result.modalities)
        yield (
            f"{name}: of the {100 * (full - nothing):.1f} points of accuracy between all "
            f"modalities ({100 * full:.1f} %) and none ({100 * nothing:.1f} %), {parts}."
        )
        lost = _accuracy(one for one in result.loss if one.share == 0.5)
        noisy = _accuracy(one for one in result.noise if one.level == 1.0)
        yield (
            f"{name}: accuracy is {lost} with each modality of an utterance lost half of the time, "
            f"and {noisy} with noise of one standard deviation in all features."
        )
    for subset in subsets[:-1]:
        alone = subset.metrics["accuracy"].mean
        if full is not None and alone is not None and alone > full and subset.modalities:
            yield (
                f"{name}: with {' and '.join(subset.modalities)} alone it scores "
                f"{100 * alone:.1f} %, more than with all modalities."
            )
    for note in result.notes:
        yield f"{name}: {note}."


def _worth(modality: str, worth: "Worth") -> str:
    interval = _interval(worth.ci95)
    with_interval = f" (95 % interval {interval})" if interval else ""
    return f"{modality} is worth {_percent(worth.value)}{with_interval}"


def _accuracy(points: "Iterator[NoisePoint | LossPoint]") -> str:
    """Return the accuracy of the point where all modalities are affected."""
    (point,) = (point for point in points if point.modality is None)
    return f"{_percent(point.metrics['accuracy'].mean)} %"
