"""Keys for programs: a random secret shown once, of which the database keeps only a hash."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from api.errors import BadRequestError, ForbiddenError, NotKnownError, UnauthorisedError
from models.tables import ApiKey

PREFIX = "qj_"
SECRET_BYTES = 32
REGION = re.compile(r"[1-9][0-9]{5}")
KEY_ID = re.compile(r"[0-9]{1,18}")


class Role(StrEnum):
    """What a key may do: see the contracts."""

    BUREAU = "bureau"
    INSPECTOR = "inspector"
    PORTAL = "portal"
    ADMIN = "admin"


MAY_UPLOAD = frozenset({Role.BUREAU, Role.ADMIN})


def digest(key: str) -> str:
    """The hash under which a key is kept. The secret has 256 random bits, so a plain SHA-256 is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


def issue_key(
    engine: Engine, *, role: str, region_code: str | None, name: str | None, expires: date | None
) -> dict[str, Any]:
    """Make a key and return it in the contract's shape, the secret included, this once.

    Raises
    ------
    BadRequestError
        If the role is unknown or the region is no GB/T 2260 code.
    """
    if role not in set(Role):
        raise BadRequestError("role", role, ", ".join(Role))
    if region_code is not None and REGION.fullmatch(region_code) is None:
        raise BadRequestError("region", region_code, "a GB/T 2260 code of six digits")
    key = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    row = ApiKey(
        prefix=key[: len(PREFIX) + 6],
        key_hash=digest(key),
        role=role,
        region_code=region_code,
        name=name,
        expires=expires,
    )
    with Session(engine) as session, session.begin():
        session.add(row)
        session.flush()
        key_id = str(row.id)
    return {
        "id": key_id,
        "key": key,
        "role": role,
        "region_code": region_code,
        "expires": None if expires is None else expires.isoformat(),
    }


def key_rows(engine: Engine) -> list[dict[str, Any]]:
    """Every key without its secret, oldest first."""
    with Session(engine) as session:
        return [
            {
                "id": str(row.id),
                "prefix": row.prefix,
                "name": row.name,
                "role": row.role,
                "region_code": row.region_code,
                "expires": row.expires,
                "created_at": row.created_at,
                "revoked_at": row.revoked_at,
            }
            for row in session.scalars(select(ApiKey).order_by(ApiKey.id))
        ]


def end_key(engine: Engine, key_id: str) -> None:
    """Revoke a key; revoking it again changes nothing.

    Raises
    ------
    NotKnownError
        If there is no such key.
    """
    with Session(engine) as session, session.begin():
        row = session.get(ApiKey, int(key_id)) if KEY_ID.fullmatch(key_id) else None
        if row is None:
            raise NotKnownError("key", key_id)
        if row.revoked_at is None:
            # The database's clock, which also set `created_at`.
            row.revoked_at = session.scalar(select(func.now()))


def authenticate(session: Session, authorization: str | None) -> ApiKey:
    """The key behind an ``Authorization: Bearer …`` header.

    Raises
    ------
    UnauthorisedError
        If the header is missing or malformed, or the key is unknown, expired or revoked: which of them is
        not told.
    """
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise UnauthorisedError
    row = session.scalar(select(ApiKey).where(ApiKey.key_hash == digest(key.strip())))
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    if row is None or row.revoked_at is not None or (row.expires is not None and row.expires < today):
        raise UnauthorisedError
    return row


def require_upload(key: ApiKey) -> None:
    """Refuse a key whose role may not upload.

    Raises
    ------
    ForbiddenError
        If the role is neither bureau nor admin.
    """
    if key.role not in MAY_UPLOAD:
        raise ForbiddenError(key.role)
