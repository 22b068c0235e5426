"""The common way: a Faust agent takes batches of up to 500, SQLAlchemy inserts, `topic.send` for each delivery."""

import os
from collections.abc import Sequence
from typing import Any

import faust
from sqlalchemy import Column, LargeBinary, MetaData, String, Table, text
from sqlalchemy.dialects.postgresql import UUID, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bench.peers.work import RECIPIENTS, Work, Worked
from hub import garbage
from hub.database import sqlalchemy_url
from hub.schemas import Catalogue
from hub.settings import ROOT

BATCH = 500
WITHIN = 0.05

META = MetaData()
STATE = Table("peer_state", META, Column("key", UUID, primary_key=True), Column("state", LargeBinary))
DELIVERY = Table(
    "peer_delivery",
    META,
    Column("id", UUID, primary_key=True),
    Column("topic", String),
    Column("event_id", UUID),
    Column("body", LargeBinary),
    Column("status", String),
)
AUDIT = Table("peer_audit", META, Column("id", UUID, primary_key=True), Column("entry", LargeBinary))
_MARK = text("UPDATE peer_delivery SET status = 'delivered' WHERE id = ANY(:ids)")
_DONE = text("UPDATE peer_done SET events = events + :events, deliveries = deliveries + :deliveries")


class Route:
    """What the agent does with a batch."""

    def __init__(self, topics: dict[str, Any], engine: AsyncEngine) -> None:
        self._topics, self._engine = topics, engine
        self._work = Work(Catalogue.load(ROOT / "schemas"))

    async def take(self, events: Sequence[Any]) -> None:
        """Insert, send, mark."""
        worked = [self._work.of(each.key, each.value, dict(each.headers)) for each in events]
        async with self._engine.begin() as connection:
            await insert_all(connection, worked)
        sent, ids = [], []
        for event, each in zip(events, worked, strict=True):
            for one in each.deliveries:
                headers = {"ce_id": str(one.id).encode()}
                sent.append(
                    await self._topics[one.topic].send(key=event.key, value=one.body, headers=headers)
                )
                ids.append(one.id)
        for each in sent:
            await each
        async with self._engine.begin() as connection:
            await connection.execute(_MARK, {"ids": ids})
            await connection.execute(_DONE, {"events": len(worked), "deliveries": len(ids)})


async def insert_all(connection: AsyncConnection, worked: Sequence[Worked]) -> None:
    """States, audit rows and deliveries, each in bulk."""
    upsert = insert(STATE)
    await connection.execute(
        upsert.on_conflict_do_update(index_elements=["key"], set_={"state": upsert.excluded.state}),
        [{"key": key, "state": state} for key, state in {one.key: one.state for one in worked}.items()],
    )
    await connection.execute(AUDIT.insert(), [{"id": one.event_id, "entry": one.audit} for one in worked])
    rows = [
        {"id": one.id, "topic": one.topic, "event_id": each.event_id, "body": one.body, "status": "pending"}
        for each in worked
        for one in each.deliveries
    ]
    if rows:
        await connection.execute(DELIVERY.insert(), rows)


def build() -> faust.App:
    """The app, from the environment that the benchmark gives it."""
    env = os.environ
    app = faust.App(
        env["PEER_GROUP"],
        broker=f"kafka://{env['PEER_KAFKA']}",
        broker_credentials=faust.SASLCredentials(
            username=env["PEER_USER"], password=env["PEER_PASSWORD"], mechanism="SCRAM-SHA-512"
        ),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        value_serializer="raw",
        key_serializer="raw",
        datadir=env["PEER_FOLDER"],
    )
    topics = {name: app.topic(name, value_type=bytes, key_type=bytes) for name in RECIPIENTS}
    route = Route(topics, create_async_engine(sqlalchemy_url(env["PEER_POSTGRES"])))

    async def agent(stream: Any) -> None:
        async for events in stream.take_events(BATCH, within=WITHIN):
            await route.take(events)

    app.agent(app.topic("events", value_type=bytes, key_type=bytes))(agent)
    return app


def main() -> None:
    """Run until a signal."""
    app = build()
    garbage.rarely()
    faust.Worker(app, loglevel="warning", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
