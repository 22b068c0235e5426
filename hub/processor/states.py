"""The states of a processor's keys, sealed, with the time of each key's log beside them."""

from collections.abc import Collection

from hub.database import Connection
from hub.errors import HubError
from hub.keys import KeyRing
from hub.processor.machine import Kept


class ShapeError(HubError):
    """A state was written by a newer version than this worker: it must not go on."""


def state_context(table: str, key: str) -> bytes:
    """What binds a sealed state to its key."""
    return f"state|{table}|{key}".encode()


async def load_states(
    conn: Connection, keys: Collection[str], *, table: str, shape: int, ring: KeyRing | None
) -> dict[str, Kept]:
    """The stored states of these keys; a key without one is absent. `ring` opens them where they are sealed.

    Raises `ShapeError` when a state is newer than `shape`.
    """
    cursor = await conn.execute(
        f"SELECT key, shape, state, latest_at FROM {table} WHERE key = ANY(%s::uuid[])",
        (list(keys),),
        binary=True,
    )
    found: dict[str, Kept] = {}
    for key, stored_shape, raw, latest in await cursor.fetchall():
        name = str(key)
        if stored_shape > shape:
            raise ShapeError(
                f"{table} {name} has shape {stored_shape}, this worker knows {shape}: update the worker"
            )
        body = bytes(raw) if ring is None else ring.open(name, state_context(table, name), bytes(raw))
        found[name] = Kept(body, latest, older=stored_shape < shape)
    return found


async def save_states(
    conn: Connection, states: dict[str, Kept], *, table: str, shape: int, ring: KeyRing | None
) -> None:
    """Insert or replace the states of these keys; of most, only the time has moved."""
    new = {key: kept.body for key, kept in states.items() if kept.body is not None}
    if new:
        bodies = [
            body if ring is None else ring.seal(key, state_context(table, key), body)
            for key, body in new.items()
        ]
        await conn.execute(
            f"INSERT INTO {table} (key, shape, state, latest_at)"
            " SELECT k, %s, s, t FROM unnest(%s::uuid[], %b::bytea[], %s::bigint[]) AS u(k, s, t)"
            " ON CONFLICT (key) DO UPDATE"
            " SET shape = EXCLUDED.shape, state = EXCLUDED.state, latest_at = EXCLUDED.latest_at",
            (shape, list(new), bodies, [states[key].latest for key in new]),
            binary=True,
        )
    moved = {key: kept.latest for key, kept in states.items() if kept.body is None}
    if moved:
        await conn.execute(
            f"UPDATE {table} SET latest_at = t FROM unnest(%s::uuid[], %s::bigint[]) AS u(k, t) WHERE key = k",
            (list(moved), list(moved.values())),
        )
