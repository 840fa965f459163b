"""Score one method: what a run does where no fresh result is saved.

Apart from `runs`, since a fresh result is read without any of this being loaded.
"""

from collections.abc import Iterator

import msgspec

from memr_cli.experiment.keys import versions
from memr_cli.experiment.models import Models, ensure_models
from memr_cli.experiment.predictions import Scored, fusion_notes, predict
from memr_cli.experiment.scoring import Scores
from memr_cli.experiment.trial import Trial
from memr_cli.results.evaluation import Evaluation, Fusion
from memr_cli.results.hashes import hashes
from memr_cli.results.saved import save
from memr_cli.results.schema import UNSET, Protocol, UnsetType, sealed
from memr_cli.results.training import FusionTraining, Run, Training


def train(trial: Trial, command: str) -> Training:
    """Make the models of one method; for a combination, those of its members."""
    trial.refuse_unlearnable()
    kind = FusionTraining if command == "fuse" else Training
    models = [ensure_models(member, check_arrays=False) for member in trial.members]
    runs = tuple(_history(trial, models[0]))
    unscored = all(run.validation_f1_micro is None for run in runs)
    experiment = trial.experiment
    return kind(
        store=str(experiment.place.store),
        fingerprint=experiment.store.fingerprint,
        method=trial.name,
        preset=str(experiment.settings.preset),
        protocol=Protocol(name=trial.protocol),
        settings=trial.settings(models),
        transductive=trial.is_transductive,
        folds=runs,
        notes=(
            *(["nothing is validated here, so validation_f1_micro is null"] if unscored else []),
            *trial.notes(),
        ),
        reused=all(one.reused for one in models),
    )


def _history(trial: Trial, models: Models) -> Iterator[Run]:
    """How training went, fold by fold; a combination has members and no weights of its own."""
    for slot in models.slots:
        if trial.combination is not None or slot.facts is None:
            yield Run(
                fold=slot.fold,
                seed=slot.seed,
                epochs=None,
                best_epoch=None,
                train_loss=None,
                validation_f1_micro=None,
                members=tuple(member.method.name for member in trial.members),
                checkpoint=None,
            )
            continue
        yield Run(
            fold=slot.fold,
            seed=slot.seed,
            epochs=slot.facts.epochs,
            best_epoch=slot.facts.best_epoch,
            train_loss=slot.facts.train_loss,
            validation_f1_micro=slot.facts.validation_f1_micro,
            checkpoint=str(slot.path),
        )


def evaluate(trial: Trial, key: str) -> Evaluation:
    """Score one method, making the models that are missing or stale, and save the result."""
    _ = trial.folds  # refuses before anything is trained
    scored = predict(trial)
    experiment, folder = trial.experiment, trial.folder
    scores = Scores(trial, scored)
    predictions = folder.predictions(trial.protocol, trial.name)
    models = [member.models for member in trial.members]
    paths = [predictions, *(slot.path for one in models for slot in one.slots)]
    vouched = [folder.relative(path) for path in paths]
    scored.predictions.write(predictions)
    left_out = sum(len(fold.test) for fold in experiment.folds) - scores.n
    result = Evaluation(
        store=str(experiment.place.store),
        fingerprint=experiment.store.fingerprint,
        method=trial.name,
        preset=str(experiment.settings.preset),
        settings=trial.settings(models),
        synthetic=trial.data.synthetic,
        protocol=scores.protocol,
        n=scores.n,
        metrics=scores.metrics,
        per_class=scores.per_class,
        confusion=scores.confusion,
        calibration=scores.calibration,
        by_speaker=scores.by_speaker,
        by_session=scores.by_session,
        leakage=scores.leakage,
        modality_weights=scores.modality_weights,
        ties=scores.ties,
        notes=(
            *left_out_note(left_out, left_out + scores.n, trial),
            *scores.notes(),
            *_ensemble_notes(trial),
            *fusion_notes(scored.fusions),
            *trial.notes(),
        ),
        fusion=_fusions(trial, scored),
        transductive=trial.is_transductive,
        files=folder.files(trial.protocol, trial.name, vouched),
        versions=versions(),
        key=key,
        left_out=left_out,
        hashes=hashes(folder, vouched),
    )
    result = sealed(result)
    save(trial.path, result)
    return msgspec.structs.replace(result, reused=False)


def _fusions(trial: Trial, scored: Scored) -> tuple[Fusion, ...] | UnsetType:
    """What a combination learned, by seed and fold."""
    if not scored.fusions:
        return UNSET
    names = [member.method.name for member in trial.members]
    runs = sorted(scored.fusions.values(), key=lambda fusion: (fusion.seed, fusion.fold))
    return tuple(run.as_result(names, trial.data.class_names) for run in runs)


def _ensemble_notes(trial: Trial) -> Iterator[str]:
    """Seeds that are averaged, or are not though that was asked for."""
    asked = trial.experiment.settings
    if trial.is_ensemble:
        yield (
            f"the probabilities of {asked.n_seeds} seeds are averaged, so metrics have one run "
            "for all"
        )
    elif asked.ensemble:
        yield "seeds are not averaged, since shares of votes are no probabilities"


def left_out_note(left_out: int, tested: int, trial: Trial) -> Iterator[str]:
    """Yield a note on labelled test utterances that the method cannot score."""
    if left_out:
        yield (
            f"{left_out} of {tested} labelled test utterances are left out, since the "
            f"{', '.join(trial.modalities)} features that the method needs are missing"
        )
