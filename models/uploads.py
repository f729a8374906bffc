"""Which uploads are being loaded, and which only say so: a lock that lives as long as the loading connection.

An upload is written down as ``loading`` before its rows go in. Where its process is killed nobody is left to
say otherwise. The connection that loads holds a lock of the session on the upload's number, from before the
row can be seen until it says what became of it; PostgreSQL lets go of it with the connection, so that whoever
can take the lock knows that the load is dead.
"""

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from models.tables import UploadRow

LOADING = "loading"
_LOCKS = 4_490
"""Any fixed number: the first half of the locks' keys. The second is the upload's number."""


def hold_upload(session: Session, upload_id: int) -> None:
    """Take the lock of an upload for the session's connection, beyond its transaction.

    Call it in the transaction that writes the upload down, and keep the connection until `release_upload`.
    """
    session.execute(text("SELECT pg_advisory_lock(:locks, :half)"), _key(upload_id))


def release_upload(session: Session, upload_id: int) -> None:
    """Let go of the lock of an upload whose fate is written down."""
    session.execute(text("SELECT pg_advisory_unlock(:locks, :half)"), _key(upload_id))


def fail_dead_uploads(session: Session) -> list[int]:
    """Mark uploads as failed that say ``loading`` and that no connection loads; returns their numbers."""
    loading = session.scalars(select(UploadRow.id).where(UploadRow.state == LOADING).order_by(UploadRow.id))
    free = [
        number
        for number in loading.all()
        if session.scalar(text("SELECT pg_try_advisory_xact_lock(:locks, :half)"), _key(number))
    ]
    if not free:
        return []
    # Some may have ended since they were looked up: the state is asked for once more.
    failed = session.scalars(
        update(UploadRow)
        .where(UploadRow.id.in_(free), UploadRow.state == LOADING)
        .values(state="failed", finished_at=func.greatest(func.clock_timestamp(), UploadRow.received_at))
        .returning(UploadRow.id)
        .execution_options(synchronize_session=False)
    )
    return sorted(failed)


def _key(upload_id: int) -> dict[str, int]:
    return {"locks": _LOCKS, "half": upload_id % (1 << 31)}
