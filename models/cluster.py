"""The embedded PostGIS cluster: a private server under `QINGJIANG_HOME`, started on demand.

It listens on a Unix socket only. Its directory ("the place") holds

    data/             the data directory, owned by the server's user, made with checksums
    socket/           the socket, in a directory that only the server's user and root can enter
    log/server.log    the server's log
    postgresql.conf, pg_hba.conf, pg_ident.conf    written anew at every start, for the machine as it is

The place is `HOME/cluster`. PostgreSQL refuses to run as root, so root starts it as an unprivileged user, who
must be able to reach it; where that user cannot pass the parents of HOME (such as /root), the place is
`/var/lib/qingjiang/<hash of HOME>` and `HOME/cluster.location` says so.

Who may connect: the server's user and root, told by the kernel (`peer`), no password, nobody else.
Every start, stop and first making happens under a file lock, so any number of processes may call
`ensure_cluster` at once; a killed server, a stale `postmaster.pid`, a half-made data directory and an emptied
temporary directory are put right by the next call.
"""

import fcntl
import grp
import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL

from models.errors import (
    ClusterAccessError,
    ClusterBusyError,
    ClusterStartError,
    ClusterVersionError,
    PostgisMissingError,
)
from models.installations import Installation, choose_server, output_of

ROLE = "qingjiang"
DATABASE = "qingjiang"
PORT = 5432  # only names the socket file
SERVER_USERS = ("postgres", "_postgres", "nobody")
SYSTEM_PLACE = Path("/var/lib/qingjiang")
TIMEOUT_S = 120
CONNECT_TIMEOUT_S = 5
LOG_KEPT_BYTES = 10_000_000

# sizeof(sockaddr_un.sun_path) less the closing zero.
SOCKET_PATH_BYTES = 103 if sys.platform == "darwin" else 107

# pg_ctl puts the paths into a shell command between double quotes.
SHELL_SIGNS = frozenset('"$`\\\n')

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Owner:
    """The operating-system user that the server runs as."""

    name: str
    uid: int
    gid: int

    @property
    def is_me(self) -> bool:
        """Whether this process already runs as that user."""
        return self.uid == os.geteuid()


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What `postmaster.pid` tells; `state` is PostgreSQL's own word: starting, ready, stopping, standby."""

    pid: int
    socket_directory: str
    state: str


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """How an embedded cluster stands.

    `state` is `absent` (never made), `stopped`, `starting` or `running`. `outside_home` is true where the
    data had to be put outside HOME because the server's user cannot reach HOME.
    """

    state: str
    home: Path
    directory: Path
    outside_home: bool
    log_file: Path
    version: int | None
    user: str | None
    pid: int | None
    socket_directory: str | None


# ------------------------------------------------------------------------------------------------ public


def ensure_cluster(home: Path, timeout_s: float = TIMEOUT_S) -> str:
    """URL of the running embedded cluster of `home`, made and started if need be.

    A running cluster costs one connection. Safe in any number of processes at once, also as root.

    Raises
    ------
    PostgisMissingError
        Nothing to start; the text has the install command.
    ClusterVersionError, ClusterAccessError, ClusterBusyError, ClusterStartError
    """
    home = absolute(home)
    place = located(home)
    if place is not None:
        running = read_postmaster(place / "data")
        if running is not None and probe(running.socket_directory, DATABASE) == "answers":
            return cluster_url(running.socket_directory)
    make_directory(home, 0o755)
    with locked(home, timeout_s):
        place = located(home) or choose_place(home)
        owner = owner_of(place)
        data = place / "data"
        installation = installation_for(data)
        if not data.exists():
            initialise(installation, place, owner)
        socket_directory = started(installation, home, place, owner, timeout_s)
        create_database(socket_directory, place)
    return cluster_url(socket_directory)


def stop_cluster(home: Path, timeout_s: float = TIMEOUT_S, *, mode: str = "fast") -> bool:
    """Stop the cluster and wait until it is down; False where it was not running. Its data stays.

    Open transactions are rolled back and connections closed. `mode` is one of pg_ctl: `immediate` saves the
    tidying up, and the next start does it.
    """
    home = absolute(home)
    if located(home) is None:
        return False
    with locked(home, timeout_s):
        place = located(home)
        if place is None or not is_alive(read_postmaster(place / "data"), place / "data"):
            return False
        shut_down(installation_for(place / "data"), place, owner_of(place), timeout_s=timeout_s, mode=mode)
    return True


