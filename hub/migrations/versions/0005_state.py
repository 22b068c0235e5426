"""The time of a key's log beside its state, and sealed bytes as they come.

Most events change nothing of a family but the time of its log: that is a column of its own now, and the state, which
PostgreSQL keeps outside the row, is left where it is. What is sealed cannot be packed, so nothing is to try.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = "ALTER TABLE {} ADD COLUMN latest_at bigint NOT NULL DEFAULT 0"  # of the log, not of the clock
SEALED = "ALTER TABLE {} ALTER COLUMN {} SET STORAGE EXTERNAL"


def upgrade() -> None:
    """Both."""
    run = op.get_bind().exec_driver_sql
    for table in ("family_state", "person_state"):
        run(TIME.format(table))
    for table, column in (
        ("family_state", "state"),
        ("event", "body"),
        ("delivery", "body"),
        ("audit_detail", "ciphertext"),
    ):
        run(SEALED.format(table, column))
