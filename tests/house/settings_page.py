"""Writes docs/settings.md from the settings themselves: `make docs`."""

import sys

from controlplane.settings import CONFIG_VARIABLE, Knob, knobs

_HEAD = f"""\
# Settings

<!-- written by `make docs`; a test compares -->

A setting is an environment variable, or a line of the TOML file that `{CONFIG_VARIABLE}` names: the same name
in lower case, without `CONTROLPLANE_`. The environment wins. An empty variable counts as not set. An unknown
name and a value that is not allowed are errors at the start, each with its place and with what is allowed.

```toml
# /etc/controlplane/controlplane.toml
port = 8600
consul_http_addr = "127.0.0.1:8500"
```

| variable | allowed | default | meaning |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(map(_row, knobs().values()))


def _row(knob: Knob) -> str:
    allowed = f"{knob.allowed} {knob.unit}".rstrip() + (", secret" if knob.secret else "")
    default = f"`{knob.default}`" if knob.default else ""
    return f"| `{knob.variable}` | {allowed} | {default} | {knob.meaning} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
