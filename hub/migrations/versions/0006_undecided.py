"""Events that wait for facts which are on their way: once each, and no row for every desk that might get them."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UNDECIDED = """
CREATE TABLE undecided (                   -- decided for some desks alone as yet; written and deleted by the router
    event_id    uuid PRIMARY KEY,
    seq         bigint GENERATED ALWAYS AS IDENTITY,
    family_id   uuid NOT NULL,
    recorded_at bigint NOT NULL,
    desks       text[] NOT NULL            -- which have what it gives them
);
CREATE INDEX undecided_by_family ON undecided (family_id, seq);
"""


def upgrade() -> None:
    """Add the table."""
    op.get_bind().exec_driver_sql(UNDECIDED)
