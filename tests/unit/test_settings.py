"""Every setting is typed, comes from one of two places, and a mistake in it is one readable sentence."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from controlplane.settings import Settings, SettingsError, knobs, load_settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting is in the environment until the test puts it there."""
    for knob in knobs().values():
        monkeypatch.delenv(knob.variable, raising=False)
    monkeypatch.delenv("CONTROLPLANE_CONFIG", raising=False)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the settings file, which the environment names."""
    path = tmp_path / "controlplane.toml"
    monkeypatch.setenv("CONTROLPLANE_CONFIG", str(path))
    return path


def mistake() -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


def test_defaults():
    """Nothing set is a private installation on the loopback address."""
    settings = load_settings()

    assert (settings.host, settings.port, settings.probers, settings.vantage) == (
        "127.0.0.1",
        8600,
        1,
        "local",
    )
    assert (settings.database_url, settings.consul_http_addr) == (None, None)


def test_environment(monkeypatch: pytest.MonkeyPatch):
    """A variable sets the setting of its name; Consul's own keep theirs."""
    monkeypatch.setenv("CONTROLPLANE_PORT", "9000")
    monkeypatch.setenv("CONSUL_HTTP_ADDR", "10.0.0.1:8500")
    monkeypatch.setenv("CONSUL_HTTP_SSL", "true")

    settings = load_settings()

    assert (settings.port, settings.consul_http_addr, settings.consul_http_ssl) == (
        9000,
        "10.0.0.1:8500",
        True,
    )


def test_empty_variable(monkeypatch: pytest.MonkeyPatch):
    """An empty variable is as good as none."""
    monkeypatch.setenv("CONTROLPLANE_PORT", "")
    monkeypatch.setenv("CONTROLPLANE_CONFIG", "")

    assert load_settings().port == 8600


def test_file(file: Path, monkeypatch: pytest.MonkeyPatch):
    """The file sets what the environment leaves open."""
    file.write_text('port = 9001\nlog_retention_hours = 72\nconsul_http_addr = "10.0.0.2:8500"\n')
    monkeypatch.setenv("CONTROLPLANE_PORT", "9000")

    settings = load_settings()

    assert (settings.port, settings.log_retention_hours) == (9000, 72)
    assert settings.consul_http_addr == "10.0.0.2:8500"


def test_data_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Data lie in the user's data folder unless told otherwise."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert load_settings().data_dir == tmp_path / "controlplane"

    monkeypatch.setenv("XDG_DATA_HOME", "")
    monkeypatch.setenv("HOME", "/home/ada")
    assert load_settings().data_dir == Path("/home/ada/.local/share/controlplane")


def test_frozen():
    """Nobody changes a setting after it was read."""
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]  # the type checker refuses it, too


def test_addresses_have_one_spelling(monkeypatch: pytest.MonkeyPatch):
    """A slash at the end of an address is dropped."""
    monkeypatch.setenv("CONTROLPLANE_PUBLIC_URL", "https://failover.example/")

    assert load_settings().public_url == "https://failover.example"


def test_trusted_proxies(monkeypatch: pytest.MonkeyPatch):
    """Addresses and networks of both families, with commas between."""
    monkeypatch.setenv("CONTROLPLANE_TRUSTED_PROXIES", "10.0.0.7, 10.1.0.0/16,fd00::/8")

    assert load_settings().trusted_proxies == "10.0.0.7, 10.1.0.0/16,fd00::/8"


@pytest.mark.parametrize("name", ["database_url", "token", "consul_http_token", "secret_key"])
def test_secrets_hide(monkeypatch: pytest.MonkeyPatch, name: str):
    """A secret stands neither in the representation of the settings nor in a complaint about it."""
    monkeypatch.setenv(knobs()[name].variable, "postgresql://app:geheim@db/controlplane")
    assert "geheim" not in repr(load_settings())

    monkeypatch.setenv("CONTROLPLANE_DATABASE_URL", "mysql://app:geheim@db")
    assert "geheim" not in mistake()


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("CONTROLPLANE_PORT", "http", "CONTROLPLANE_PORT: 'http' (from the environment) is not allowed"),
        ("CONTROLPLANE_PORT", "0", "allowed is 1 to 65535"),
        ("CONTROLPLANE_LOG_RETENTION_HOURS", "0", "allowed is 1 to 8760 hours"),
        ("CONTROLPLANE_LOG_LEVEL", "loud", "allowed is debug, info, warning, error"),
        ("CONTROLPLANE_VANTAGE", "Local", "allowed is a lower-case letter, then up to 62"),
        ("CONTROLPLANE_URL", "control:8600", "allowed is `http://…` or `https://…`"),
        ("CONTROLPLANE_CONSUL_PREFIX", "/controlplane/", "allowed is a prefix of keys"),
        ("CONTROLPLANE_CONSUL_PREFIX", "controlplane", "allowed is a prefix of keys"),
        ("CONTROLPLANE_SECRET_KEY", "short", "allowed is at least 32 random characters"),
        ("CONTROLPLANE_TRUSTED_PROXIES", "10.0.0.7, proxy", "allowed is addresses and networks"),
        ("CONTROLPLANE_TRUSTED_PROXIES", "*", "allowed is addresses and networks"),
        ("CONSUL_HTTP_SSL", "perhaps", "CONSUL_HTTP_SSL: 'perhaps' (from the environment) is not allowed"),
    ],
)
def test_mistakes(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str):
    """A value that is not allowed is named with its place and with what is allowed."""
    monkeypatch.setenv(variable, value)

    assert sentence in mistake()


def test_all_mistakes_at_once(monkeypatch: pytest.MonkeyPatch, file: Path):
    """Mistakes of both places are told together, one line each."""
    monkeypatch.setenv("CONTROLPLANE_PORT", "0")
    file.write_text("log_retention_hours = -1\n")

    assert mistake().splitlines() == [
        "CONTROLPLANE_PORT: '0' (from the environment) is not allowed; allowed is 1 to 65535",
        f"CONTROLPLANE_LOG_RETENTION_HOURS: -1 (from {file}) is not allowed; allowed is 1 to 8760 hours",
    ]


def test_unknown_variable(monkeypatch: pytest.MonkeyPatch):
    """A variable nobody reads is an error, with the name that was probably meant."""
    monkeypatch.setenv("CONTROLPLANE_PROT", "9000")
    monkeypatch.setenv("CONTROLPLANE_ZZZ", "1")

    assert mistake().splitlines() == [
        "CONTROLPLANE_PROT (from the environment) is not a setting; did you mean CONTROLPLANE_PORT?",
        "CONTROLPLANE_ZZZ (from the environment) is not a setting; docs/settings.md lists all of them",
    ]


def test_unknown_name_in_the_file(file: Path):
    """A name in the file that nobody reads is an error, with the name that was probably meant."""
    file.write_text("prot = 9000\n")

    assert mistake() == f"prot (from {file}) is not a setting; did you mean port?"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "cannot be read: No such file"), (b"port: 9000", "is not TOML"), (b"\xff", "is not TOML")],
)
def test_unreadable_file(file: Path, content: bytes | None, sentence: str):
    """A file that is not there or is not TOML is an error that names it."""
    if content is not None:
        file.write_bytes(content)

    assert sentence in mistake()
    assert str(file) in mistake()


def test_every_setting_explains_itself():
    """Every setting has a sentence for people, and every number that counts something says what."""
    for name, knob in knobs().items():
        assert knob.meaning.endswith("."), name
        assert knob.unit or not knob.allowed[0].isdigit() or name == "port", name
