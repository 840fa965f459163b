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


def and_maybe(schema: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """An object that may have these properties too."""
    return {**schema, "properties": {**schema["properties"], **properties}}


def a_list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def mapping(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


def of_command(name: str, **properties: Any) -> dict[str, Any]:
    """The object of one command, with what every object has."""
    common = {"schema": {"const": f"memr.{name}/1"}, "store": TEXT, "fingerprint": FINGERPRINT}
    return an_object(**{**common, **properties})


OVERLAP = an_object(share=nullable(SHARE), folds=a_list(nullable(SHARE)))
SHARED = an_object(
    share=nullable(SHARE), folds=a_list(nullable(SHARE)), as_context={"type": "boolean"}
)

METRIC = an_object(
    mean=nullable(SHARE),
    std=nullable(SHARE),
    folds=a_list(nullable(SHARE)),
    seeds=a_list(nullable(SHARE)),
    pooled=nullable(SHARE),
    ci95=nullable({"type": "array", "items": SHARE, "minItems": 2, "maxItems": 2}),
)

NUMBER = {"type": "number"}
INTERVAL = nullable({"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2})
MEASURE = nullable(
    an_object(mean=NUMBER, std=NUMBER, folds=a_list(NUMBER), seeds=a_list(NUMBER), pooled=NUMBER)
)
CALIBRATION = an_object(
    brier=MEASURE,
    ece=MEASURE,
    aurc=MEASURE,
    bins=nullable(a_list(an_object(confidence=SHARE, accuracy=SHARE, n=COUNT))),
    temperatures=nullable(a_list(an_object(fold=COUNT, seed=COUNT, temperature=NUMBER))),
)
GROUPS = mapping(an_object(n=COUNT, f1_micro=SHARE, uar=SHARE))
FUSION = a_list(
    an_object(
        fold=COUNT, seed=COUNT, n=COUNT, fitted={"type": "boolean"}, parameters={"type": "object"}
    )
)
WEIGHTS = an_object(
    modalities=TEXTS, n=COUNT, mean=mapping(SHARE), by_class=mapping(mapping(NUMBER))
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

PROTOCOL = an_object(name=TEXT, description=TEXT)
DIFFERENCE = an_object(
    first=NUMBER,
    second=NUMBER,
    difference=NUMBER,
    ci95=INTERVAL,
    p=SHARE,
    p_holm=SHARE,
    t=an_object(statistic=nullable(NUMBER), df=COUNT, p=nullable(SHARE)),
)
SPREAD = an_object(mean=NUMBER, std=NUMBER)
SCORE = an_object(mean=NUMBER, std=NUMBER, ci95=INTERVAL)


def every_metric(value: dict[str, Any]) -> dict[str, Any]:
    return an_object(accuracy=value, uar=value, f1_macro=value)


SCHEMAS: dict[str, dict[str, Any]] = {
    "synth": of_command("synth", store={"type": "null"}, fingerprint={"type": "null"}),
    "ingest": of_command(
        "ingest", **CORPUS, problems=a_list(PROBLEM), seconds=SECONDS, reused=FLAG
    ),
    "layouts": an_object(name=TEXT, description=TEXT, source=TEXT),
    "schema": {"type": "object", "required": ["$schema", "$defs"]},
    "info": of_command("info", **CORPUS, methods=TEXTS, unsupported=mapping(TEXT)),
    "check": of_command(
        "check",
        violations=a_list(an_object(rule=TEXT, where=TEXT, found=TEXT, expected=TEXT)),
    ),
    "train": of_command("train", **TRAINING),
    "fuse": of_command("fuse", **TRAINING),
    "evaluate": and_maybe(
        of_command(
            "evaluate",
            method=TEXT,
            preset={"enum": ["default", "original"]},
            protocol=an_object(name=TEXT, folds=a_list(FOLD)),
            settings=an_object(
                seed=COUNT,
                seeds=COUNT,
                refit=FLAG,
                overrides={"type": "object"},
                subset={"enum": ["all", "improvised", "scripted"]},
                normalize=mapping({"enum": ["global", "speaker"]}),
                calibrate=nullable({"const": "temperature"}),
                ensemble=FLAG,
            ),
            transductive=FLAG,
            calibration=CALIBRATION,
            by_speaker=GROUPS,
            by_session=nullable(GROUPS),
            n=COUNT,
            metrics=an_object(
                f1_micro=METRIC, accuracy=METRIC, uar=METRIC, f1_macro=METRIC, f1_weighted=METRIC
            ),
            per_class=mapping(an_object(precision=SHARE, recall=SHARE, f1=SHARE, support=COUNT)),
            confusion=an_object(
                labels=TEXTS, counts=a_list(a_list(COUNT)), folds=a_list(a_list(a_list(COUNT)))
            ),
            leakage=an_object(
                speakers=COUNT, dialogues=nullable(SHARED), identical=mapping(OVERLAP)
            ),
            files=an_object(metrics=TEXT, predictions=TEXT, checkpoints=TEXTS),
            notes=TEXTS,
            seconds=SECONDS,
            reused=FLAG,
        ),
        fusion=FUSION,
        modality_weights=nullable(WEIGHTS),
    ),
    "compare": of_command(
        "compare",
        synthetic=FLAG,
        protocol=PROTOCOL,
        methods=a_list(an_object(label=TEXT, method=TEXT, metrics=TEXT, preset=TEXT, n=COUNT)),
        subset=TEXT,
        normalize=mapping({}),
        seeds=a_list(COUNT),
        n=COUNT,
        left_out=COUNT,
        clusters=an_object(kind={"enum": ["sessions", "speakers"]}, n=COUNT),
        replicates=an_object(bootstrap=COUNT, permutation=COUNT),
        pairs=a_list(
            an_object(
                first=TEXT,
                second=TEXT,
                metrics=an_object(accuracy=DIFFERENCE, uar=DIFFERENCE, f1_macro=DIFFERENCE),
                sentence=TEXT,
            )
        ),
        notes=TEXTS,
        files=an_object(comparison=TEXT),
        seconds=SECONDS,
    ),
    "audit": of_command(
        "audit",
        synthetic=FLAG,
        protocol=PROTOCOL,
        subset=TEXT,
        findings=a_list(
            an_object(
                code={"type": "string", "pattern": "^[a-z_]+$"},
                severity={"enum": ["info", "warning", "severe"]},
                modality=nullable(TEXT),
                value=nullable(NUMBER),
                message=TEXT,
                action=TEXT,
            )
        ),
        counts=an_object(info=COUNT, warning=COUNT, severe=COUNT),
        probes={"type": "object"},
        notes=TEXTS,
        files=an_object(audit=TEXT),
        seconds=SECONDS,
    ),
    "ablate": of_command(
        "ablate",
        synthetic=FLAG,
        method=TEXT,
        preset={"enum": ["default", "original"]},
        protocol=PROTOCOL,
        settings={"type": "object"},
        n=COUNT,
        modalities=TEXTS,
        subsets=a_list(
            an_object(
                modalities=TEXTS,
                metrics=every_metric(SCORE),
                retrained=nullable({"type": "object"}),
            )
        ),
        shapley=every_metric(mapping(an_object(value=NUMBER, ci95=INTERVAL))),
        shapley_retrained=nullable({"type": "object"}),
        noise=a_list(
            an_object(modality=nullable(TEXT), level=NUMBER, metrics=every_metric(SPREAD))
        ),
        loss=a_list(an_object(modality=nullable(TEXT), share=SHARE, metrics=every_metric(SPREAD))),
        notes=TEXTS,
        files=an_object(ablation=TEXT),
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
