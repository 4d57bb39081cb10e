"""Examples in the API's description: real answers over the bundled sample, cut to a few rows.

One file per operation, `<operation>.json`: per media type what was answered.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def example_of(operation: str) -> dict[str, Any]:
    """Return an operation's example answer by media type; empty where there is none."""
    file = files(__name__) / f"{operation}.json"
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}
