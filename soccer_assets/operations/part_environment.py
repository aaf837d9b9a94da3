"""The environment of each part of `soccer up`: what every program needs, and this part's secrets.

A variable that stands in no list below is handed on to nobody. The variables that addresses of subscribers
name are known from the subscribers' file; those who send alerts get them.
"""

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase

import msgspec

# Settings without a secret.
_SETTINGS = (
    *("SOCCER_HOME", "SOCCER_FEED", "SOCCER_NOW", "SOCCER_SEED", "SOCCER_LEAGUES", "SOCCER_HISTORY_START"),
    *("SOCCER_FIRST_BUILD_MONTHS", "SOCCER_USE_PRICES", "SOCCER_ALERTS_FILE", "SOCCER_PUBLIC_URL"),
    *("SOCCER_PAGES", "SOCCER_PAGES_URL", "SOCCER_PAGES_PER_MINUTE", "SOCCER_MCP", "SOCCER_RUNS"),
    *("SOCCER_DAGSTER_PORT", "SOCCER_DAGSTER_URL", "SOCCER_DAGSTER_HOSTS", "SOCCER_DAGSTER_PORT_ROLE"),
    *("SOCCER_DAGSTER_SOCKET", "SOCCER_SERVING_PORT", "SOCCER_MLFLOW_PORT", "SOCCER_SERVING_WORKERS"),
    *("SOCCER_POLL_SECONDS", "SOCCER_RATE_LIMIT_PER_MINUTE", "SOCCER_CORS_ORIGINS", "SOCCER_ROOT_PATH"),
    *("SOCCER_TASK_KEEP_SECONDS", "SOCCER_KEEP_ALIVE_SECONDS", "SOCCER_FAILED_KEYS_PER_MINUTE"),
    *("SOCCER_TRUSTED_PROXIES", "SOCCER_MAX_BODY_MB", "SOCCER_TASKS_PER_KEY", "SOCCER_TASK_MB_PER_KEY"),
)
# Of the operating system, the interpreter and the libraries.
_SYSTEM = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TZDIR", "TMPDIR"),
    *("TERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "XDG_*", "VIRTUAL_ENV", "CONDA_PREFIX"),
    *("PYTHON*", "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_*", "OMP_*", "OPENBLAS_*", "MKL_*", "NUMBA_*"),
    *("POLARS_*", "MPLCONFIGDIR", "GRPC_*", "DAGSTER_HOME", "DAGSTER_GRPC_*", "PROMETHEUS_MULTIPROC_DIR"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NO_PROXY", "no_proxy"),
)
COMMON = (*_SETTINGS, *_SYSTEM)

FEEDS = ("SOCCER_FEED_URL", "SOCCER_*_KEY")
# libpq reads PGPASSWORD and its siblings.
DATABASE = ("SOCCER_DATABASE_URL", "PG*")
STORE = ("SOCCER_STORE_URL", "SOCCER_S3_ENDPOINT_URL", "AWS_*")
REDIS = ("SOCCER_REDIS_URL", "SOCCER_REDIS_PASSWORD")
MODELS = ("SOCCER_MLFLOW_URL", "MLFLOW_*")
SIDECARS = ("SOCCER_SIDECARS",)
# Of calls that leave the machine. Their addresses may hold a password.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")

_GRAPH = (*FEEDS, *DATABASE, *STORE, *REDIS, *MODELS, *PROXIES)
NEEDS: Mapping[str, tuple[str, ...]] = {
    "valkey": (),
    # Schedules, sensors and runs are code, which the code server and its children execute.
    "dagster-daemon": (),
    "dagster-webserver": (),
    "dagster-code": _GRAPH,
    "run": _GRAPH,
    "sidecar": (*DATABASE, *STORE, *REDIS, *PROXIES),
    "worker": (*STORE, *REDIS, *PROXIES),
    # It keeps its outbox in the database, and publishes alerts as events.
    "watchdog": (*DATABASE, *STORE, *REDIS, *SIDECARS, *PROXIES),
    "mlflow": ("MLFLOW_*", "PG*"),
}
# Parts that send alerts.
NOTIFIERS = {"dagster-code", "run", "watchdog"}


class PartEnvironments(msgspec.Struct, frozen=True):
    """The environments of a home's parts.

    Attributes:
        environ: all variables that there are.
        alert_variables: names of those that addresses of subscribers hold.
    """

    environ: Mapping[str, str]
    alert_variables: Collection[str]

    def of(self, part: str) -> dict[str, str]:
        """What a part gets; ``part`` is a key of `NEEDS`."""
        patterns = (*COMMON, *NEEDS[part])
        named = self.alert_variables if part in NOTIFIERS else ()
        return {
            name: value
            for name, value in self.environ.items()
            if name in named or any(fnmatchcase(name, pattern) for pattern in patterns)
        }