def remove_cluster(home: Path) -> None:
    """Stop the cluster and delete it with all its data, also where it lies outside `home`."""
    home = absolute(home)
    stop_cluster(home, mode="immediate")
    place = located(home)
    if place is None:
        return
    owner = owner_of(place)
    with locked(home, TIMEOUT_S):
        shutil.rmtree(place)
        for directory in short_socket_directories(home):
            if directory.is_dir() and directory.lstat().st_uid == owner.uid:
                shutil.rmtree(directory)
        location_file(home).unlink(missing_ok=True)


def cluster_status(home: Path) -> ClusterStatus:
    """How the cluster stands; starts nothing and changes nothing."""
    home = absolute(home)
    place = located(home)
    directory = place or home / "cluster"
    data = directory / "data"
    made = place is not None and exists(data)
    running = read_postmaster(data) if made else None
    alive = is_alive(running, data)
    if not made:
        state = "absent"
    elif not alive:
        state = "stopped"
    else:
        state = "running" if running is not None and running.state == "ready" else "starting"
    return ClusterStatus(
        state=state,
        home=home,
        directory=directory,
        outside_home=directory.parent != home,
        log_file=log_file(directory),
        version=data_version(data) if made else None,
        user=owner_of(directory).name if made else None,
        pid=running.pid if running is not None and alive else None,
        socket_directory=running.socket_directory if running is not None and alive else None,
    )


def cluster_url(socket_directory: str) -> str:
    """SQLAlchemy URL of the product's database behind a socket directory."""
    url = URL.create(
        "postgresql+psycopg",
        username=ROLE,
        database=DATABASE,
        query={"host": socket_directory, "port": str(PORT)},
    )
    return url.render_as_string(hide_password=False)


# ---------------------------------------------------------------------------------------- places, users


def absolute(home: Path) -> Path:
    """`home` without links and relative parts, so that one directory has one name."""
    return Path(os.path.realpath(home.expanduser()))


def home_key(home: Path) -> str:
    """Short name of a home for directories outside it."""
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:16]


def location_file(home: Path) -> Path:
    """The file that says where the place is when it is not `HOME/cluster`."""
    return home / "cluster.location"


def log_file(place: Path) -> Path:
    """The server's log."""
    return place / "log" / "server.log"


def exists(path: Path) -> bool:
    """Whether a path exists; a directory we may not look into is an access error, not an absence."""
    try:
        return path.exists()
    except PermissionError as error:
        raise ClusterAccessError(
            str(path), "it belongs to another user; run as that user or as root"
        ) from error


def located(home: Path) -> Path | None:
    """The place of a cluster that was chosen before; None where there is none yet."""
    pointer = location_file(home)
    if exists(pointer):
        return Path(pointer.read_text(encoding="utf-8").strip())
    return home / "cluster" if exists(home / "cluster") else None


def make_directory(path: Path, mode: int, owner: Owner | None = None) -> None:
    """Make a directory with exactly this mode and owner, parents with the usual one; keep an existing one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        path.mkdir(mode=mode)
        path.chmod(mode)  # mkdir obeys the umask
        if owner is not None and not owner.is_me:
            os.chown(path, owner.uid, owner.gid)
    except FileExistsError:
        if not path.is_dir():
            raise ClusterAccessError(str(path), "it is not a directory") from None
    except OSError as error:
        raise ClusterAccessError(str(path), error.strerror or str(error)) from error


def user_named(name: str) -> Owner | None:
    """The user of that name, if there is one."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Owner(name, entry.pw_uid, entry.pw_gid)


