"""The core: acceptance, processors, deliveries, the audit log.

Times are microseconds since the epoch (UTC). Columns named `*_at` hold hub time (the sandbox clock's);
columns named `*_mono` hold machine time, used for leases and back-off only.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# What the hub knows of ids. Values are personal (an NHS number), so only HMAC tokens of them are kept.
IDENTITY = """
CREATE TABLE identity (
    scheme     text NOT NULL,
    token      bytea NOT NULL,             -- HMAC(hub secret, scheme, value)
    kind       text NOT NULL CHECK (kind IN ('person', 'family', 'referral', 'household')),
    hub_id     uuid NOT NULL,
    status     text NOT NULL CHECK (status IN ('confirmed', 'probable')),
    since      bigint NOT NULL,
    event_id   uuid NOT NULL,              -- the event that registered it
    ended_at   bigint,
    PRIMARY KEY (scheme, token, kind, hub_id)
);
CREATE INDEX identity_by_hub_id ON identity (hub_id);

CREATE TABLE family (
    family_id  uuid PRIMARY KEY,
    opened_at  bigint NOT NULL,
    closed_at  bigint
);

CREATE TABLE membership (                  -- who is in which family, as acceptance routes events
    person_id  uuid NOT NULL,
    family_id  uuid NOT NULL,
    since      bigint NOT NULL,
    until      bigint,
    PRIMARY KEY (person_id, family_id)
);
CREATE INDEX membership_by_family ON membership (family_id);

CREATE TABLE referral (                    -- which family and person a referral belongs to
    referral_id uuid PRIMARY KEY,
    family_id   uuid NOT NULL,
    person_id   uuid NOT NULL
);

CREATE TABLE guard (                       -- protective events accepted, per person
    person_id  uuid PRIMARY KEY,
    raises     bigint NOT NULL DEFAULT 0
);

CREATE TABLE agency_guard (
    agency     text PRIMARY KEY,
    closed     boolean NOT NULL,
    since      bigint NOT NULL
);
"""

KEYS = """
CREATE TABLE subject_key (                 -- a family, a user, a desk, the hub: wrapped by the master key
    key_id     uuid PRIMARY KEY,
    kind       text NOT NULL,
    data_key   bytea NOT NULL,
    link_key   bytea NOT NULL,
    created_at bigint NOT NULL
);
"""

ACCEPTANCE = """
CREATE TABLE receipt (
    receipt_id  uuid PRIMARY KEY,          -- derived from source and id: a retry finds the first
    desk        text NOT NULL,
    source_id   text NOT NULL,
    type        text NOT NULL,
    digest      bytea NOT NULL,            -- SHA-256 of the canonical JSON without `time`
    accepted_at bigint NOT NULL,
    accepted_mono bigint NOT NULL,
    protective  boolean NOT NULL,
    entry_id    uuid NOT NULL              -- its audit entry
);
CREATE INDEX receipt_by_desk ON receipt (desk, accepted_at);

CREATE TABLE waiting (                     -- accepted, not yet in a log: somebody or something is unknown
    receipt_id  uuid PRIMARY KEY,
    seq         bigint GENERATED ALWAYS AS IDENTITY,
    desk        text NOT NULL,
    type        text NOT NULL,
    tokens      bytea[] NOT NULL,          -- the references that did not resolve, and those queued behind
    reason      text NOT NULL CHECK (reason IN ('unidentified', 'behind', 'suspended')),
    accepted_at bigint NOT NULL,
    accepted_mono bigint NOT NULL,
    occurred_at bigint,
    key_id      uuid NOT NULL,             -- the desk's key
    body        bytea NOT NULL             -- sealed, as published
);
CREATE INDEX waiting_by_token ON waiting USING gin (tokens);

