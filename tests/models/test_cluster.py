"""The embedded cluster starts wherever it is asked to, for whoever asks, and survives being killed."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text

from models import cluster
from models.cluster import (
    cluster_status,
    ensure_cluster,
    memory_settings,
    remove_cluster,
    stop_cluster,
)
from models.database import create_database_engine
from models.errors import (
    ClusterAccessError,
    ClusterBusyError,
    ClusterStartError,
    ClusterVersionError,
    PostgisMissingError,
)

ROOT = Path(__file__).parents[2]
GIBIBYTE = 1024**3

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that any user can reach, without a cluster yet."""
    directory = Path(tempfile.mkdtemp(prefix="qingjiang-home-"))
    directory.chmod(0o755)
    yield directory / "home"
    remove_cluster(directory / "home")
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def used_home() -> Iterator[Path]:
    """A home with a cluster, which the tests of this module kill and start again as they like."""
    directory = Path(tempfile.mkdtemp(prefix="qingjiang-home-"))
    directory.chmod(0o755)
    ensure_cluster(directory)
    yield directory
    remove_cluster(directory)
    shutil.rmtree(directory)


def ask(url: str, statement: str) -> str:
    engine = create_database_engine(url)
    try:
        with engine.begin() as connection:
            return str(connection.scalar(text(statement)))
    finally:
        engine.dispose()


def write(url: str, statement: str) -> None:
    engine = create_database_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


def postmaster(home: Path) -> int:
    pid = cluster_status(home).pid
    assert pid is not None
    return pid


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill(home: Path) -> None:
    """Kill -9 of the server, as the system does it when memory runs out."""
    pid = postmaster(home)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: cluster_status(home).state == "stopped")


