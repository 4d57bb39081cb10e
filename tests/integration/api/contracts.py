"""Empty marts as dbt's contracts fix them, with a value in every column that may not be empty."""

from pathlib import Path
from typing import Any

import yaml

_MODELS = Path(__file__).parents[3] / "medwh_dbt" / "models" / "marts"
_SOMETHING = {
    "bigint": "0",
    "integer": "0",
    "numeric": "0",
    "double": "0",
    "boolean": "false",
    "text": "''",
    "date": "'2025-03-01'",
    "timestamp": "'2025-03-01 00:00+00'",
}


def create_statements() -> list[str]:
    """Return the statements that make the marts."""
    return [
        _create(model)
        for file in sorted(_MODELS.glob("*.yml"))
        for model in yaml.safe_load(file.read_text())["models"]
    ]


def _create(model: dict[str, Any]) -> str:
    columns = ", ".join(_column(column) for column in model["columns"])
    return f"create table marts.{model['name']} ({columns})"


def _column(column: dict[str, Any]) -> str:
    kinds = {constraint["type"] for constraint in column.get("constraints", [])}
    name, data_type = column["name"], column["data_type"]
    if "primary_key" in kinds:
        return f"{name} {data_type} primary key"
    if "not_null" in kinds:
        word = data_type.replace("(", " ").split()[0]
        return f"{name} {data_type} not null default {_SOMETHING[word]}"
    return f"{name} {data_type}"