def user_numbered(uid: int) -> Owner:
    """The user of that number; one without a name keeps its number as name."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Owner(str(uid), uid, os.getegid())
    return Owner(entry.pw_name, uid, entry.pw_gid)


def server_user() -> Owner:
    """Who shall own a new cluster: this user, or for root an unprivileged one that exists."""
    if os.geteuid() != 0:
        return user_numbered(os.geteuid())
    for name in SERVER_USERS:
        user = user_named(name)
        if user is not None:
            return user
    raise ClusterAccessError("/", f"root needs one of the users {', '.join(SERVER_USERS)} to run the server")


def owner_of(place: Path) -> Owner:
    """Who owns the cluster in a place: the owner of its log directory, which is made first.

    Raises
    ------
    ClusterAccessError
        If this process may not act for that user.
    """
    try:
        uid = (place / "log").stat().st_uid
    except FileNotFoundError:
        return server_user()
    except PermissionError:
        uid = place.stat().st_uid
    owner = user_numbered(uid)
    if owner.uid == 0:
        raise ClusterAccessError(str(place), "it belongs to root, and PostgreSQL refuses to run as root")
    if os.geteuid() not in {0, owner.uid}:
        raise ClusterAccessError(str(place), f"it belongs to {owner.name}; run as {owner.name} or as root")
    return owner


def run_as(
    owner: Owner, *command: str, timeout_s: float, pass_fds: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a program as the server's user, with a clean environment, away from any directory of ours."""
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}
    switching = not owner.is_me
    groups = [entry.gr_gid for entry in grp.getgrall() if owner.name in entry.gr_mem]
    return subprocess.run(
        command,
        capture_output=True,
        check=False,
        cwd="/",
        encoding="utf-8",
        env=environment,
        errors="replace",
        extra_groups=groups if switching else None,
        group=owner.gid if switching else None,
        pass_fds=pass_fds,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        timeout=timeout_s,
        umask=0o077,
        user=owner.uid if switching else None,
    )


def can_enter(owner: Owner, directory: Path) -> bool:
    """Whether the user can pass every parent of the directory and the directory itself."""
    try:
        return run_as(owner, "test", "-x", str(directory), timeout_s=TIMEOUT_S).returncode == 0
    except (OSError, subprocess.SubprocessError) as error:
        raise ClusterAccessError(str(directory), f"cannot act as {owner.name}: {error}") from error


def choose_place(home: Path) -> Path:
    """Make the place of a new cluster: in `home` where its user can reach it, else in the system's place."""
    if SHELL_SIGNS & set(str(home)):
        raise ClusterAccessError(
            str(home), 'its path has one of the signs " $ ` \\, which pg_ctl cannot take'
        )
    owner = server_user()
    inside = home / "cluster"
    if can_enter(owner, home):
        make_place(inside, owner)
        if (inside / "log").stat().st_uid == owner.uid:
            return inside
        shutil.rmtree(inside)  # a shared folder that ignores owners
    outside = SYSTEM_PLACE / home_key(home)
    make_directory(SYSTEM_PLACE, 0o755)
    if not can_enter(owner, SYSTEM_PLACE):
        raise ClusterAccessError(str(SYSTEM_PLACE), f"the user {owner.name} cannot enter it")
    make_place(outside, owner)
    write_file(location_file(home), f"{outside}\n")
    return outside


def make_place(place: Path, owner: Owner) -> None:
    """Make the directories of a place. Root keeps the place itself, so that its files are root's to write."""
    make_directory(place, 0o711)
    make_directory(place / "log", 0o700, owner)
    make_directory(place / "socket", 0o700, owner)


def write_file(path: Path, content: str) -> None:
    """Write a file readable by all in one step; never through a link that stands at its name."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(content)
        os.fchmod(stream.fileno(), 0o644)
    Path(name).replace(path)


# ---------------------------------------------------------------------------------------------- locking


@contextmanager
def locked(home: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock of a home. The kernel frees it when the process ends, however it ends."""
    path = home / "cluster.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ClusterAccessError(str(path), error.strerror or str(error)) from error
    try:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ClusterBusyError(str(path), round(timeout_s)) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


# ------------------------------------------------------------------------------------------ first making


def data_version(data: Path) -> int:
    """Major version that made a data directory."""
    try:
        return int((data / "PG_VERSION").read_text(encoding="ascii").strip())
    except PermissionError as error:
        raise ClusterAccessError(
            str(data), "it belongs to another user; run as that user or as root"
        ) from error
    except (OSError, ValueError) as error:
        raise ClusterAccessError(str(data), "it is not a PostgreSQL data directory") from error


def installation_for(data: Path) -> Installation:
    """The programs for a data directory: its own version, or the newest for one that does not exist yet."""
    if not exists(data):
        return choose_server()
    version = data_version(data)
    try:
        return choose_server(version)
    except PostgisMissingError as error:
        raise ClusterVersionError(str(data), version) from error


