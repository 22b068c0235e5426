"""Brings the database to the newest version: Alembic, apart from `hub.database`, which every process pays for."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from hub.database import sqlalchemy_url

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(dsn: str) -> None:
    """Bring the database to the newest version; a second caller waits for the first (advisory lock)."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(sqlalchemy_url(dsn))
    try:
        with engine.connect() as lock, engine.connect() as connection:
            lock.exec_driver_sql("SELECT pg_advisory_lock(710001)")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    finally:
        engine.dispose()
