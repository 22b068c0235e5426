"""How routes say what they answer and read, for `/openapi.json`: a schema and an example each."""

from typing import Any, Final

JSON: Final = "application/json"


def ref(name: str) -> dict[str, str]:
    """A schema of the document's components (openapi.py)."""
    return {"$ref": f"#/components/schemas/{name}"}


def answer(
    description: str, schema: dict[str, Any], example: Any, media_type: str = JSON, **headers: str
) -> dict[str, Any]:
    """A response of a route. `headers`: name, with `_` for `-`, and what it says."""
    shown: dict[str, Any] = {
        "description": description,
        "content": {media_type: {"schema": schema, "example": example}},
    }
    if headers:
        shown["headers"] = {
            name.replace("_", "-"): {"schema": {"type": "string"}, "description": said}
            for name, said in headers.items()
        }
    return shown


def body(contents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The `openapi_extra` of a route that reads these media types."""
    return {"requestBody": {"required": True, "content": contents}}