def initialise(installation: Installation, place: Path, owner: Owner) -> None:
    """Make the data directory under another name and rename it: a half-made one is never taken for done."""
    for leftover in place.glob("init-*"):
        shutil.rmtree(leftover)
    fresh = place / f"init-{os.getpid()}"
    make_directory(fresh, 0o700, owner)
    # C.UTF-8 knows all letters and sorts by code point; where the system lacks it, C sorts the same way.
    for locale in ("C.UTF-8", "C"):
        made = run_as(
            owner,
            installation.program("initdb"),
            f"--pgdata={fresh}",
            f"--username={ROLE}",
            "--auth-local=peer",
            "--auth-host=reject",
            "--encoding=UTF8",
            f"--locale={locale}",
            "--text-search-config=simple",
            "--data-checksums",
            timeout_s=TIMEOUT_S,
        )
        if made.returncode == 0 or "invalid locale" not in made.stderr:
            break
        shutil.rmtree(fresh)
        make_directory(fresh, 0o700, owner)
    if made.returncode != 0:
        shutil.rmtree(fresh)
        reason = made.stderr.strip().splitlines() or ["initdb failed"]
        raise ClusterStartError("initialise", reason[-1], str(log_file(place)))
    fresh.rename(place / "data")
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ---------------------------------------------------------------------------------------------- settings


def memory_bytes() -> int:
    """Memory that this machine, or the container around us, has."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limit = Path(path).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if limit.isdigit():
            total = min(total, int(limit))
    return total


def memory_settings(total_bytes: int) -> dict[str, str]:
    """Settings for a machine shared with the engine: an eighth for the server's buffers, at most 2 GB."""
    mebibytes = total_bytes // MEBIBYTE
    return {
        "shared_buffers": f"{min(max(mebibytes // 8, 64), 2048)}MB",
        "effective_cache_size": f"{max(mebibytes // 2, 128)}MB",
        "maintenance_work_mem": f"{min(max(mebibytes // 32, 32), 512)}MB",
        "work_mem": f"{min(max(mebibytes // 512, 4), 64)}MB",
    }


def server_settings(place: Path, socket_directory: Path) -> dict[str, str]:
    """Everything that differs from PostgreSQL's defaults."""
    settings = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(socket_directory),
        "unix_socket_permissions": "0700",
        "hba_file": str(place / "pg_hba.conf"),
        "ident_file": str(place / "pg_ident.conf"),
        "max_connections": "100",
        "max_locks_per_transaction": "256",  # a query over many months locks every partition and index
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "wal_compression": "on",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "jit": "off",  # costs more than it gives on queries of this kind
        "bgwriter_delay": "2s",  # an idle server should sleep
        "timezone": "Asia/Shanghai",
        "log_timezone": "Asia/Shanghai",
        "lc_messages": "C",
        "log_line_prefix": "%m [%p] ",
        "log_checkpoints": "off",
        **memory_settings(memory_bytes()),
    }
    shared = Path("/dev/shm")  # noqa: S108 - only its size is read
    if shared.is_dir() and shutil.disk_usage(shared).total < 256 * MEBIBYTE:
        settings["dynamic_shared_memory_type"] = "mmap"  # containers have 64 MB there: parallel queries fail
    return settings


def write_settings(place: Path, socket_directory: Path, owner: Owner) -> None:
    """Write the three configuration files for this start."""
    lines = [
        f"{name} = '{value.replace(chr(39), chr(39) * 2)}'"
        for name, value in server_settings(place, socket_directory).items()
    ]
    header = "# Written by qingjiang at every start; use ALTER SYSTEM for settings of your own.\n"
    write_file(place / "postgresql.conf", header + "\n".join(lines) + "\n")
    write_file(place / "pg_hba.conf", f"{header}local all all peer map={ROLE}\n")
    users = dict.fromkeys((owner.name, "root"))
    write_file(place / "pg_ident.conf", header + "".join(f'{ROLE} "{user}" {ROLE}\n' for user in users))


# ------------------------------------------------------------------------------------------- the socket


