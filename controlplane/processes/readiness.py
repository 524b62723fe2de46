"""Owns one question over HTTP: does a server on this machine answer, and with which status."""

import http.client

ANSWER_TIMEOUT_SECONDS = 2


def http_status(host: str, port: int, path: str) -> int | None:
    """The status of a GET, or None where no answer comes within 2 s."""
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
