"""What each command's JSON object promises, as JSON Schema: the fields that scripts rely on."""

from typing import Any

SHARE = {"type": "number", "minimum": 0, "maximum": 1}
COUNT = {"type": "integer", "minimum": 0}
TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
COUNTS = {"type": "object", "additionalProperties": COUNT}
FINGERPRINT = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def an_object(**properties: Any) -> dict[str, Any]:
    """An object with all of these properties, and maybe more."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def a_list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def mapping(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


def of_command(name: str, **properties: Any) -> dict[str, Any]:
    """The object of one command, with what every object has."""
    common = {"schema": {"const": f"memr.{name}/1"}, "store": TEXT, "fingerprint": FINGERPRINT}
    return an_object(**{**common, **properties})


OVERLAP = an_object(share=nullable(SHARE), folds=a_list(nullable(SHARE)))

METRIC = an_object(
    mean=nullable(SHARE),
    std=nullable(SHARE),
    folds=a_list(nullable(SHARE)),
    seeds=a_list(nullable(SHARE)),
    pooled=nullable(SHARE),
    ci95=nullable({"type": "array", "items": SHARE, "minItems": 2, "maxItems": 2}),
)

FOLD = an_object(
    test=TEXTS, validation=TEXTS, train=TEXTS, n_train=COUNT, n_validation=COUNT, n_test=COUNT
)

MODALITY = an_object(
    dim=nullable(COUNT),
    present=COUNT,
    missing=COUNT,
    frames=an_object(min=nullable(COUNT), median=nullable({"type": "number"}), max=nullable(COUNT)),
)

CORPUS = {
    "utterances": COUNT,
    "labelled": COUNT,
    "speakers": COUNTS,
    "labels": COUNTS,
    "sessions": COUNTS,
    "modalities": mapping(MODALITY),
}

PROBLEM = an_object(utterance=TEXT, modality=TEXT, path=TEXT, reason=TEXT)
SECONDS = {"type": "number", "minimum": 0}
FLAG = {"type": "boolean"}

RUN = an_object(
    fold=COUNT,
    seed=COUNT,
    epochs=nullable(COUNT),
    best_epoch=nullable(COUNT),
    train_loss=nullable({"type": "number"}),
    validation_f1_micro=nullable(SHARE),
    checkpoint=nullable(TEXT),
)
TRAINING = {
    "method": TEXT,
    "folds": a_list(RUN),
    "notes": TEXTS,
    "seconds": SECONDS,
    "reused": FLAG,
}

SCHEMAS: dict[str, dict[str, Any]] = {
    "synth": of_command("synth", store={"type": "null"}, fingerprint={"type": "null"}),
    "ingest": of_command(
        "ingest", **CORPUS, problems=a_list(PROBLEM), seconds=SECONDS, reused=FLAG
    ),
    "info": of_command("info", **CORPUS, methods=TEXTS, unsupported=mapping(TEXT)),
    "check": of_command(
        "check",
        violations=a_list(an_object(rule=TEXT, where=TEXT, found=TEXT, expected=TEXT)),
    ),
    "train": of_command("train", **TRAINING),
    "fuse": of_command("fuse", **TRAINING),
    "evaluate": of_command(
        "evaluate",
        method=TEXT,
        preset={"enum": ["default", "original"]},
        protocol=an_object(name=TEXT, folds=a_list(FOLD)),
        settings=an_object(seed=COUNT, seeds=COUNT, refit=FLAG, overrides={"type": "object"}),
        n=COUNT,
        metrics=an_object(
            f1_micro=METRIC, accuracy=METRIC, uar=METRIC, f1_macro=METRIC, f1_weighted=METRIC
        ),
        per_class=mapping(an_object(precision=SHARE, recall=SHARE, f1=SHARE, support=COUNT)),
        confusion=an_object(
            labels=TEXTS, counts=a_list(a_list(COUNT)), folds=a_list(a_list(a_list(COUNT)))
        ),
        leakage=an_object(speakers=COUNT, dialogues=nullable(OVERLAP), identical=mapping(OVERLAP)),
        files=an_object(metrics=TEXT, predictions=TEXT, checkpoints=TEXTS),
        notes=TEXTS,
        seconds=SECONDS,
        reused=FLAG,
    ),
    "report": of_command(
        "report",
        store=nullable(TEXT),
        fingerprint=nullable(FINGERPRINT),
        files={"type": "object"},
        rows=a_list({"type": "object"}),
    ),
}
