"""House law: what ruff, mypy and the import contracts cannot say, each law one function over a folder.

A law answers with its violations, `path:line: what is wrong`; none is a clean house. `test_law.py` holds the
house to each law and plants a violation of each.
"""

import ast
import re
import statistics
from collections.abc import Iterable, Iterator, Mapping
from logging import LogRecord
from pathlib import Path

MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 50
FUNCTION_LINES_MEDIAN_MAX = 10

TOP_LEVEL = frozenset(
    {
        *("controlplane", "migrations", "web", "tests", "bench", "docs", "deploy"),
        *("alembic.ini", "pyproject.toml", "requirements.txt", "Dockerfile", "compose.yaml", "Makefile"),
        *("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"),
    }
)
"""What a visitor finds at the top, beside names that begin with a dot."""

_LEFT_OVER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK|NotImplementedError)\b")
_UNSEEN = re.compile(r"pytest\.(?:mark\.)?(?:skip|skipif|xfail|importorskip)\b")
_TAKEN_FIELDS = frozenset(vars(LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: Path) -> list[Path]:
    """Every module below the folders, without what tools left there."""
    return sorted(
        path for folder in folders for path in folder.rglob("*.py") if "node_modules" not in path.parts
    )


def long_modules(folder: Path) -> list[str]:
    """Modules beyond the size that can be read in one sitting."""
    sizes = {path: len(path.read_text().splitlines()) for path in python_files(folder)}
    return [
        f"{path}:1: {size} lines, at most {MODULE_LINES_MAX}"
        for path, size in sizes.items()
        if size > MODULE_LINES_MAX
    ]


def long_functions(folder: Path) -> list[str]:
    """Functions beyond a screen, and a house whose usual function is no longer short."""
    lengths = [(path, item, _length(item)) for path in python_files(folder) for item in _functions(path)]
    violations = [
        f"{path}:{item.lineno}: {item.name} has {length} lines, at most {FUNCTION_LINES_MAX}"
        for path, item, length in lengths
        if length > FUNCTION_LINES_MAX
    ]
    median = statistics.median([length for _, _, length in lengths] or [0])
    if median >= FUNCTION_LINES_MEDIAN_MAX:
        violations.append(
            f"{folder}: the median function has {median} lines, below {FUNCTION_LINES_MEDIAN_MAX} is wanted"
        )
    return violations


def undescribed_modules(*folders: Path) -> list[str]:
    """Modules whose first line does not say what they own; an empty file owns nothing."""
    return [
        f"{path}:1: the first line is a docstring that says what this file owns"
        for path in python_files(*folders)
        if (text := path.read_text()) and not text.startswith('"""')
    ]


def left_overs(*folders: Path) -> list[str]:
    """Marks of work that was not finished."""
    return _matches(_files(folders), _LEFT_OVER, "finish it, or say it in an issue")


def unseen_tests(folder: Path) -> list[str]:
    """Tests that can pass without being run."""
    return _matches(python_files(folder), _UNSEEN, "a test that does not run proves nothing")


def promiseless_tests(folder: Path) -> list[str]:
    """Tests without a docstring that is one promise."""
    return [
        f"{path}:{item.lineno}: {item.name} does not say what it promises"
        for path in python_files(folder)
        for item in _functions(path)
        if path.name.startswith("test_") and item.name.startswith("test_") and not ast.get_docstring(item)
    ]


def patched_tests(folder: Path) -> list[str]:
    """Tests that replace a part of the program behind its back, where a fake can be handed over."""
    return [
        f"{path}:{call.lineno}: pass a fake from tests/fakes instead of patching"
        for path in python_files(folder)
        for call in _calls(path)
        if ast.unparse(call.func) == "monkeypatch.setattr"
    ]


def clashing_log_fields(folder: Path) -> list[str]:
    """Extra fields of a log line that the logging library would refuse at run time."""
    return [
        f"{path}:{key.lineno}: logging keeps the field {key.value!r} for itself"
        for path in python_files(folder)
        for call in _calls(path)
        for keyword in call.keywords
        if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict)
        for key in keyword.value.keys
        if isinstance(key, ast.Constant) and key.value in _TAKEN_FIELDS
    ]


def unread_settings(folder: Path, names: Mapping[str, str]) -> list[str]:
    """Settings that nothing reads, by field or by variable: they would be promises without effect."""
    texts = [path.read_text() for path in python_files(folder) if path.parent.name != "settings"]
    return [
        f"{field}: no code reads this setting"
        for field, variable in names.items()
        if not any(re.search(rf"\.{field}\b|[\"']{variable}[\"']", text) for text in texts)
    ]


def strangers_at_the_top(names: Iterable[str]) -> list[str]:
    """Top-level names beyond the agreed layout."""
    return [
        f"{name}: not part of the top level"
        for name in sorted(set(names))
        if name[0] != "." and name not in TOP_LEVEL
    ]


def named_registries(paths: Iterable[Path], hosts: Iterable[str]) -> list[str]:
    """Files that name the host of a package registry: where packages come from is the machine's business."""
    pattern = re.compile("|".join(map(re.escape, sorted(hosts))) or r"(?!)")
    return _matches(paths, pattern, "names the host of a package registry")


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".pyc")


def _matches(paths: Iterable[Path], pattern: re.Pattern[str], complaint: str) -> list[str]:
    return [
        f"{path}:{number}: {found.group()!r}: {complaint}"
        for path in paths
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if (found := pattern.search(line))
    ]


def _functions(path: Path) -> Iterator[Function]:
    return (item for item in ast.walk(ast.parse(path.read_text())) if isinstance(item, Function))


def _calls(path: Path) -> Iterator[ast.Call]:
    return (item for item in ast.walk(ast.parse(path.read_text())) if isinstance(item, ast.Call))


def _length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1
