"""Entity tags: a read that has not changed is answered with 304 and no body."""

from __future__ import annotations

import hashlib
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class EntityTags:
    """ASGI middleware: adds ``ETag`` to successful GET answers and honours ``If-None-Match``; answers HEAD.

    The tag is a hash of the body, so it is right whatever the route does. Bodies of lists are bounded by
    the page size; answers that already carry a tag, or that are streamed (no content length), pass untouched.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # the same answer; the server sends its headers only
        asked = Headers(scope=scope).get("if-none-match", "")
        start: Message | None = None
        body = bytearray()
        buffering = False

        async def answer(message: Message) -> None:
            nonlocal start, buffering
            if message["type"] == "http.response.start":
                headers = Headers(raw=message["headers"])
                buffering = message["status"] == 200 and "etag" not in headers and "content-length" in headers
                start = message
                if not buffering:
                    await send(message)
                return
            if not buffering or start is None:
                await send(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body", False):
                return
            await _finish(start, bytes(body), asked, send)

        await self.app(scope, receive, answer)


async def _finish(start: Message, body: bytes, asked: str, send: Send) -> None:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = MutableHeaders(raw=start["headers"])
    headers["ETag"] = tag
    headers["Vary"] = "Accept, Accept-Language"
    headers.setdefault("Cache-Control", "no-cache")
    known = {part.strip().removeprefix("W/") for part in asked.split(",")}
    status: dict[str, Any] = dict(start)
    if tag in known or "*" in known:
        status["status"] = 304
        del headers["content-length"]
        body = b""
    await send(status)
    await send({"type": "http.response.body", "body": body})