CREATE TABLE event (                       -- every event of every log, stored once
    event_id    uuid PRIMARY KEY,
    receipt_id  uuid,                      -- null: derived by the hub
    topic       text NOT NULL,
    key         uuid NOT NULL,
    type        text NOT NULL,
    source      text NOT NULL,             -- the publishing desk, or 'hub'
    recorded_at bigint NOT NULL,
    accepted_at bigint NOT NULL,
    is_primary  boolean NOT NULL DEFAULT true,
    raises      uuid[] NOT NULL DEFAULT '{}',
    cause       uuid,                      -- the event that caused a derived one
    key_id      uuid,                      -- null: codes only, not sealed
    body        bytea NOT NULL             -- Confluent wire format, sealed under key_id
);
CREATE INDEX event_by_receipt ON event (receipt_id) WHERE receipt_id IS NOT NULL;
CREATE INDEX event_by_key ON event (key);

CREATE TABLE outbox (                      -- what is still to be produced to Kafka, in order
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    uuid NOT NULL
);

CREATE TABLE token_use (                   -- jti of the JWTs seen, until they expire
    jti         bytea PRIMARY KEY,
    expires_mono bigint NOT NULL
);
CREATE INDEX token_use_by_expiry ON token_use (expires_mono);
"""

PROCESSORS = """
CREATE TABLE position (
    processor   text NOT NULL,
    topic       text NOT NULL,
    partition   int NOT NULL,
    next_offset bigint NOT NULL,           -- everything before it has a fate
    PRIMARY KEY (processor, topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE fate (                        -- what became of an event under a processor
    event_id    uuid NOT NULL,
    processor   text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('done', 'rejected', 'parked', 'redriven', 'discarded')),
    partition   int NOT NULL,
    "offset"    bigint NOT NULL,
    reason      text,                      -- a code, for rejected and discarded
    PRIMARY KEY (event_id, processor)
);

CREATE TABLE family_state (
    key         uuid PRIMARY KEY,
    shape       int NOT NULL,
    state       bytea NOT NULL             -- JSON, sealed under the family's key
) WITH (fillfactor = 70);

CREATE TABLE person_state (
    key         uuid PRIMARY KEY,
    shape       int NOT NULL,
    state       bytea NOT NULL             -- JSON: hub ids, codes and dates only
) WITH (fillfactor = 70);

CREATE TABLE parked (                      -- keys that stopped on our bug, and what waits behind it, in order
    processor   text NOT NULL,
    key         uuid NOT NULL,
    partition   int NOT NULL,
    "offset"    bigint NOT NULL,
    event_id    uuid NOT NULL,
    task_id     uuid NOT NULL,
    PRIMARY KEY (processor, key, partition, "offset")
);

CREATE TABLE dead_letter (                 -- bytes that could not be read, sealed under the hub's key
    task_id     uuid PRIMARY KEY,
    topic       text NOT NULL,
    partition   int NOT NULL,
    "offset"    bigint NOT NULL,
    key_id      uuid NOT NULL,
    body        bytea NOT NULL
);

CREATE TABLE task (
    task_id     uuid PRIMARY KEY,
    kind        text NOT NULL,
    key         text NOT NULL,             -- what it is about: an id, never a name
    owner       text NOT NULL,             -- desk
    opened_at   bigint NOT NULL,
    due_at      bigint,
    reason      text NOT NULL,             -- a code
    detail      jsonb NOT NULL DEFAULT '{}',  -- ids and codes only
    done_at     bigint,
    done_by     text
);
CREATE INDEX task_open ON task (owner, kind) WHERE done_at IS NULL;
CREATE INDEX task_by_key ON task (key) WHERE done_at IS NULL;
"""

DELIVERIES = """
CREATE SEQUENCE delivery_seq CACHE 1;

CREATE TABLE delivery (
    delivery_id uuid PRIMARY KEY,          -- derived from event and desk
    seq         bigint NOT NULL DEFAULT nextval('delivery_seq'),
    desk        text NOT NULL,
    family_id   uuid NOT NULL,             -- the key of the log it came from
    event_id    uuid NOT NULL,
    type        text NOT NULL,
    status      text NOT NULL CHECK (status IN
                ('pending', 'attempting', 'delivered', 'failed', 'dead', 'lapsed', 'held', 'recalled')),
    persons     uuid[] NOT NULL,           -- whose guards it rests on, in id order …
    counts      bigint[] NOT NULL,         -- … and the raises that its decision had seen
    rules       text NOT NULL,             -- digest of the rule set that decided
    valid_until bigint,                    -- hub time; decide again from then on
    urgent      boolean NOT NULL DEFAULT false,
    recorded_at bigint NOT NULL,
    body        bytea,                     -- reduced, encoded, sealed; null: held or recalled
    reason      text,                      -- a code, for held, dead and recalled
    attempt_id  uuid,
    attempt_mono bigint,                   -- when the last attempt began
    tries       int NOT NULL DEFAULT 0,
    next_mono   bigint NOT NULL DEFAULT 0, -- back-off
    released_at bigint,                    -- first release, hub time
    inbox_seq   bigint,                    -- place in the desk's inbox, given at first release
    ack_at      bigint                     -- acknowledged through the inbox
) WITH (fillfactor = 60);
-- No index names `status`, so that its changes stay heap-only updates.
CREATE INDEX delivery_by_desk ON delivery (desk, seq);
CREATE INDEX delivery_by_family ON delivery (family_id, seq);
CREATE INDEX delivery_by_event ON delivery (event_id);

CREATE TABLE relay_cursor (                -- below `low` a desk has no row that is still to be sent
    desk        text PRIMARY KEY,
    low         bigint NOT NULL DEFAULT 0,
    inbox_next  bigint NOT NULL DEFAULT 1
);

CREATE TABLE attempt (                     -- an attempt that has not been marked yet is open for five seconds
    attempt_id  uuid PRIMARY KEY,
    desk        text NOT NULL,
    channel     text NOT NULL CHECK (channel IN ('kafka', 'inbox')),
    began_mono  bigint NOT NULL,
    deliveries  int NOT NULL,
    entry_id    uuid NOT NULL,
    ended_mono  bigint
);
CREATE INDEX attempt_open ON attempt (began_mono) WHERE ended_mono IS NULL;
"""

AUDIT = """
CREATE TABLE audit_entry (
    entry_id    uuid PRIMARY KEY,
    kind        text NOT NULL,
    recorded_at bigint NOT NULL,
    leaf        bytea NOT NULL             -- the bytes that are hashed
);

CREATE TABLE audit_pending (               -- written with the entry, deleted by the sealer
    seq         bigint GENERATED ALWAYS AS IDENTITY,
    entry_id    uuid NOT NULL
);

CREATE TABLE audit_detail (                -- deletable: goes at erasure
    entry_id    uuid NOT NULL,
    part        int NOT NULL,
    key_id      uuid NOT NULL,
    salt        bytea NOT NULL,
    ciphertext  bytea NOT NULL,
    PRIMARY KEY (entry_id, part)
);
CREATE INDEX audit_detail_by_key ON audit_detail (key_id);

CREATE TABLE log_leaf (
    idx         bigint PRIMARY KEY,
    entry_id    uuid NOT NULL UNIQUE,
    leaf_hash   bytea NOT NULL
);

CREATE TABLE log_tile (
    level       int NOT NULL,
    n           bigint NOT NULL,
    width       int NOT NULL,
    hashes      bytea NOT NULL,
    PRIMARY KEY (level, n)
);

CREATE TABLE log_head (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    size        bigint NOT NULL,
    root        bytea NOT NULL
);

CREATE TABLE log_checkpoint (
    size        bigint NOT NULL,
    at          bigint NOT NULL,
    note        text NOT NULL,
    PRIMARY KEY (size, at)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: %% on %% is refused', TG_OP, TG_TABLE_NAME;
END $$;
CREATE TRIGGER audit_entry_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_leaf_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON log_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_checkpoint_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON log_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    """Create every table of the core."""
    for part in (IDENTITY, KEYS, ACCEPTANCE, PROCESSORS, DELIVERIES, AUDIT):
        op.get_bind().exec_driver_sql(part)
