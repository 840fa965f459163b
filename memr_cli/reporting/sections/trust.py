"""What training and test share, and the notes on the results."""

from memr_cli.reporting import words
from memr_cli.reporting.groups import Group
from memr_cli.reporting.section import Context, Part
from memr_cli.results.evaluation import Evaluation


def leakage(group: Group) -> list[str]:
    """What training and test share, one sentence each."""
    shared = max(result.leakage.speakers for result in group.results)
    who = {0: "No speaker is", 1: "1 speaker is"}.get(shared, f"{words.whole(shared)} speakers are")
    speakers = f"{who} tested in a fold that also trains on them."
    lines = [speakers, _dialogues(group), *_identical(group)]
    if group.terms.by_speaker:
        methods = [one.method for one in group.results if one.settings.by_speaker]
        whose = "" if methods == [*group.methods] else f" of {words.listed(methods)}"
        lines.append(
            f"Features of test speakers shape the input{whose}: {words.by_speaker(group)}."
        )
    if group.seeing_dialogues:
        lines.append(
            f"Turns of test dialogues shape what is learned: {words.seeing_dialogues(group)}."
        )
    return lines


def _dialogues(group: Group) -> str:
    shared = group.reference.leakage.dialogues
    share = None if shared is None else shared.share
    if share is None:
        return "The corpus names no dialogues, so those shared with training cannot be counted."
    if share == 0:
        return "No test utterance belongs to a dialogue that is also in training."
    text = (
        f"{words.percent(share)}{words.SPACE}% of the test utterances belong to a dialogue "
        "that is also in training"
    )
    if group.protocol in ("speaker", "loso"):
        text += "; protocol session avoids this where the corpus names its sessions"
    return text + "."


def _identical(group: Group) -> list[str]:
    shares: dict[str, float] = {}
    for result in sorted(group.results, key=lambda result: result.n):
        found = result.leakage.identical.items()
        shares.update({name: one.share for name, one in found if one.share is not None})
    if not shares:
        return []
    if not any(shares.values()):
        return [f"No test vector occurs bit for bit in training ({words.listed(sorted(shares))})."]
    ordered = sorted(shares.items(), key=lambda entry: (-entry[1], entry[0]))
    parts = [f"{name} {words.percent(share)}{words.SPACE}%" for name, share in ordered]
    return [f"Test vectors that occur bit for bit in training: {', '.join(parts)}."]


def remarks(group: Group) -> list[str]:
    """Ties and the notes of the results, one line each."""
    lines = [_ties(result) for result in group.results if result.ties and result.ties.count]
    notes: dict[str, list[str]] = {}
    for result in group.results:
        for note in result.notes:
            notes.setdefault(words.plain(note), []).append(result.method)
    everyone = list(group.methods)
    for note, methods in notes.items():
        whose = "All methods" if methods == everyone and len(methods) > 1 else ", ".join(methods)
        lines.append(f"{whose}: {note.rstrip('.')}.")
    return lines


def _ties(result: Evaluation) -> str:
    count, share = (result.ties.count, result.ties.share) if result.ties else (0, 0.0)
    number = f"{words.counted(count, 'decision')} ({words.percent(share)}{words.SPACE}%)"
    if 0 < len(result.settings.modalities) < 3:
        order = ", ".join(result.class_names[:3]) + ("…" if len(result.class_names) > 3 else "")
        return (
            f"{result.method}: only {words.listed(result.settings.modalities)} can vote, so every "
            f"disagreement is a tie, and a tie goes to the class that comes first ({order}). "
            f"This rule made {number}."
        )
    return f"{result.method}: {number} were tied and went to the class that comes first."


def trust(context: Context) -> list[Part]:
    """What training and test share, and what else a reader should know of the results."""
    shared = Part("shared", "What training and test share", lines=tuple(leakage(context.group)))
    notes = tuple(remarks(context.group))
    return [shared, Part("notes", "Notes", lines=notes)] if notes else [shared]
