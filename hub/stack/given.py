"""Kafka as a stack speaks to it, embedded or given: where it is, how, and as whom it may be administered."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.settings import read_secret
from hub.stack import admin


@dataclass(frozen=True, slots=True)
class GivenKafka:
    """A Kafka that is there, and the account that may administer it."""

    bootstrap: str
    user: str
    password_file: Path
    security: str = "SASL_PLAINTEXT"
    ca_file: Path | None = None

    @property
    def for_desks(self) -> dict[str, str]:
        """How any desk speaks to it, for its profile."""
        shown = {"bootstrap": self.bootstrap, "security": self.security}
        return shown if self.ca_file is None else shown | {"ca_file": str(self.ca_file)}

    def connect(self, bootstrap: str, user: str, password: str) -> Any:
        """An administration client as anybody, at one of its addresses or all. Raises `AdminError`."""
        return admin.connect(bootstrap, user, password, security=self.security, ca_file=self.ca_file)

    def admin(self) -> Any:
        """An administration client as the account that may; the caller closes it."""
        password = read_secret(self.password_file, "kafka_password_file").decode()
        return self.connect(self.bootstrap, self.user, password)
