"""Kafka's jars: fetched by coordinate with jgo, checked against the lock file, kept in the user's cache.

`jars.lock` holds a line per artifact, `group:artifact:version sha256`, in class path order. `python -m
hub.stack.jars` resolves `ROOTS` anew and prints such a file. Where the artifacts come from is jgo's business
(Maven Central, or what the user's jgo configuration names): whatever comes is checked.
"""

import hashlib
import logging
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hub.errors import PeerError

LOCK = Path(__file__).with_name("jars.lock")
# slf4j-simple, because a logging backend is not in Kafka's POM. Not log4j: jgo would then apply the versions
# that log4j manages, and bring an older kafka-clients.
ROOTS = ("org.apache.kafka:kafka_2.13:4.3.1", "org.slf4j:slf4j-simple:1.7.36")
FETCHERS = 8
TIMEOUT = 60


class JarError(PeerError):
    """An artifact could not be fetched, or is not the one that the lock file names."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock file."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """Its name in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def read_lock(text: str) -> list[Jar]:
    """The lock file's artifacts. Raises `JarError` for a line that is not in its form."""
    jars = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        coordinate, _, digest = line.partition(" ")
        parts = coordinate.split(":")
        if len(parts) != 3 or len(digest) != 64:
            raise JarError(f"jars.lock:{number}: expected group:artifact:version and a SHA-256")
        group, artifact, version = parts
        jars.append(Jar(group, artifact, version, digest))
    return jars


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/wraparound`, or `~/.cache/wraparound`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "wraparound"


def class_path(cache: Path | None = None) -> list[Path]:
    """Every jar of the lock file, each checked now; what is missing or spoilt is fetched.

    Raises `JarError`.
    """
    folder = (cache or cache_folder()) / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    jars = read_lock(LOCK.read_text())
    wanted = [jar for jar in jars if not _intact(folder / jar.file_name, jar.sha256)]
    if wanted:
        _fetch(wanted, folder)
    return [folder / jar.file_name for jar in jars]


def lock_digest() -> str:
    """What names this set of jars in the cache."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _intact(file: Path, digest: str) -> bool:
    return file.is_file() and _sha256(file) == digest


def _fetch(jars: list[Jar], folder: Path) -> None:
    # A folder of our own, then a rename: two stacks may start at once, and a killed one leaves no half file.
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=folder))
    try:
        with ThreadPoolExecutor(FETCHERS) as pool:
            for _ in pool.map(lambda jar: _fetch_one(jar, partial, folder), jars):
                pass
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fetch_one(jar: Jar, partial: Path, folder: Path) -> None:
    from jgo.config import GlobalSettings  # noqa: PLC0415 - a quarter of a second, needed on a first start only
    from jgo.maven import MavenContext  # noqa: PLC0415

    logging.getLogger("jgo").setLevel(logging.ERROR)
    repositories = GlobalSettings.load().repositories
    context = MavenContext(repo_cache=partial, remote_repos=repositories or None, timeout=TIMEOUT)
    name = f"{jar.group}:{jar.artifact}:{jar.version}"
    try:
        found = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except (OSError, RuntimeError) as error:
        # requests' errors are OSErrors; jgo's own are RuntimeErrors. Neither's text helps the reader.
        raise JarError(f"cannot fetch {name} ({type(error).__name__}): {_what_to_do(error)}") from error
    if _sha256(Path(found)) != jar.sha256:
        raise JarError(f"{name} is not the file that jars.lock names: expected SHA-256 {jar.sha256}")
    Path(found).replace(folder / jar.file_name)


def _what_to_do(error: BaseException) -> str:
    if type(error).__name__ == "SSLError":
        # The client brings its own list of authorities; one that a network adds is not on it.
        return "name the file with your network's certificate authority in REQUESTS_CA_BUNDLE"
    return "is the Maven repository reachable?"


def _relock() -> None:
    import jgo  # noqa: PLC0415 - as above

    lines = ["# Kafka's run-time class path. Made by `python -m hub.stack.jars`."]
    for artifact in jgo.resolve("+".join(ROOTS)):
        name = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
        lines.append(f"{name} {_sha256(Path(artifact.resolve()))}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit("usage: python -m hub.stack.jars > hub/stack/jars.lock")
    _relock()
