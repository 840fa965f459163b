"""JSON as other programs read it. Apart from `results` since --help needs no numpy."""

import json
from typing import Any


def encode(value: Any) -> str:
    """One line of strict JSON, in ASCII, which every locale can print.

    Raises ValueError for NaN and infinity, which JSON does not have.
    """
    return json.dumps(value, allow_nan=False)
