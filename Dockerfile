# Two images from one lock file: `pipeline` (Dagster's code server, webserver and daemon, and MLflow's server)
# and `serving` (the sidecar, without Dagster, MLflow and pandas). docker-compose.yml builds both.

FROM python:3.11.15-slim-trixie AS base
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONUNBUFFERED=1 \
    SOCCER_HOME=/srv/soccer \
    NUMBA_CACHE_DIR=/tmp/numba \
    MPLCONFIGDIR=/tmp/matplotlib
# Owned here, because a named volume takes its owner from the folder it first covers.
RUN useradd --uid 10001 --create-home soccer \
    && install --directory --owner=soccer --group=soccer /srv/soccer /srv/backups /srv/dagster /srv/dagster/storage
WORKDIR /srv/soccer

# Every package of the lock file, its hash checked, and this project. The images below install from here and
# have no index, so neither can hold anything else.
FROM base AS wheels
COPY requirements.lock /build/
RUN pip download --no-deps --require-hashes --dest /wheels --requirement /build/requirements.lock
COPY pyproject.toml README.md LICENSE NOTICE /build/
COPY soccer_assets /build/soccer_assets
COPY serving /build/serving
RUN pip wheel --no-deps --no-index --find-links /wheels --wheel-dir /project /build

FROM base AS pipeline
ENV DAGSTER_HOME=/srv/dagster \
    MLFLOW_DISABLE_TELEMETRY=true \
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR=false \
    GIT_PYTHON_REFRESH=quiet \
    PYTHONWARNINGS=ignore
RUN --mount=from=wheels,source=/wheels,target=/wheels \
    --mount=from=wheels,source=/build/requirements.lock,target=/requirements.lock \
    pip install --no-deps --no-index --find-links /wheels --require-hashes --requirement /requirements.lock
RUN --mount=from=wheels,source=/project,target=/project \
    pip install --no-deps --no-index /project/*.whl
COPY --chown=soccer:soccer dagster.yaml workspace.yaml /srv/dagster/
USER soccer

FROM base AS serving
RUN --mount=from=wheels,source=/wheels,target=/wheels \
    --mount=from=wheels,source=/project,target=/project \
    pip install --no-index --find-links /wheels --find-links /project "soccer-assets[serving]"
USER soccer
