"""Write the examples of the API's description from a warehouse that holds the bundled sample.

`python -m tests.integration.api.make_examples`, with MEDWH_API_DB_HOST and MEDWH_API_LAKE as after
`medwh demo`.
"""

import json
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

import medwh_api.examples
from medwh_api.main import create_app
from medwh_api.settings import ApiSettings

FOLDER = Path(medwh_api.examples.__file__).parent
# Per operation what is asked; of lists of lists the first rows are kept.
ASKED = {
    "get_top_products": "/api/reports/top-products?by=offers&limit=2",
    "get_visual_content": "/api/reports/visual-content?limit=2",
    "get_visual_engagement": "/api/reports/visual-engagement?limit=2",
    "get_prices": "/api/reports/prices?limit=2&product=paracetamol",
    "get_price_changes": "/api/reports/price-changes?limit=2",
    "get_trends": "/api/reports/trends?by=week&limit=2",
    "list_products": "/api/products?limit=2&query=paracetamol",
    "get_product": "/api/products/paracetamol",
    "list_channels": "/api/channels?limit=2",
    "get_channel": "/api/channels/demo_selam_pharmacy",
    "get_channel_activity": "/api/channels/demo_selam_pharmacy/activity?limit=2",
    "search_messages": "/api/search/messages?query=paracetamol&limit=1",
    "get_message": "/api/messages/demo_selam_pharmacy/18232",
    "get_freshness": "/api/freshness?limit=2",
    "get_quality": "/api/quality?limit=2",
    "get_live": "/health/live",
    "get_ready": "/health/ready",
}
_ROWS_WITHIN = 2


def cut(answer: Any) -> Any:
    """Return an answer with a few rows in each of its lists."""
    if isinstance(answer, dict):
        return {
            name: value[:_ROWS_WITHIN] if isinstance(value, list) else value
            for name, value in answer.items()
        }
    return answer


def main() -> None:
    """Ask, and write what is answered."""
    with TestClient(create_app(ApiSettings())) as client:
        described = client.get("/openapi.json").json()["paths"].values()
        for operation in (operation for item in described for operation in item.values()):
            asked = ASKED.get(operation["operationId"])
            if asked is None:
                continue
            answer = client.get(asked).raise_for_status()
            examples: dict[str, Any] = {"application/json": cut(answer.json())}
            if "text/csv" in operation["responses"]["200"]["content"]:
                table = client.get(asked, headers={"Accept": "text/csv"}).content
                examples["text/csv"] = table.decode("utf-8-sig")
            text = json.dumps(examples, ensure_ascii=False, indent=1)
            (FOLDER / f"{operation['operationId']}.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
