"""Owns where a visitor is sent: to the log-in, and from there back to a page of ours, never elsewhere."""

from urllib.parse import quote, urlsplit

from starlette.requests import Request

LOG_IN_PATH = "/login"
LOG_OUT_PATH = "/logout"
HOME = "/"
PATH_CHARACTERS_MAX = 2048


def own_page(path: str) -> str:
    """The path, if it is one of ours; else the page Now.

    Browsers read two slashes, or a slash and a backslash, as another site, and drop tabs and newlines first.
    """
    is_plain = path.isprintable() and " " not in path and "\\" not in path
    if not is_plain or len(path) > PATH_CHARACTERS_MAX or not path.startswith("/") or path.startswith("//"):
        return HOME
    return HOME if urlsplit(path).path in {LOG_IN_PATH, LOG_OUT_PATH} else path


def log_in_path(request: Request) -> str:
    """Where somebody logs in who wanted to see this page, to see it then."""
    wanted = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    return LOG_IN_PATH if wanted == HOME else f"{LOG_IN_PATH}?next={quote(wanted, safe='/')}"
