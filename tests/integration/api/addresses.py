"""Every address that answers from the warehouse, as it is asked for the marts of `posts.sql`."""

LISTS = [
    "/api/reports/top-products",
    "/api/reports/top-products?by=mentions",
    "/api/reports/top-products?by=mentions&channel=addis_drugs",
    "/api/reports/top-products?by=offers&count=distinct",
    "/api/reports/top-products?by=offers&from=2025-03-01",
    "/api/reports/visual-content",
    "/api/reports/visual-engagement",
    "/api/reports/prices",
    "/api/reports/price-changes",
    "/api/reports/price-changes?channel=addis_drugs",
    "/api/reports/trends",
    "/api/reports/trends?per_channel=true&by=week",
    "/api/products",
    "/api/channels",
    "/api/channels/addis_drugs/activity",
    "/api/search/messages?query=paracetamol",
]
SINGLE = [
    "/api/products/paracetamol",
    "/api/products/unseen",
    "/api/channels/addis_drugs",
    "/api/channels/selam_pharmacy",
    "/api/messages/addis_drugs/1",
    "/api/messages/addis_drugs/3",
]
CLOCKED = ["/api/freshness", "/api/quality"]


def with_parameters(address: str, parameters: str) -> str:
    """Return an address with more parameters."""
    return f"{address}{'&' if '?' in address else '?'}{parameters}"
