"""Owns what an HTTP answer may be: bytes in, at most this many of each kind, a complete answer out.

No IO happens here. Redirects are noted, never followed. Bodies are taken as they come: the request asks for
`identity`, and what is compressed all the same is not inflated, so a gzip bomb is only some bytes.
"""

from typing import Any

import httptools

from controlplane.adapters.probes.faults import ProbeFailed
from controlplane.domain.outcome import Reason

HEADER_BYTES_MAX = 32 * 1024
HEADERS_MAX = 128
BODY_BYTES_MAX = 1024 * 1024
"""A health page above this is no health page; reading it every few seconds would harm both sides."""
BODY_SEARCHED_BYTES_MAX = 64 * 1024
APPLIED_BYTES_MAX = 4 * 1024
LOCATION_BYTES_MAX = 256

_INTERIM = frozenset(range(100, 200)) - {101}
"""Answers before the answer; after 101, which nobody asked for, there is none."""
_APPLIED = b"controlplane-applied"
_LOCATION = b"location"
_LENGTHS = (b"content-length", b"transfer-encoding")
_NOTED = frozenset({_APPLIED, _LOCATION, *_LENGTHS})


class Answer:
    """The answer to one request, as it comes in."""

    __slots__ = (
        "_body",
        "_delimited",
        "_header_bytes",
        "_headers",
        "_in_body",
        "_parser",
        "_received_bytes",
        "applied",
        "complete",
        "location",
        "reusable",
        "status",
    )

    def __init__(self, *, keep_body: bool) -> None:
        """`keep_body`: whether somebody will look into the body; else it is only counted."""
        self.status: int | None = None
        self.applied: str | None = None
        self.location = ""
        self.complete = False
        self.reusable = False
        """Whether the connection may carry another request."""
        self._body = bytearray() if keep_body else None
        self._received_bytes = 0
        """Everything on the wire: interim answers and what chunks are wrapped in are bytes, too."""
        self._header_bytes = 0
        self._headers = 0
        self._delimited = False
        self._in_body = False
        self._parser: Any = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take what the target sent; `complete` says whether that was all.

        Raises:
            ProbeFailed: it is not HTTP, or it is too much of it.
        """
        self._received_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.reusable = False
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserError as error:
            self.reusable = False
            if not self.complete:
                raise ProbeFailed(Reason.NOT_HTTP, f"not HTTP/1.1: {error}") from error
        if not self.complete:
            self._bound()

    def end(self) -> None:
        """The target closed the connection, which ends a body without a length.

        Raises:
            ProbeFailed: the answer was not complete.
        """
        if self._in_body and not self._delimited:
            self.complete = True
        if not self.complete:
            where = "within the body" if self._in_body else "within the header"
            raise ProbeFailed(
                Reason.CLOSED, f"closed {where if self._received_bytes else 'without an answer'}"
            )

    def release(self) -> None:
        """Let go of the parser: it and this refer to each other, which only the collector would end."""
        self._parser = None

    def body_text(self) -> str:
        """The first 64 KiB of the body; what is not UTF-8 is replaced."""
        return bytes(self._body or b"").decode(errors="replace")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser for each header line."""
        self._headers += 1
        self._header_bytes += len(name) + len(value)
        if self._headers > HEADERS_MAX or self._header_bytes > HEADER_BYTES_MAX:
            text = f"{self._headers} header lines of {self._header_bytes} bytes"
            raise ProbeFailed(Reason.HEADER_TOO_LARGE, text)
        name = name.lower()
        if name in _NOTED and not self.complete:
            self._note(name, value)

    def on_headers_complete(self) -> None:
        """Called by the parser after the last header line."""
        if self.complete:  # of something after the answer
            return
        self.status = self._parser.get_status_code()
        self._in_body = True

    def on_body(self, data: bytes) -> None:
        """Called by the parser for each piece of the body."""
        if self._body is not None and len(self._body) < BODY_SEARCHED_BYTES_MAX:
            self._body += data[: BODY_SEARCHED_BYTES_MAX - len(self._body)]

    def on_message_complete(self) -> None:
        """Called by the parser at the end of an answer, interim ones included."""
        if self.status in _INTERIM:
            self._in_body = False
        else:
            self.reusable = not self.complete and self._parser.should_keep_alive()
            self.complete = True

    def _bound(self) -> None:
        if not self._in_body and self._received_bytes > HEADER_BYTES_MAX:
            raise ProbeFailed(Reason.HEADER_TOO_LARGE, f"the header goes on after {HEADER_BYTES_MAX} bytes")
        if self._received_bytes > HEADER_BYTES_MAX + BODY_BYTES_MAX:
            raise ProbeFailed(Reason.BODY_TOO_LARGE, f"the body goes on after {BODY_BYTES_MAX} bytes")

    def _note(self, name: bytes, value: bytes) -> None:
        if name in _LENGTHS:
            self._delimited = True
        elif name == _LOCATION:
            self.location = value[:LOCATION_BYTES_MAX].decode("latin-1")
        else:
            text = value.decode("latin-1")
            applied = text if self.applied is None else f"{self.applied}, {text}"
            self.applied = applied if len(applied) <= APPLIED_BYTES_MAX else self.applied
