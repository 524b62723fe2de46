"""What is fetched is checked before it is used."""

import hashlib
import io
import platform
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from controlplane.processes.consul_sources import SourceFailure, fetch_from_debian, fetch_from_vendor

VERSION = "1.8.7"
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
ARCHIVE = f"consul_{VERSION}_linux_{MACHINE}.zip"
SUMS = f"consul_{VERSION}_SHA256SUMS"

APT = """#!/bin/sh
echo "$@" >>{asked}
case "$*" in
    indextargets*) echo mirror;;
    *download*) echo evil >consul_1.deb;;
esac
"""

Publish = Callable[[Mapping[str, bytes]], str]


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder and prints nothing."""

    def log_message(self, *_args: object) -> None: ...


@pytest.fixture
def publish(tmp_path: Path) -> Iterator[Publish]:
    """Publishes files as the vendor does, and answers the address of the releases."""
    folder = tmp_path / "releases"
    (folder / VERSION).mkdir(parents=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()

        def publish(files: Mapping[str, bytes]) -> str:
            for name, content in files.items():
                (folder / VERSION / name).write_bytes(content)
            return f"http://127.0.0.1:{server.server_port}"

        yield publish
        server.shutdown()


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def listed(archive: bytes, name: str = ARCHIVE) -> bytes:
    other = f"{'0' * 64}  consul_{VERSION}_plan9_amd64.zip"
    return f"{other}\n{hashlib.sha256(archive).hexdigest()}  {name}\n".encode()


def test_a_release_is_unpacked(publish: Publish, tmp_path: Path) -> None:
    """The binary of a release whose checksum is right lies in the working folder."""
    archive = zipped(consul=b"a binary", LICENSE=b"a licence")
    releases = publish({ARCHIVE: archive, SUMS: listed(archive)})

    assert fetch_from_vendor(tmp_path, releases=releases).read_bytes() == b"a binary"


def test_a_wrong_checksum_is_refused(publish: Publish, tmp_path: Path) -> None:
    """An archive that is not the listed one is never unpacked."""
    releases = publish({ARCHIVE: zipped(consul=b"evil"), SUMS: listed(zipped(consul=b"good"))})
    with pytest.raises(
        SourceFailure, match=rf"{ARCHIVE} has SHA-256 [0-9a-f]{{64}}, expected is [0-9a-f]{{64}}"
    ):
        fetch_from_vendor(tmp_path, releases=releases)
    assert not (tmp_path / "consul").exists()


def test_a_list_without_our_file_is_refused(publish: Publish, tmp_path: Path) -> None:
    """A checksum of another file proves nothing about ours."""
    archive = zipped(consul=b"a binary")
    releases = publish({ARCHIVE: archive, SUMS: listed(archive, "another.zip")})
    with pytest.raises(SourceFailure, match=f"the list of checksums does not name {ARCHIVE}"):
        fetch_from_vendor(tmp_path, releases=releases)


@pytest.mark.parametrize(
    "archive", [b"no archive", zipped(README=b"no consul")], ids=["garbage", "no consul"]
)
def test_something_else_than_a_release_is_refused(publish: Publish, tmp_path: Path, archive: bytes) -> None:
    """What is listed but holds no Consul is a reason, not a crash."""
    releases = publish({ARCHIVE: archive, SUMS: listed(archive)})
    with pytest.raises(SourceFailure, match="the release is not a zip archive with a file `consul`"):
        fetch_from_vendor(tmp_path, releases=releases)


def test_a_missing_release_is_a_reason(publish: Publish, tmp_path: Path) -> None:
    """The reason holds the address and the status."""
    releases = publish({})
    with pytest.raises(SourceFailure, match=rf"{SUMS}: .*404"):
        fetch_from_vendor(tmp_path, releases=releases)


def test_no_network_is_a_reason(tmp_path: Path) -> None:
    """An address that nobody listens on is a reason."""
    with pytest.raises(SourceFailure, match=r"127\.0\.0\.1:1/"):
        fetch_from_vendor(tmp_path, releases="http://127.0.0.1:1")


def test_a_package_with_another_checksum_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's package is used only if it is the very one that is known, and apt gets folders of our own."""
    apt = tmp_path / "tools" / "apt-get"
    apt.parent.mkdir()
    apt.write_text(APT.format(asked=tmp_path / "asked"))
    apt.chmod(0o755)
    apt.with_name("dpkg").symlink_to("/bin/false")
    monkeypatch.setenv("PATH", str(apt.parent))
    keyring = tmp_path / "keyring.gpg"
    keyring.touch()
    with pytest.raises(SourceFailure, match=r"consul_1\.deb has SHA-256 [0-9a-f]{64}, expected is e4e888bb"):
        fetch_from_debian(tmp_path, keyring=keyring)

    assert f"Dir::State::Lists={tmp_path}/lists" in (tmp_path / "asked").read_text()
    sources = f"deb [signed-by={keyring}] mirror bullseye main\n"
    assert (tmp_path / "sources.list").read_text() == sources
