"""The inbox: places of what was released to a desk and is not acknowledged.

A table of its own, because an index over the places in `delivery` would cost every release its heap-only
update.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INBOX = """
CREATE TABLE inbox (
    desk        text NOT NULL,
    place       bigint NOT NULL,           -- the cursor, counted per desk
    delivery_id uuid NOT NULL,
    PRIMARY KEY (desk, place)
);
"""


def upgrade() -> None:
    """Create the inbox."""
    op.get_bind().exec_driver_sql(INBOX)
