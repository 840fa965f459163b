"""What the object of `memr audit` promises, as JSON Schema."""

from typing import Any

from memr_cli.audit.run import CODES

TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


FINDING = closed(
    code={"enum": list(CODES)},
    severity={"enum": ["info", "warning", "severe"]},
    modality={"enum": ["visual", "acoustic", "lexical", None]},
    value={"type": "number"},
    message={**TEXT, "pattern": r"^[A-Z0-9].*\.$"},
    action={**TEXT, "pattern": r"^[A-Z0-9][^{}]*\.$"},
)

AUDIT = closed(
    schema={"const": "memr.audit/1"},
    store=TEXT,
    fingerprint={"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
    synthetic={"type": "boolean"},
    protocol=closed(name=TEXT, description=TEXT),
    subset={"enum": ["all", "improvised", "scripted"]},
    n=COUNT,
    findings={"type": "array", "items": FINDING},
    counts=closed(info=COUNT, warning=COUNT, severe=COUNT),
    probes={"type": "object", "required": ["shared", "classes", "speakers", "modalities"]},
    notes={"type": "array", "items": TEXT},
    files=closed(audit=TEXT),
    seconds={"type": "number", "minimum": 0},
)
