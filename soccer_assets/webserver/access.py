"""The settings as the guard takes them, and in words."""

from soccer_assets.settings import Settings
from soccer_assets.webserver.guard import Access
from soccer_assets.webserver.origins import Names
from soccer_assets.webserver.roles import Role


def access_of(settings: Settings) -> Access:
    """Who may reach Dagster's pages."""
    return Access(
        names=Names(settings.public_url, settings.dagster_hosts),
        port_role=Role[settings.dagster_port_role.upper()],
        socket=settings.dagster_socket,
    )


def describe_access(settings: Settings) -> str:
    """The same in one sentence, for `soccer doctor`."""
    port = f"who reaches the port {settings.dagster_port} is {settings.dagster_port_role}, without a login"
    if not settings.dagster_socket:
        return port
    return f"{port}; over {settings.dagster_socket} the proxy names the role"