def told_to(user: str, home: Path) -> str:
    """What `ensure_cluster` answers another user: the URL, or the text of its refusal."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(pwd.getpwnam(user).pw_gid)
            os.setuid(pwd.getpwnam(user).pw_uid)
            answer = ensure_cluster(home)
        except Exception as error:  # noqa: BLE001 - the child must end here, whatever happens
            answer = str(error)
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    return answer


# ---------------------------------------------------------------------------------------------- starting


def test_a_cluster_is_made_started_and_used_again(home: Path) -> None:
    assert cluster_status(home).state == "absent"
    url = ensure_cluster(home)
    first = cluster_status(home)
    assert (first.state, first.directory, first.outside_home) == ("running", home / "cluster", False)
    assert first.log_file.is_file()
    assert ask(url, "SELECT extname FROM pg_extension WHERE extname = 'postgis'") == "postgis"
    assert ensure_cluster(home) == url
    assert cluster_status(home).pid == first.pid


def test_a_cluster_is_durable_private_and_chinese(used_home: Path) -> None:
    url = ensure_cluster(used_home)
    settings = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "TimeZone": "Asia/Shanghai",
    }
    assert {name: ask(url, f"SHOW {name}") for name in settings} == settings
    assert ask(url, "SELECT '清江' < '长江'") == "True"
    for name in ("data", "socket", "log"):
        assert stat.S_IMODE((used_home / "cluster" / name).stat().st_mode) == 0o700


@needs_root
def test_root_and_the_servers_user_may_connect_and_others_may_not(used_home: Path) -> None:
    ensure_cluster(used_home)
    status = cluster_status(used_home)
    psql = shutil.which("psql")
    assert psql is not None
    command = [psql, "-h", str(status.socket_directory), "-U", "qingjiang", "qingjiang", "-Atc", "SELECT 7"]

    def answer(user: str | None) -> str:
        return subprocess.run(
            command, user=user, cwd="/", capture_output=True, text=True, check=False
        ).stdout.strip()

    assert (answer(None), answer(status.user), answer("daemon")) == ("7", "7", "")
    # Not even with a way to the socket: the kernel tells the server who calls.
    socket_directory = Path(str(status.socket_directory))
    socket_directory.chmod(0o755)
    (socket_directory / ".s.PGSQL.5432").chmod(0o777)
    assert (answer(status.user), answer("daemon")) == ("7", "")


def test_two_processes_may_start_it_at_once(home: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from models.cluster import ensure_cluster;"
        "print(ensure_cluster(Path(sys.argv[1])))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(home)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    answers = [process.communicate(timeout=100) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], answers
    assert {output for output, _ in answers} == {f"{ensure_cluster(home)}\n".encode()}


def test_a_cluster_can_be_stopped_and_started_again(used_home: Path) -> None:
    url = ensure_cluster(used_home)
    write(url, "CREATE TABLE answers AS SELECT 42 AS answer")
    assert stop_cluster(used_home) is True
    assert cluster_status(used_home).state == "stopped"
    assert stop_cluster(used_home) is False
    assert ask(ensure_cluster(used_home), "SELECT answer FROM answers") == "42"


def test_stopping_a_cluster_that_was_never_made_does_nothing(home: Path) -> None:
    assert stop_cluster(home) is False
    assert cluster_status(home).state == "absent"


def test_a_removed_cluster_leaves_nothing(home: Path) -> None:
    ensure_cluster(home)
    pid = postmaster(home)
    remove_cluster(home)
    assert cluster_status(home).state == "absent"
    assert not (home / "cluster").exists()
    with pytest.raises(ProcessLookupError):
        wait_until(lambda: os.kill(pid, 0) is not None)


# --------------------------------------------------------------------------------------------- accidents


def test_a_killed_server_is_started_again_with_everything_it_had_confirmed(used_home: Path) -> None:
    url = ensure_cluster(used_home)
    write(url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    kill(used_home)
    assert ask(ensure_cluster(used_home), "SELECT count(*) FROM kept") == "1000"


def test_a_server_killed_under_a_busy_connection_is_started_again(used_home: Path) -> None:
    ensure_cluster(used_home)
    socket_directory = str(cluster_status(used_home).socket_directory)
    psql = ["psql", "-h", socket_directory, "-U", "qingjiang", "qingjiang"]
    with subprocess.Popen([*psql, "-c", "SELECT pg_sleep(60)"], stderr=subprocess.DEVNULL) as busy:
        question = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
        url = ensure_cluster(used_home)
        wait_until(lambda: ask(url, question) == "1")
        kill(used_home)
        assert ask(ensure_cluster(used_home), "SELECT 1") == "1"
        assert busy.wait(timeout=20) != 0


def test_a_stale_pid_file_with_the_number_of_a_stranger_is_seen_through(used_home: Path) -> None:
    ensure_cluster(used_home)
    kill(used_home)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        pid_file = used_home / "cluster/data/postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        (used_home / "cluster/socket/.s.PGSQL.5432.lock").write_text(f"{stranger.pid}\n")
        assert cluster_status(used_home).state == "stopped"
        assert ask(ensure_cluster(used_home), "SELECT 1") == "1"
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_half_made_data_directory_is_made_anew(home: Path) -> None:
    ensure_cluster(home)
    stop_cluster(home)
    data = home / "cluster/data"
    half = data.rename(home / "cluster/init-99999")
    (half / "PG_VERSION").unlink()
    assert ask(ensure_cluster(home), "SELECT 1") == "1"
    assert not half.exists()


def test_a_start_that_died_before_its_database_was_made_is_finished(used_home: Path) -> None:
    url = make_url(ensure_cluster(used_home))
    with psycopg.connect(
        host=str(url.query["host"]), user=str(url.username), dbname="postgres", autocommit=True
    ) as connection:
        connection.execute("DROP DATABASE qingjiang")
    assert ask(ensure_cluster(used_home), "SELECT count(*) FROM spatial_ref_sys WHERE srid = 4490") == "1"


def test_a_socket_that_was_swept_away_comes_back(used_home: Path) -> None:
    ensure_cluster(used_home)
    before = postmaster(used_home)
    for file in (used_home / "cluster/socket").iterdir():
        file.unlink()
    assert ask(ensure_cluster(used_home), "SELECT 1") == "1"
    assert postmaster(used_home) != before


def test_a_full_server_is_a_running_server(used_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = cluster.server_settings
    monkeypatch.setattr(cluster, "server_settings", lambda *places: usual(*places) | {"max_connections": "5"})
    stop_cluster(used_home)
    url = make_url(ensure_cluster(used_home))
    before = postmaster(used_home)
    connections = []
    try:
        for _ in range(5):
            connections.append(  # noqa: PERF401 - those made so far are closed whatever happens
                psycopg.connect(host=str(url.query["host"]), user=str(url.username), dbname="qingjiang")
            )
        assert ensure_cluster(used_home) == url.render_as_string(hide_password=False)
        assert postmaster(used_home) == before
    finally:
        for connection in connections:
            connection.close()
        stop_cluster(used_home)


def test_a_server_that_cannot_start_names_its_log(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = cluster.server_settings
    monkeypatch.setattr(
        cluster, "server_settings", lambda *places: usual(*places) | {"shared_buffers": "nonsense"}
    )
    with pytest.raises(ClusterStartError, match=r"server\.log") as told:
        ensure_cluster(home)
    assert "nonsense" in told.value.reason or "configuration" in told.value.reason


def test_a_lock_that_another_process_keeps_is_an_error_after_a_while(home: Path) -> None:
    home.mkdir()
    with cluster.locked(home, 1), pytest.raises(ClusterBusyError, match=r"cluster\.lock"):
        ensure_cluster(home, timeout_s=0.2)


# ---------------------------------------------------------------------------------------- odd places


def test_a_path_with_spaces_quotes_and_chinese_signs_works(home: Path) -> None:
    odd = home / "it's 清江"
    try:
        assert ask(ensure_cluster(odd), "SELECT 1") == "1"
    finally:
        remove_cluster(odd)


def test_a_path_that_pg_ctl_cannot_take_is_refused(home: Path) -> None:
    with pytest.raises(ClusterAccessError, match="pg_ctl"):
        ensure_cluster(home / "a$b")


def test_a_long_home_has_its_socket_in_a_private_short_directory(home: Path) -> None:
    long_home = home / ("long" * 12) / ("longer" * 10)
    try:
        url = ensure_cluster(long_home)
        socket_directory = Path(str(cluster_status(long_home).socket_directory))
        assert not socket_directory.is_relative_to(long_home)
        assert len(os.fsencode(socket_directory / ".s.PGSQL.5432")) <= 107
        assert stat.S_IMODE(socket_directory.stat().st_mode) == 0o700
        assert ask(url, "SELECT 1") == "1"
        assert ensure_cluster(long_home) == url
    finally:
        remove_cluster(long_home)
    assert not socket_directory.exists()


@needs_root
def test_a_socket_directory_of_somebody_else_is_refused(home: Path) -> None:
    long_home = home / ("long" * 12) / ("longer" * 10)
    (taken, *_) = cluster.short_socket_directories(cluster.absolute(long_home))
    taken.mkdir(mode=0o777)
    try:
        with pytest.raises(ClusterAccessError, match="private directory"):
            ensure_cluster(long_home)
    finally:
        taken.rmdir()
        remove_cluster(long_home)


@needs_root
def test_under_a_closed_home_of_root_the_data_lies_outside(home: Path) -> None:
    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    hidden = closed / "home"
    try:
        assert ask(ensure_cluster(hidden), "SELECT 1") == "1"
        status = cluster_status(hidden)
        assert status.outside_home is True
        assert status.directory.parent == cluster.SYSTEM_PLACE
        assert (hidden / "cluster.location").read_text().strip() == str(status.directory)
        assert stop_cluster(hidden) is True
        assert ask(ensure_cluster(hidden), "SELECT 1") == "1"
    finally:
        remove_cluster(hidden)
    assert not status.directory.exists()


@needs_root
def test_a_user_without_rights_is_told_whose_cluster_it_is(used_home: Path) -> None:
    ensure_cluster(used_home)
    assert "belongs to another user" in told_to("daemon", used_home)


@needs_root
def test_a_plain_user_runs_a_cluster_which_root_may_use_too(home: Path) -> None:
    home.mkdir()
    os.chown(home, pwd.getpwnam("daemon").pw_uid, -1)
    url = told_to("daemon", home)
    assert cluster_status(home).user == "daemon"
    assert ensure_cluster(home) == url
    assert ask(url, "SELECT 1") == "1"
    kill(home)
    assert ask(ensure_cluster(home), "SELECT 1") == "1"
    assert told_to("daemon", home) == url


# -------------------------------------------------------------------------------------- installations


def test_a_machine_without_postgis_is_told_how_to_install_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.installations.has_postgis", lambda *_: False)
    with pytest.raises(PostgisMissingError) as told:
        ensure_cluster(home)
    message = str(told.value)
    assert "\n" not in message
    for command in ("apt-get install", "dnf install", "brew install"):
        assert command in message
    assert "without PostGIS" in message
    assert told.value.code == "postgis_missing"
    assert set(told.value.params) == {"minimum", "found", "debian", "fedora", "macos"}
    assert not (home / "cluster/data").exists()


def test_a_cluster_of_a_version_that_is_gone_says_which(home: Path) -> None:
    ensure_cluster(home)
    stop_cluster(home)
    (home / "cluster/data/PG_VERSION").write_text("13\n")
    with pytest.raises(ClusterVersionError, match="PostgreSQL 13"):
        ensure_cluster(home)


@pytest.mark.parametrize(
    ("gibibytes", "shared_buffers", "work_mem"),
    [(0.25, "64MB", "4MB"), (8, "1024MB", "16MB"), (64, "2048MB", "64MB"), (512, "2048MB", "64MB")],
)
def test_memory_settings_fit_the_machine(gibibytes: float, shared_buffers: str, work_mem: str) -> None:
    settings = memory_settings(int(gibibytes * GIBIBYTE))
    assert (settings["shared_buffers"], settings["work_mem"]) == (shared_buffers, work_mem)
