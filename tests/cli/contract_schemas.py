"""What each command's JSON object promises, as JSON Schema: the fields that scripts rely on.

Written by hand, apart from the types in `memr_cli.results`, to witness that these keep the promise.
"""

from typing import Any

Schema = dict[str, Any]


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def of(schema: Schema, names: str) -> dict[str, Schema]:
    """Properties of one schema, by their names with blanks between."""
    return dict.fromkeys(names.split(), schema)


def an_object(*parts: dict[str, Schema], **properties: Any) -> Schema:
    """An object with all of these properties, and maybe more."""
    every = {name: schema for part in (*parts, properties) for name, schema in part.items()}
    return {"type": "object", "properties": every, "required": list(every)}


def and_maybe(schema: Schema, **properties: Any) -> Schema:
    """An object that may have these properties too."""
    return {**schema, "properties": {**schema["properties"], **properties}}


def a_list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def mapping(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def one_of(*values: str) -> Schema:
    return {"enum": list(values)}


NUMBER, FLAG, TEXT, ANY = {"type": "number"}, {"type": "boolean"}, {"type": "string"}, mapping({})
COUNT = {"type": "integer", "minimum": 0}
SECONDS = {"type": "number", "minimum": 0}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
FINGERPRINT = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
TEXTS, SHARES = a_list(TEXT), a_list(nullable(SHARE))
INTERVAL = nullable({"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2})
SHARE_INTERVAL = nullable({"type": "array", "items": SHARE, "minItems": 2, "maxItems": 2})


def of_command(name: str, *parts: dict[str, Schema], **properties: Any) -> Schema:
    """The object of one command, with what every object has."""
    common = {"schema": {"const": f"memr.{name}/1"}, "store": TEXT, "fingerprint": FINGERPRINT}
    return an_object(common, *parts, **properties)


SCORE = an_object(
    of(nullable(SHARE), "mean std pooled"), of(SHARES, "folds seeds"), ci95=SHARE_INTERVAL
)
MEASURE = nullable(an_object(of(NUMBER, "mean std pooled"), of(a_list(NUMBER), "folds seeds")))
OVERLAP = an_object(share=nullable(SHARE), folds=SHARES)
GROUPS = mapping(an_object(of(SHARE, "f1_micro uar"), n=COUNT))
FOLD = an_object(of(TEXTS, "test validation train"), of(COUNT, "n_train n_validation n_test"))
PROTOCOL = an_object(of(TEXT, "name description"))
PRESET = one_of("default", "original")
STUDIED = "accuracy uar f1_macro f1_weighted"
DIFFERENCE = an_object(
    of(NUMBER, "first second difference"),
    of(SHARE, "p p_holm"),
    ci95=INTERVAL,
    t=an_object(statistic=nullable(NUMBER), df=COUNT, p=nullable(SHARE)),
)
SPREADS = an_object(of(an_object(of(NUMBER, "mean std")), STUDIED))
WITH_INTERVALS = an_object(of(an_object(of(NUMBER, "mean std"), ci95=INTERVAL), STUDIED))
WORTHS = an_object(of(mapping(an_object(value=NUMBER, ci95=INTERVAL)), STUDIED))

CORPUS = {
    **of(COUNT, "utterances labelled"),
    **of(mapping(COUNT), "speakers labels sessions"),
    "modalities": mapping(
        an_object(
            of(COUNT, "present missing"),
            dim=nullable(COUNT),
            frames=an_object(of(nullable(COUNT), "min max"), median=nullable(NUMBER)),
        )
    ),
}
TRAINING = {
    "method": TEXT,
    "notes": TEXTS,
    "seconds": SECONDS,
    "reused": FLAG,
    "folds": a_list(
        an_object(
            of(COUNT, "fold seed"),
            of(nullable(COUNT), "epochs best_epoch"),
            train_loss=nullable(NUMBER),
            validation_f1_micro=nullable(SHARE),
            checkpoint=nullable(TEXT),
        )
    ),
}

SCHEMAS: dict[str, Schema] = {
    "synth": of_command("synth", of({"type": "null"}, "store fingerprint")),
    "ingest": of_command(
        "ingest",
        CORPUS,
        problems=a_list(an_object(of(TEXT, "utterance modality path reason"))),
        seconds=SECONDS,
        reused=FLAG,
    ),
    "layouts": an_object(of(TEXT, "name description source")),
    "schema": {"type": "object", "required": ["$schema", "$defs"]},
    "info": of_command("info", CORPUS, methods=TEXTS, unsupported=mapping(TEXT)),
    "check": of_command(
        "check", violations=a_list(an_object(of(TEXT, "rule where found expected")))
    ),
    "train": of_command("train", TRAINING),
    "fuse": of_command("fuse", TRAINING),
    "evaluate": and_maybe(
        of_command(
            "evaluate",
            of(FLAG, "transductive reused"),
            method=TEXT,
            preset=PRESET,
            protocol=an_object(name=TEXT, folds=a_list(FOLD)),
            settings=an_object(
                of(COUNT, "seed seeds"),
                of(FLAG, "refit ensemble"),
                overrides=ANY,
                subset=one_of("all", "improvised", "scripted"),
                normalize=mapping(one_of("global", "speaker")),
                calibrate=nullable(one_of("temperature")),
            ),
            calibration=an_object(
                of(MEASURE, "brier ece aurc"),
                bins=nullable(a_list(an_object(of(SHARE, "confidence accuracy"), n=COUNT))),
                temperatures=nullable(
                    a_list(an_object(of(COUNT, "fold seed"), temperature=NUMBER))
                ),
            ),
            by_speaker=GROUPS,
            by_session=nullable(GROUPS),
            n=COUNT,
            metrics=an_object(of(SCORE, "f1_micro accuracy uar f1_macro f1_weighted")),
            per_class=mapping(an_object(of(SHARE, "precision recall f1"), support=COUNT)),
            confusion=an_object(
                labels=TEXTS, counts=a_list(a_list(COUNT)), folds=a_list(a_list(a_list(COUNT)))
            ),
            leakage=an_object(
                speakers=COUNT,
                dialogues=nullable(an_object(OVERLAP["properties"], as_context=FLAG)),
                identical=mapping(OVERLAP),
            ),
            files=an_object(of(TEXT, "metrics predictions"), checkpoints=TEXTS),
            notes=TEXTS,
            seconds=SECONDS,
        ),
        fusion=a_list(an_object(of(COUNT, "fold seed n"), fitted=FLAG, parameters=ANY)),
        modality_weights=nullable(
            an_object(
                modalities=TEXTS, n=COUNT, mean=mapping(SHARE), by_class=mapping(mapping(NUMBER))
            )
        ),
    ),
    "compare": of_command(
        "compare",
        of(COUNT, "n left_out"),
        synthetic=FLAG,
        protocol=PROTOCOL,
        methods=a_list(an_object(of(TEXT, "label method metrics preset"), n=COUNT)),
        subset=TEXT,
        normalize=ANY,
        seeds=a_list(COUNT),
        clusters=an_object(kind=one_of("sessions", "speakers"), n=COUNT),
        replicates=an_object(of(COUNT, "bootstrap permutation")),
        pairs=a_list(
            an_object(of(TEXT, "first second sentence"), metrics=an_object(of(DIFFERENCE, STUDIED)))
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
                of(TEXT, "message action"),
                code={"type": "string", "pattern": "^[a-z_]+$"},
                severity=one_of("info", "warning", "severe"),
                modality=nullable(TEXT),
                value=nullable(NUMBER),
            )
        ),
        counts=an_object(of(COUNT, "info warning severe")),
        probes=ANY,
        notes=TEXTS,
        files=an_object(audit=TEXT),
        seconds=SECONDS,
    ),
    "ablate": of_command(
        "ablate",
        of(FLAG, "synthetic reused"),
        of(TEXTS, "modalities notes"),
        method=TEXT,
        preset=PRESET,
        protocol=PROTOCOL,
        settings=ANY,
        n=COUNT,
        subsets=a_list(
            an_object(modalities=TEXTS, metrics=WITH_INTERVALS, retrained=nullable(WITH_INTERVALS))
        ),
        shapley=WORTHS,
        shapley_retrained=nullable(WORTHS),
        noise=a_list(an_object(modality=nullable(TEXT), level=NUMBER, metrics=SPREADS)),
        loss=a_list(an_object(modality=nullable(TEXT), share=SHARE, metrics=SPREADS)),
        files=an_object(ablation=TEXT),
        seconds=SECONDS,
    ),
    "report": of_command(
        "report",
        store=nullable(TEXT),
        fingerprint=nullable(FINGERPRINT),
        files=ANY,
        rows=a_list(ANY),
    ),
}
