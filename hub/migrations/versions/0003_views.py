"""A view is an attempt too: *in effect* is not said while one that began before is still being answered."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

VIEWS = """
ALTER TABLE attempt DROP CONSTRAINT attempt_channel_check;
ALTER TABLE attempt ADD CONSTRAINT attempt_channel_check CHECK (channel IN ('kafka', 'inbox', 'view'));
"""


def upgrade() -> None:
    """Let views be attempts."""
    op.get_bind().exec_driver_sql(VIEWS)
