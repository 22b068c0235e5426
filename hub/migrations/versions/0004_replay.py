"""What a replay needs: the time of each log, kept with the position, and stored events found by their offset.

Fates are written in the order of their offsets, so that a BRIN index finds a stretch of them and costs a batch
next to nothing.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

REPLAY = """
ALTER TABLE position ADD COLUMN latest_at bigint NOT NULL DEFAULT 0;  -- the latest time of all before it
CREATE INDEX fate_by_offset ON fate USING brin ("offset") WITH (pages_per_range = 16, autosummarize = on);
"""


def upgrade() -> None:
    """Add both."""
    op.get_bind().exec_driver_sql(REPLAY)
