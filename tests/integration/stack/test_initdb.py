"""A PostgreSQL whose making was cut short."""

from pathlib import Path

from hub.stack.postgres import PostgresServer


def test_a_server_starts_when_an_earlier_one_was_killed_while_its_folder_was_made(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "postgres")
    half = server.data.with_suffix(".new")
    half.mkdir(parents=True)
    # initdb writes this file long before the one without which nothing starts.
    (half / "PG_VERSION").write_text("18\n")
    server.start()
    try:
        assert (server.data / "global" / "pg_control").exists()
        assert not half.exists()
    finally:
        server.stop()
