"""Owns the two places to fetch a Consul from: the distribution's archive and the vendor's releases.

Both fetch into a working folder and answer the path of a verified binary there, or raise `SourceFailure`.
"""

import hashlib
import io
import platform
import shutil
import subprocess
import zipfile
from pathlib import Path

import httpx

_DEBIAN_SUITE = "bullseye"  # the last Debian that carries the package
_DEBIAN_SHA256 = "e4e888bba104daba1d9161f49bfc52649a7e4efd45b1a7ead5bc54f2cb9c89d9"
_DEBIAN_MACHINE = "x86_64"
_DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_ARCHIVES_IN_USE = ("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages")
_COMMAND_TIMEOUT_SECONDS = 180

VENDOR_RELEASES = "https://" + "releases.hashicorp.com" + "/consul"
_VENDOR_VERSION = "1.8.7"  # the one that Debian carries and the tests run
_VENDOR_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_NETWORK_TIMEOUT_SECONDS = 20
_ARCHIVE_BYTES_MAX = 256 * 1024 * 1024
_BINARY_BYTES_MAX = 512 * 1024 * 1024


class SourceFailure(Exception):
    """This source has no Consul for us; the text says why."""


def fetch_from_debian(work: Path, *, keyring: Path = _DEBIAN_KEYRING) -> Path:
    """Debian's package, from whatever archive this machine's apt already uses, without touching its state.

    Raises:
        SourceFailure: no Debian, no apt, another processor, no archive that carries it, a wrong checksum.
    """
    _require_debian(keyring)
    reasons = []
    for site in dict.fromkeys(_run(work, *_ARCHIVES_IN_USE).split()):
        try:
            return _unpack_package(_download_package(work, site, keyring), work)
        except SourceFailure as failure:
            reasons.append(str(failure))
    raise SourceFailure("; ".join(reasons) or "apt knows no archive")


def _require_debian(keyring: Path) -> None:
    if platform.machine() != _DEBIAN_MACHINE:
        raise SourceFailure(f"the known package is for {_DEBIAN_MACHINE}, this is {platform.machine()}")
    missing = [tool for tool in ("apt-get", "dpkg") if shutil.which(tool) is None]
    if missing or not keyring.exists():
        raise SourceFailure(f"this is no Debian: {missing[0] if missing else keyring} is missing")


def _download_package(work: Path, site: str, keyring: Path) -> Path:
    sources = work / "sources.list"
    sources.write_text(f"deb [signed-by={keyring}] {site} {_DEBIAN_SUITE} main\n")
    for folder in ("lists/partial", "cache/archives/partial"):  # apt does not make them
        (work / folder).mkdir(parents=True, exist_ok=True)
    private = (
        f"Dir::Etc::SourceList={sources}",
        "Dir::Etc::SourceParts=/dev/null",
        f"Dir::State::Lists={work / 'lists'}",
        f"Dir::Cache={work / 'cache'}",
        f"Acquire::http::Timeout={_NETWORK_TIMEOUT_SECONDS}",
        "APT::Sandbox::User=root",  # its download user may not enter a private cache folder
    )
    options = [part for setting in private for part in ("-o", setting)]
    for command in (("update", "--error-on=any"), ("download", "consul")):
        _run(work, "apt-get", *options, *command)
    return next(work.glob("consul_*.deb"))


def _unpack_package(package: Path, work: Path) -> Path:
    found = hashlib.sha256(package.read_bytes()).hexdigest()
    if found != _DEBIAN_SHA256:
        raise SourceFailure(f"{package.name} has SHA-256 {found}, expected is {_DEBIAN_SHA256}")
    _run(work, "dpkg", "-x", str(package), str(work / "unpacked"))
    return work / "unpacked" / "usr" / "bin" / "consul"


def _run(work: Path, *argv: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - fixed tools, arguments of ours, no shell
            argv,
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceFailure(f"{argv[0]}: {error}") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise SourceFailure(f"{argv[0]} failed: {last}")
    return done.stdout


def fetch_from_vendor(work: Path, *, releases: str = VENDOR_RELEASES) -> Path:
    """The vendor's release for this processor, checked against the vendor's list of checksums.

    Raises:
        SourceFailure: another processor or system, no network, a wrong checksum, no such file.
    """
    machine = _VENDOR_MACHINES.get(platform.machine())
    if machine is None or platform.system() != "Linux":
        raise SourceFailure(f"no release is known for {platform.system()} on {platform.machine()}")
    stem = f"{releases}/{_VENDOR_VERSION}/consul_{_VENDOR_VERSION}"
    name = f"consul_{_VENDOR_VERSION}_linux_{machine}.zip"
    expected = _listed_checksum(_download(f"{stem}_SHA256SUMS").decode(errors="replace"), name)
    archive = _download(f"{stem}_linux_{machine}.zip")
    found = hashlib.sha256(archive).hexdigest()
    if found != expected:
        raise SourceFailure(f"{name} has SHA-256 {found}, expected is {expected}")
    return _unzip(archive, work / "consul")


def _listed_checksum(listing: str, name: str) -> str:
    """Lines of `<sha256>  <file name>`."""
    sums = {row[1]: row[0] for line in listing.splitlines() if len(row := line.split()) == 2}  # noqa: PLR2004
    if name not in sums:
        raise SourceFailure(f"the list of checksums does not name {name}")
    return sums[name]


def _download(address: str) -> bytes:
    body = bytearray()
    try:
        with httpx.stream("GET", address, follow_redirects=True, timeout=_NETWORK_TIMEOUT_SECONDS) as answer:
            answer.raise_for_status()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > _ARCHIVE_BYTES_MAX:
                    raise SourceFailure(f"{address} is larger than {_ARCHIVE_BYTES_MAX} bytes")
    except httpx.HTTPError as error:
        raise SourceFailure(f"{address}: {error}") from error
    return bytes(body)


def _unzip(archive: bytes, into: Path) -> Path:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            if opened.getinfo("consul").file_size > _BINARY_BYTES_MAX:
                raise SourceFailure(f"the unpacked binary would be larger than {_BINARY_BYTES_MAX} bytes")
            into.write_bytes(opened.read("consul"))
    except (zipfile.BadZipFile, KeyError) as error:
        raise SourceFailure(f"the release is not a zip archive with a file `consul`: {error}") from error
    return into
