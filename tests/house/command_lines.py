"""Finds the `controlplane …` commands that pages and files show, and says which of them do not exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

_SHOWN = re.compile(r"(?:^|[\s\"`(])(?:\S*/)?controlplane (?P<rest>[a-z][^`\n|)\"']*)", re.MULTILINE)
_LIST = re.compile(r'\["controlplane", (?P<rest>"[^\]]+)\]')
_CODE = re.compile(r"```(?:sh|console)?\n(.*?)```|`([^`\n]+)`", re.DOTALL)


class Command(Protocol):
    """What is needed of a command, or of a group of them, which has `commands`, too."""

    params: list[Any]


def shown_in(path: Path) -> list[list[str]]:
    """The words after `controlplane` of every command that the file shows; of a page, only what is code."""
    text = path.read_text()
    if path.suffix == ".md":
        text = "\n".join(block or inline for block, inline in _CODE.findall(text))
    lists = [match["rest"].replace(",", " ") for match in _LIST.finditer(text)]
    lines = [re.split(r" #| > ", line)[0] for line in text.splitlines() if not line.lstrip().startswith("#")]
    shown = [match["rest"] for line in lines for match in _SHOWN.finditer(line)]
    return [words for rest in (*shown, *lists) if (words := _words(rest))]


def unknown(root: Command, commands: list[list[str]]) -> list[str]:
    """Which of the commands the program does not have, or not with that option."""
    return [complaint for words in commands for complaint in _complaints(root, words)]


def _words(rest: str) -> list[str]:
    return shlex.split(rest.replace("…", "x").replace("[", "").replace("]", ""))


def _complaints(command: Command, words: list[str]) -> Iterator[str]:
    path = ["controlplane"]
    while words and (commands := getattr(command, "commands", None)):
        name, *words = words
        path.append(name)
        if name not in commands:
            yield f"`{' '.join(path)}` is not a command"
            return
        command = commands[name]
    options = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for word in words:
        if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in options | {"--help"}:
            yield f"`{' '.join(path)}` has no option {word}"
