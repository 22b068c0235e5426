"""For the schemathesis command: each request gets a token of its own, as every request to the hub needs."""

import os
from pathlib import Path
from typing import Any

import schemathesis

from client.calls import Profile


@schemathesis.auth(refresh_interval=None)
class DeskAuth:
    """A desk that signs each request."""

    def get(self, case: Any, context: Any) -> str:
        profile = Profile.load(Path(os.environ["DESK_PROFILE"]))
        claims: dict[str, Any] = {
            "subject": "clerk",
            "desk": profile.key.desk,
            "purpose": "support",
            "reason": "a trial",
        }
        return profile.key.token(os.environ["HUB_AUDIENCE"], **claims)

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers["Authorization"] = f"Bearer {data}"
