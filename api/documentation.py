"""What the OpenAPI document says beyond the routes: names of operations, what groups are, an example of each body.

An example is put together from the examples of the fields; a field without one gets a typical value of its kind.
"""

import re
from typing import Any

from fastapi.routing import APIRoute

TAGS = {
    "leads": "Open leads, ranked, and why each has its score.",
    "opportunities": "Open opportunities, ranked, and why each has its score.",
    "customers": "Accounts that ordered before: whether they buy again, how much, of what.",
    "scores": "Scores of records that are sent, and every score ever given as a file.",
    "definitions": "What every published number means.",
    "models": "Registered models, how right they were, and who serves.",
    "demand": "Forecasts of series, why, what if, and of new items.",
    "outlook": "What a period brings, what moved it, overrides, and how right it was.",
    "targets": "Proposals of equal difficulty, approvals, and where targets stand.",
    "performance": "How people and teams did, and better than their luck or not.",
    "funnel": "Where deals get stuck, and what that costs.",
    "reports": "Ready and own reports, their files, and when they are sent.",
    "data": "How data came in, what was rejected, and what drifts.",
    "events": "Facts as they happen: taken in within seconds.",
    "changes": "What changed among the own rows, for pages that are open.",
    "access": "Who may log in, and who read or changed what.",
    "panel": "Tokens for the panel inside a CRM.",
    "health": "Whether the service lives, can serve, and how it does.",
}

#: Values of fields that have no example of their own, by name.
_TYPICAL: dict[str, Any] = {
    "amount_high": 15_800.0,
    "amount_if_won": 11_700.0,
    "amount_low": 7_900.0,
    "amount_reporting": 12_000.0,
    "as_of": "2026-03-31T00:00:00+00:00",
    "base": 0.31,
    "batch": 12,
    "change": 0.04,
    "code": "interactions__phone",
    "currency": "EUR",
    "entity_id": "006A1",
    "high": 0.79,
    "id": "U7",
    "lang": "en",
    "level": "rep",
    "low": 0.64,
    "model_version": "conversion_opportunity/3",
    "name": "North",
    "next_cursor": None,
    "owner_id": "U7",
    "parent": "T-north",
    "period": "2026Q1",
    "points": 0.08,
    "predicted_close_high": "2026-06-18",
    "predicted_close_low": "2026-04-09",
    "previous_as_of": "2026-03-24T00:00:00+00:00",
    "previous_probability": 0.68,
    "reason": "the customer signed a letter of intent",
    "source": "crm",
    "stage": "proposal",
    "team_id": "T-north",
    "text": "3 answered calls in the last 30 days",
    "unique_id": "CA_1/HOBBIES_1_001",
    "user_id": "U7",
}

_BY_FORMAT = {"date": "2026-03-31", "date-time": "2026-03-31T09:00:00+00:00", "binary": "…", "email": "ann@example.com"}
_BY_MEDIA_TYPE = {"text/html": "<!doctype html>…", "text/csv": "period,amount\n2026Q1,12000\n", "text/plain": "up 1\n"}

#: Types of JSON by the name that a schema gives them.
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}

_DEEPEST = 8


def operation_id(route: APIRoute) -> str:
    """A name that follows from method and address, and stays when the code changes: ``get_leads_explanation``."""
    method = min(route.methods or {"GET"}).lower()
    segments = [part for part in route.path_format.removeprefix("/v1").split("/") if part]
    fixed = [re.sub(r"\W+", "_", part) for part in segments if not part.startswith("{")]
    return "_".join([method, *fixed, *(["one"] if segments[-1:] and segments[-1].startswith("{") else [])])


def complete(document: dict[str, Any]) -> None:
    """Describe the groups, and give every body an example, in place. Safe to repeat."""
    used = {tag for operation in _operations(document) for tag in operation.get("tags", [])}
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items() if name in used]
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        schema["examples"] = [_with_nulls(given, schema, schemas) for given in schema.pop("examples", [])]
        if not schema["examples"]:
            del schema["examples"]
    for operation in _operations(document):
        answers = [answer for status, answer in operation["responses"].items() if str(status) < "300"]
        for body in [operation.get("requestBody", {}), *answers]:
            for media_type, content in body.get("content", {}).items():
                schema = content.get("schema", {})
                if "example" in content:
                    content["example"] = _with_nulls(content["example"], schema, schemas)
                elif "examples" not in content:
                    content["example"] = _example_of(media_type, schema, schemas)


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in document["paths"].values() for operation in methods.values()]


def _with_nulls(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """A given example with its nulls, which FastAPI drops from the document."""
    if "$ref" in schema:
        return _with_nulls(value, schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if isinstance(value, list):
        return [_with_nulls(one, schema.get("items", {}), schemas) for one in value]
    if not isinstance(value, dict):
        return value
    fields = schema.get("properties", {})
    lost = [name for name in schema.get("required", ()) if name not in value]
    return {name: _with_nulls(one, fields.get(name, {}), schemas) for name, one in value.items()} | dict.fromkeys(lost)


def _example_of(media_type: str, schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    if media_type.endswith("json"):
        return example(schema, schemas)
    return _BY_MEDIA_TYPE.get(media_type.partition(";")[0], "…")


def example(schema: dict[str, Any], schemas: dict[str, Any], name: str = "", depth: int = 0) -> Any:
    """A value that keeps a schema.

    Parameters
    ----------
    schema : dict
        JSON schema as pydantic writes it.
    schemas : dict
        The named ones, for references.
    name : str
        Of the field whose value it is.
    """
    if "$ref" in schema:
        return example(schemas[schema["$ref"].rpartition("/")[2]], schemas, name, depth)
    if schema.get("examples"):
        return schema["examples"][0]
    for given in ("example", "const"):
        if given in schema:
            return schema[given]
    if "enum" in schema:
        return schema["enum"][0]
    if name in _TYPICAL and isinstance(_TYPICAL[name], _KINDS.get(schema.get("type", ""), ())):
        return _TYPICAL[name]
    choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if choices:
        if name in _TYPICAL and _TYPICAL[name] is None and {"type": "null"} in choices:
            return None
        return example(next((one for one in choices if one.get("type") != "null"), choices[0]), schemas, name, depth)
    if schema.get("type") == "object" or "properties" in schema:
        return _object(schema, schemas, depth)
    if schema.get("type") == "array":
        items = schema.get("items", {})
        return [] if depth > _DEEPEST or not items else [example(items, schemas, name, depth + 1)]
    return _scalar(schema)


def _object(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> dict[str, Any]:
    fields = schema.get("properties", {})
    if depth > _DEEPEST:
        fields = {name: field for name, field in fields.items() if name in schema.get("required", ())}
    made = {name: example(field, schemas, name, depth + 1) for name, field in fields.items()}
    more = schema.get("additionalProperties")
    if not made and isinstance(more, dict) and more:
        made = {schema.get("propertyNames", {}).get("examples", ["stage"])[0]: example(more, schemas, "", depth + 1)}
    return made


def _scalar(schema: dict[str, Any]) -> Any:
    kind = schema.get("type")
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 3))
        middle = (low + min(high, low + 3)) / 2
        return int(middle) if kind == "integer" else middle
    if kind == "boolean":
        return bool(schema.get("default", False))
    if kind == "null":
        return None
    return _BY_FORMAT.get(schema.get("format", ""), "…" if schema.get("minLength", 0) <= 1 else "text" * 4)
