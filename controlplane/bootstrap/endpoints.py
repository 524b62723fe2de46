"""Owns the reading of addresses out of the settings."""

from controlplane.adapters.consul_endpoint import ConsulEndpoint
from controlplane.processes.private_file import kept_secret, private_folder
from controlplane.settings import Settings


class NotConfigured(Exception):
    """A process was started without a setting that it cannot do without; the text names it."""


def consul_endpoint(settings: Settings) -> ConsulEndpoint:
    """How Consul is reached.

    Raises:
        NotConfigured: no address is set.
    """
    if not settings.consul_http_addr:
        raise NotConfigured(
            "CONSUL_HTTP_ADDR is not set: `host:port` of a Consul agent; `serve` brings its own"
        )
    token = settings.consul_http_token
    address = settings.consul_http_addr
    if settings.consul_http_ssl and "://" not in address:
        address = f"https://{address}"
    return ConsulEndpoint(
        address=address,
        token=token.get_secret_value() if token else None,
        verify=settings.consul_http_ssl_verify,
        ca_file=settings.consul_cacert,
    )


def database_address(settings: Settings) -> str:
    """The address of PostgreSQL.

    Raises:
        NotConfigured: none is set.
    """
    if settings.database_url is None:
        raise NotConfigured(
            "CONTROLPLANE_DATABASE_URL is not set: postgresql://user:password@host/database; "
            "`serve` brings its own"
        )
    return settings.database_url.get_secret_value()


def secret_key(settings: Settings) -> str:
    """What signs cookies: the key that is set, else one kept in the data folder.

    Raises:
        ProcessError: the file can neither be read nor written.
    """
    if settings.secret_key:
        return settings.secret_key.get_secret_value()
    return kept_secret(private_folder(settings.data_dir) / "secret-key")


def public_url(settings: Settings) -> str:
    """Where people and other replicas reach this one."""
    if settings.public_url:
        return settings.public_url
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"