def fits_socket(directory: Path) -> bool:
    """Whether the path of the socket in a directory is short enough for the system."""
    return len(os.fsencode(directory / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_BYTES


def short_socket_directories(home: Path) -> list[Path]:
    """Where the socket may go when the place has too long a name; the first usable one is taken."""
    name = f"qingjiang-{home_key(home)}"
    parents = dict.fromkeys((Path(tempfile.gettempdir()), Path("/tmp")))  # noqa: S108 - private, checked below
    return [parent / name for parent in parents if fits_socket(parent / name)]


def choose_socket_directory(home: Path, place: Path, owner: Owner) -> Path:
    """`PLACE/socket`, or a private directory with a short name where that is too long.

    Raises
    ------
    ClusterAccessError
        If the short name is taken by somebody else: it would not be private.
    """
    inside = place / "socket"
    if fits_socket(inside):
        make_directory(inside, 0o700, owner)
        return inside
    for directory in short_socket_directories(home):
        if not can_enter(owner, directory.parent):
            continue
        make_directory(directory, 0o700, owner)
        found = directory.lstat()
        if directory.is_symlink() or found.st_uid != owner.uid or found.st_mode & 0o077:
            raise ClusterAccessError(
                str(directory), f"it must be a private directory (0700) of {owner.name}; remove it"
            )
        return directory
    raise ClusterAccessError(
        str(home),
        f"its path is too long for a Unix socket ({SOCKET_PATH_BYTES} bytes),"
        " and there is no temporary directory that would do",
    )


# ------------------------------------------------------------------------------------- running or not


def read_postmaster(data: Path) -> Postmaster | None:
    """What `postmaster.pid` tells, complete or not at all; it may be stale."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return Postmaster(int(lines[0]), lines[4], lines[7].strip() if len(lines) > 7 else "starting")
    except PermissionError as error:
        raise ClusterAccessError(
            str(data), "it belongs to another user; run as that user or as root"
        ) from error
    except (FileNotFoundError, NotADirectoryError, IndexError, ValueError):
        return None


def is_alive(postmaster: Postmaster | None, data: Path) -> bool:
    """Whether that process runs and is this cluster's server, not a stranger that got its old number."""
    if postmaster is None:
        return False
    try:
        os.kill(postmaster.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's process: the server's user is us or we are root
        return False
    proc = Path("/proc") / str(postmaster.pid)
    if not Path("/proc/self").exists():
        listed = output_of("ps", "-o", "comm=", "-p", str(postmaster.pid))
        return "postgres" in listed or "postmaster" in listed
    try:
        if proc.joinpath("stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
            return False  # killed, and its parent has not looked yet
        arguments = os.fsdecode(proc.joinpath("cmdline").read_bytes()).split("\0")
        if Path(arguments[0]).name not in {"postgres", "postmaster"}:
            return False
        try:
            return proc.joinpath("cwd").readlink() == Path(os.path.realpath(data))
        except PermissionError:  # root without the right to look into processes, as in most containers
            return str(data) in arguments
    except (FileNotFoundError, ProcessLookupError):
        return False


def connect(socket_directory: str, database: str) -> psycopg.Connection:
    """A connection in autocommit mode to one database of the cluster."""
    return psycopg.connect(
        host=socket_directory,
        port=PORT,
        user=ROLE,
        dbname=database,
        connect_timeout=CONNECT_TIMEOUT_S,
        application_name=ROLE,
        autocommit=True,
    )


def probe(socket_directory: str, database: str) -> str:
    """How a server answers at its socket.

    `answers`, `unready` (starting, stopping), `incomplete` (no such database or extension) or `silent`.
    """
    try:
        with connect(socket_directory, database) as connection:
            found = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'postgis'").fetchone()
            return "answers" if found else "incomplete"
    except psycopg.OperationalError as error:
        told = str(error)
        if "does not exist" in told and "FATAL" in told:
            return "incomplete"
        if any(words in told for words in ("starting up", "shutting down", "in recovery", "not yet accept")):
            return "unready"
        # A full server refuses us, but it runs and is complete.
        return "answers" if "too many clients" in told or "slots are reserved" in told else "silent"


def started(installation: Installation, home: Path, place: Path, owner: Owner, timeout_s: float) -> str:
    """Socket directory of the server, started if it does not run; the caller holds the lock.

    Every process of the server holds an inherited lock on `server.lock`. Who gets that lock knows that
    nothing of an earlier server is alive, not even in another container with the same directory, and may
    clear a stale `postmaster.pid` away. After a kill, children of the dead server may live for a moment.
    """
    data = place / "data"
    deadline = time.monotonic() + timeout_s
    while True:
        running = read_postmaster(data)
        if is_alive(running, data) and running is not None:
            answer = probe(running.socket_directory, "postgres")
            if answer in {"answers", "incomplete"}:
                return running.socket_directory
            if answer == "silent" and running.state == "ready":
                # Its socket was swept away (an emptied temporary directory): only a restart makes a new one.
                shut_down(installation, place, owner, timeout_s=timeout_s, mode="fast")
            elif time.monotonic() > deadline:
                raise ClusterStartError("answer", f"still {running.state}", str(log_file(place)))
            else:
                time.sleep(0.1)
            continue
        with server_lock(place) as handle:
            if handle is not None:
                remaining = max(deadline - time.monotonic(), 1)
                start_once(installation, home, place, owner, lock=handle, timeout_s=remaining)
                continue
        if time.monotonic() > deadline:
            raise ClusterStartError("start", "another server uses its data", str(log_file(place)))
        time.sleep(0.1)


def clear_remains(data: Path, socket_directory: Path) -> None:
    """Delete the lock files of a killed server; the caller holds the server lock.

    Their process number may belong to a stranger by now, or to a corpse that nobody buries, and PostgreSQL
    would take either for a running server.
    """
    (data / "postmaster.pid").unlink(missing_ok=True)
    for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
        (socket_directory / name).unlink(missing_ok=True)


@contextmanager
def server_lock(place: Path) -> Iterator[int | None]:
    """A handle that holds the lock of the server's life, or None while any process of a server has it."""
    handle = os.open(place / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield handle
    finally:
        os.close(handle)


def start_once(
    installation: Installation, home: Path, place: Path, owner: Owner, *, lock: int, timeout_s: float
) -> None:
    """Start the server, hand it the lock of its life, and wait until it accepts connections.

    Raises
    ------
    ClusterAccessError, ClusterStartError
    """
    if not can_enter(owner, place):
        raise ClusterAccessError(str(place), f"the user {owner.name} cannot reach it any more")
    socket_directory = choose_socket_directory(home, place, owner)
    write_settings(place, socket_directory, owner)
    clear_remains(place / "data", socket_directory)
    log = log_file(place)
    turn_log(log)
    before = log.stat().st_size if log.exists() else 0
    try:
        finished = run_as(
            owner,
            installation.program("pg_ctl"),
            "start",
            "--silent",
            "--wait",
            f"--timeout={round(timeout_s)}",
            f"--pgdata={place / 'data'}",
            f"--log={log}",
            f"--options=-c config_file={shell_quoted(str(place / 'postgresql.conf'))}",
            timeout_s=timeout_s + 10,
            pass_fds=(lock,),
        )
    except subprocess.TimeoutExpired:
        raise ClusterStartError("start", f"no answer within {round(timeout_s)} s", str(log)) from None
    if finished.returncode != 0:
        reason = log_complaint(log, before) or finished.stderr.strip() or "pg_ctl failed"
        raise ClusterStartError("start", reason, str(log))


def shell_quoted(value: str) -> str:
    """A value for `pg_ctl --options`, which passes them through a shell."""
    return "'" + value.replace("'", "'\\''") + "'"


def turn_log(log: Path) -> None:
    """Keep one old log once the log has grown large."""
    if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
        log.replace(log.with_suffix(".log.1"))


def log_complaint(log: Path, offset: int) -> str:
    """The last fatal line that the server wrote after `offset`, without its time stamp."""
    try:
        with log.open("rb") as stream:
            stream.seek(offset)
            lines = stream.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    fatal = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
    return fatal[0].partition("FATAL:")[2].strip() or fatal[0].strip() if fatal else ""


def shut_down(installation: Installation, place: Path, owner: Owner, *, timeout_s: float, mode: str) -> None:
    """Stop the server and wait; the caller holds the lock."""
    finished = run_as(
        owner,
        installation.program("pg_ctl"),
        "stop",
        "--silent",
        "--wait",
        f"--mode={mode}",
        f"--timeout={round(timeout_s)}",
        f"--pgdata={place / 'data'}",
        timeout_s=timeout_s + 10,
    )
    if finished.returncode != 0:
        raise ClusterStartError("stop", finished.stderr.strip() or "pg_ctl failed", str(log_file(place)))


def create_database(socket_directory: str, place: Path) -> None:
    """Make the product's database and its extension where they are missing; the caller holds the lock."""
    try:
        with connect(socket_directory, "postgres") as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if not found:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        with connect(socket_directory, DATABASE) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS postgis SCHEMA public")
    except psycopg.Error as error:
        raise ClusterStartError("prepare its database", str(error).strip(), str(log_file(place))) from error
