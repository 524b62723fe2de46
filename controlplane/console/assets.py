"""Owns where templates and static files are found: in a wheel inside the package, in a checkout beside it."""

import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_PACKAGE = Path(__file__).resolve().parents[1]


def web_root() -> Path:
    """The folder that holds `templates` and `static`.

    Raises:
        FileNotFoundError: the installation is not complete.
    """
    for folder in (_PACKAGE / "_web", _PACKAGE.parent / "web"):
        if (folder / "templates").is_dir():
            return folder
    raise FileNotFoundError(
        f"the pages are missing: neither {_PACKAGE / '_web'} nor {_PACKAGE.parent / 'web'}"
    )


class StaticAssets(StaticFiles):
    """Static files that a browser keeps, and asks about by their ETag before it uses them again."""

    def __init__(self) -> None:
        super().__init__(directory=web_root() / "static")

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """The file, or 304 where the browser has it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "no-cache"
        return response
