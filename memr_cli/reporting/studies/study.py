"""What comparisons, ablations and audits have in common: what they were made on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from memr_cli.reporting.evaluated import store_file_name
from memr_cli.reporting.values import flag, named, text, texts


@dataclass(frozen=True)
class Study:
    """path: of the file that tells it. description: the protocol in words."""

    path: PurePath
    store: str
    fingerprint: str
    synthetic: bool
    protocol: str
    description: str
    subset: str
    notes: tuple[str, ...]

    @classmethod
    def shared(cls, value: Mapping[str, Any], path: PurePath) -> dict[str, Any]:
        """These fields, read from an object's own; `settings` tells the subset where it does not.

        Raises KeyError, TypeError, ValueError or AttributeError where one is missing.
        """
        protocol, settings = value["protocol"], named(value.get("settings"))
        return {
            "path": path,
            "store": store_file_name(text(value["store"])),
            "fingerprint": text(value["fingerprint"]),
            "synthetic": flag(value.get("synthetic")),
            "protocol": text(protocol["name"]),
            "description": text(protocol.get("description")),
            "subset": text(value.get("subset") or settings.get("subset")) or "all",
            "notes": texts(value.get("notes")),
        }
