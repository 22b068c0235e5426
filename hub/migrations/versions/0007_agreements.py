"""The versions of agreements that were ever to come into force, each with its text, and what became of it."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

AGREEMENTS = """
CREATE TABLE agreement_version (           -- written by acceptance; of the founding ones by the first router
    receipt_id uuid PRIMARY KEY,           -- of the event that asked; of a founding one derived
    agreement  text NOT NULL,
    version    integer NOT NULL,
    text       text NOT NULL,
    digest     text NOT NULL,              -- SHA-256 of the text
    starts_at  bigint NOT NULL,
    state      text NOT NULL CHECK (state IN ('proving', 'waiting', 'signed', 'refused')),
    reason     text,                       -- why it was refused, a code
    detail     jsonb,                      -- the invariants that it breaks
    asked_by   text NOT NULL,
    asked_at   bigint NOT NULL,
    base       integer,                    -- the place after which it was proved
    signed_by  text,
    signed_at  bigint,
    place      integer,                    -- in the order of signatures; 0: the hub was founded with it
    CHECK ((state = 'signed') = (place IS NOT NULL))
);
CREATE UNIQUE INDEX agreement_version_by_place ON agreement_version (place) WHERE place > 0;
CREATE UNIQUE INDEX agreement_version_signed ON agreement_version (agreement, version) WHERE state = 'signed';

CREATE TRIGGER agreement_version_stays BEFORE UPDATE OR DELETE ON agreement_version
    FOR EACH ROW WHEN (OLD.state = 'signed') EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    """Add the table."""
    op.get_bind().exec_driver_sql(AGREEMENTS)
