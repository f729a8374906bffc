"""What can go wrong in `models`: one base class, one class per thing a caller treats differently.

    ModelsError
    ├── ClusterError                     the embedded PostGIS cluster
    │   ├── PostgisMissingError          no usable PostgreSQL + PostGIS on this machine
    │   ├── ClusterVersionError          the data directory needs another major version
    │   ├── ClusterAccessError           this user may not use or make that cluster
    │   ├── ClusterBusyError             another process holds the lock for too long
    │   └── ClusterStartError            the server did not start, or did not stop
    ├── DatabaseUnreachableError         nothing answers at the configured URL
    ├── UnsupportedServerError           the server is too old, or has no PostGIS
    ├── BackupError                      pg_dump or pg_restore failed
    ├── BadQueryError                    a query was asked for something that does not exist
    └── UnstorableError                  a value that the database has no room for

Texts are English and for operators; `code` and `params` let a door say the same in another language.
"""

from collections.abc import Mapping

INSTALL_COMMANDS: Mapping[str, str] = {
    "debian": "sudo apt-get install postgresql postgresql-postgis",
    "fedora": "sudo dnf install postgresql-server postgis",
    "macos": "brew install postgresql@17 postgis",
}


class ModelsError(Exception):
    """Base of every error of this room; `code` is stable, `params` fill the message of a catalogue."""

    code = "models"

    def __init__(self, message: str, **params: str | int) -> None:
        super().__init__(message)
        self.params: dict[str, str | int] = params


class ClusterError(ModelsError):
    """The embedded cluster cannot be used."""

    code = "cluster"


class PostgisMissingError(ClusterError):
    """No PostgreSQL of a supported version with PostGIS was found; `found` lists what was."""

    code = "postgis_missing"

    def __init__(self, minimum: int, found: str) -> None:
        install = "; ".join(
            f"{system}: {command}"
            for system, command in zip(
                ("Debian/Ubuntu", "Fedora", "macOS"), INSTALL_COMMANDS.values(), strict=True
            )
        )
        super().__init__(
            f"PostgreSQL {minimum} or newer with PostGIS is not installed"
            f" (found: {found or 'no PostgreSQL'}). Install it: {install}",
            minimum=minimum,
            found=found,
            **INSTALL_COMMANDS,
        )
        self.minimum = minimum
        self.found = found


class ClusterVersionError(ClusterError):
    """The data directory was made by a major version whose binaries are not installed."""

    code = "cluster_version"

    def __init__(self, data: str, version: int) -> None:
        super().__init__(
            f"the database in {data} was made by PostgreSQL {version}, which is not installed with PostGIS:"
            f" install PostgreSQL {version} and its PostGIS again (a backup can then move the data)",
            data=data,
            version=version,
        )
        self.data = data
        self.version = version


class ClusterAccessError(ClusterError):
    """The operating-system user may not use, or not make, the cluster at `path`."""

    code = "cluster_access"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"cannot use the database directory {path}: {reason}", path=path, reason=reason)
        self.path = path
        self.reason = reason


class ClusterBusyError(ClusterError):
    """Another process is starting or stopping the cluster and has not finished within the time."""

    code = "cluster_busy"

    def __init__(self, lock: str, seconds: int) -> None:
        super().__init__(
            f"another process has held {lock} for more than {seconds} s: wait for it, or end it",
            lock=lock,
            seconds=seconds,
        )
        self.lock = lock


class ClusterStartError(ClusterError):
    """The server did not start or stop; the log file says more."""

    code = "cluster_start"

    def __init__(self, action: str, reason: str, log: str) -> None:
        super().__init__(
            f"the embedded database did not {action}: {reason} (log: {log})",
            action=action,
            reason=reason,
            log=log,
        )
        self.action = action
        self.reason = reason
        self.log = log


class DatabaseUnreachableError(ModelsError):
    """Nothing answers at the URL (shown without its password)."""

    code = "database_unreachable"

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"cannot connect to {url}: {reason}", url=url, reason=reason)
        self.url = url
        self.reason = reason


class UnsupportedServerError(ModelsError):
    """The server answers, but is too old or has no PostGIS."""

    code = "unsupported_server"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the database server cannot be used: {reason}", reason=reason)
        self.reason = reason


class BackupError(ModelsError):
    """A backup or a restore did not succeed; the database is as it was before."""

    code = "backup"

    def __init__(self, action: str, file: str, reason: str) -> None:
        super().__init__(f"{action} of {file} failed: {reason}", action=action, file=file, reason=reason)
        self.action = action
        self.file = file
        self.reason = reason


class BadQueryError(ModelsError):
    """A query was asked for a kind, filter or bound that does not exist."""

    code = "bad_query"

    def __init__(self, what: str, value: str) -> None:
        super().__init__(f"{what}: {value!r}", what=what, value=value)
        self.what = what
        self.value = value


class UnstorableError(ModelsError):
    """A value that cannot be stored as it is."""

    code = "unstorable"

    def __init__(self, what: str, value: str) -> None:
        super().__init__(f"cannot store {what}: {value}", what=what, value=value)
        self.what = what
        self.value = value
