"""What no description can say and Schemathesis has to be told: cursors, and days in order."""

from typing import Any

import schemathesis

from medwh_api.cursors import Key
from medwh_api.schemas.parameters import has_a_trigram

_SOUND_KEYS: dict[str, list[object]] = {
    "/api/reports/top-products": [2, "bottle"],
    "/api/reports/visual-content": ["addis_drugs", "other"],
    "/api/reports/visual-engagement": ["views", "no_image"],
    "/api/reports/prices": ["2025-03-01", "paracetamol", "addis_drugs"],
    "/api/reports/price-changes": ["2025-03-01", "paracetamol"],
    "/api/reports/trends": ["2025-03-01", None],
    "/api/products": ["paracetamol"],
    "/api/channels": ["addis_drugs"],
    "/api/channels/{channel_username}/activity": ["2025-03-01"],
    "/api/search/messages": ["2025-03-01T09:00:00+00:00", "a2"],
    "/api/freshness": ["addis_drugs"],
    "/api/quality": ["marts/fct_messages", "no_orphans"],
}


def _cursor(values: list[object]) -> str:
    names = [str(place) for place in range(len(values))]
    return Key(dict.fromkeys(names, ("", object))).cursor(dict(zip(names, values, strict=True)))


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Make a cursor one that this address gives, and put the days into order."""
    query = case.query or {}
    after = query.get("after")
    if isinstance(after, str) and len(after) <= 400:
        query["after"] = _cursor(_SOUND_KEYS[case.operation.path])
    if isinstance(query.get("from"), str) and isinstance(query.get("to"), str):
        query["from"], query["to"] = sorted((query["from"], query["to"]))


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """Leave out what is taken for no text to search by, and is one in some other script."""
    if case.meta is None or not case.meta.generation.mode.is_negative:
        return True
    words = [str((case.query or {}).get(name, "")) for name in ("q", "query")]
    return not any(has_a_trigram(word) and not word.isascii() for word in words)
