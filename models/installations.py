"""Finds the PostgreSQL programs and the PostGIS extension, wherever a distribution put them."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.errors import PostgisMissingError

MINIMUM_VERSION = 14

BIN_PATTERNS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # packages of the PostgreSQL project for Red Hat and Fedora
    "/opt/homebrew/opt/postgresql*/bin",  # Homebrew on Apple silicon
    "/opt/homebrew/bin",
    "/usr/local/opt/postgresql*/bin",  # Homebrew on Intel
    "/usr/local/pgsql/bin",  # built from source
    "/usr/local/bin",
    "/opt/local/lib/postgresql*/bin",  # MacPorts
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/bin",  # Fedora, Arch, Alpine
)
SHARE_PATTERNS = (
    "{bin}/../share",
    "{bin}/../share/postgresql",
    "{bin}/../share/postgresql@{version}",
    "{bin}/../share/pgsql",
    "/usr/share/postgresql/{version}",
    "/usr/share/postgresql{version}",
    "/usr/share/postgresql",
    "/usr/share/pgsql",
)
SERVER_PROGRAMS = ("postgres", "initdb", "pg_ctl")
PROGRAM_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True, order=True)
class Installation:
    """The programs of one major version; `postgis` tells whether its extension is there too."""

    version: int
    bin_directory: Path
    postgis: bool

    def program(self, name: str) -> str:
        """Path of one of its programs."""
        return str(self.bin_directory / name)


def output_of(*command: str) -> str:
    """Standard output of a program that only tells something; empty where it cannot run."""
    try:
        finished = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PROGRAM_TIMEOUT_S, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return finished.stdout.strip() if finished.returncode == 0 else ""


def bin_directories() -> Iterator[Path]:
    """Directories that may hold PostgreSQL's programs, each once; the one on PATH comes first."""
    seen: set[Path] = set()
    on_path = shutil.which("pg_config")
    first = [Path(output_of(on_path, "--bindir"))] if on_path else []
    root = Path("/")
    found = (path for pattern in BIN_PATTERNS for path in sorted(root.glob(pattern.lstrip("/"))))
    for directory in (*first, *found):
        real = Path(os.path.realpath(directory))
        if real not in seen and real.is_dir():
            seen.add(real)
            yield real


def major_version(program: str) -> int:
    """Major version that a program of PostgreSQL tells of itself; 0 where it tells none."""
    match = re.search(r"\(PostgreSQL\) (\d+)", output_of(program, "--version"))
    return int(match[1]) if match else 0


def has_postgis(bin_directory: Path, version: int) -> bool:
    """Whether `postgis.control` lies among the extensions of this version."""
    pg_config = bin_directory / "pg_config"
    told = output_of(str(pg_config), "--sharedir") if pg_config.exists() else ""
    guesses = (pattern.format(bin=bin_directory, version=version) for pattern in SHARE_PATTERNS)
    shares: Iterable[str] = [told] if told else guesses
    return any((Path(share) / "extension" / "postgis.control").is_file() for share in shares)


def find_servers() -> list[Installation]:
    """Every server on this machine, oldest first, with or without PostGIS, of any version."""
    servers = []
    for directory in bin_directories():
        if all((directory / name).is_file() for name in SERVER_PROGRAMS):
            version = major_version(str(directory / "postgres"))
            if version:
                servers.append(Installation(version, directory, has_postgis(directory, version)))
    return sorted(servers)


def choose_server(version: int | None = None) -> Installation:
    """The newest usable server, or the one of exactly `version`.

    Raises
    ------
    PostgisMissingError
        If there is none of a supported version with PostGIS.
    """
    servers = find_servers()
    usable = [
        server
        for server in servers
        if server.postgis and server.version >= MINIMUM_VERSION and version in {None, server.version}
    ]
    if not usable:
        found = ", ".join(
            f"PostgreSQL {server.version} {'with' if server.postgis else 'without'} PostGIS in"
            f" {server.bin_directory}"
            for server in servers
        )
        raise PostgisMissingError(MINIMUM_VERSION, found)
    return usable[-1]


def find_client(program: str, minimum: int) -> Path | None:
    """`pg_dump` or `pg_restore` of at least the major version `minimum`: the oldest that is new enough."""
    found = [
        (version, directory / program)
        for directory in bin_directories()
        if (directory / program).is_file() and (version := major_version(str(directory / program))) >= minimum
    ]
    return min(found)[1] if found else None
