"""A query parameter that a route does not have is refused: `dryrun` for `dry_run` would publish.

So it is with everything under `/v1/`. The registry's clients send parameters of their own, and whoever watches health
or metrics may, too.
"""

from typing import Final

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query

from hub.schemas.problems import MOST_PROBLEMS, escaped
from services.gateway.problems import INVALID, Fault, ProblemError

_OURS: Final = "/v1/"


async def known_only(request: Request) -> None:
    """A dependency of every route. Raises `ProblemError` (422): parameters that the route does not know."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    if not request.query_params or dependant is None or not request.url.path.startswith(_OURS):
        return
    fields = get_flat_params(dependant)
    known = sorted({each.alias for each in fields if isinstance(each.field_info, Query)})
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        expected = f"one of {', '.join(known)}" if known else "no parameter in the query"
        example = known[0] if known else ""
        faults = [
            Fault(f"/query/{escaped(name)}", "unknown-field", expected, "another", example)
            for name in unknown
        ]
        raise ProblemError(INVALID, faults[:MOST_PROBLEMS])
