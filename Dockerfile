# Two images from one lock file: `pipeline` (Dagster's code server, webserver and daemon, and MLflow's server)
# and `serving` (the sidecar, without Dagster, MLflow and pandas). docker-compose.yml builds both.

FROM python:3.11.15-slim-trixie AS base
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONUNBUFFERED=1 \
    SOCCER_HOME=/srv/soccer \
    NUMBA_CACHE_DIR=/var/cache/soccer/numba \
    MPLCONFIGDIR=/var/cache/soccer/matplotlib \
    PYTHONPATH=/usr/local/lib/soccer
# Owned here, because a named volume takes its owner from the folder it first covers.
RUN useradd --uid 10001 --create-home soccer \
    && install --directory --owner=soccer --group=soccer /srv/soccer /srv/backups /srv/dagster /srv/dagster/storage \
        /var/cache/soccer
WORKDIR /srv/soccer

# Every package of the lock file, its hash checked. The images below install from here and have no index, so
# neither can hold anything else.
FROM base AS wheels
COPY requirements.lock requirements-fleet.lock /build/
RUN pip download --no-deps --require-hashes --dest /wheels --requirement /build/requirements.lock \
        --requirement /build/requirements-fleet.lock
COPY pyproject.toml README.md LICENSE NOTICE /build/

# The names of what each image needs, from a wheel that has the project's requirements and none of its code. While
# the names are the same, the layer that installs them is the same, whatever else changed in pyproject.toml.
FROM wheels AS needed
COPY deploy/containers/needed.py /
RUN mkdir /build/soccer_assets /build/serving \
    && pip wheel --no-deps --no-index --find-links /wheels --wheel-dir /stub /build \
    && python /needed.py "soccer-assets[pipeline,fleet]" > /pipeline.txt \
    && python /needed.py "soccer-assets[serving]" > /serving.txt

FROM wheels AS project
COPY soccer_assets /build/soccer_assets
COPY serving /build/serving
RUN pip wheel --no-deps --no-index --find-links /wheels --wheel-dir /project /build

# What changes seldom stands first: an upgrade that changes no package ships the last layers only.
FROM base AS pipeline
ENV DAGSTER_HOME=/srv/dagster \
    MLFLOW_DISABLE_TELEMETRY=true \
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR=false \
    GIT_PYTHON_REFRESH=quiet \
    PYTHONWARNINGS=ignore
RUN --mount=from=wheels,source=/wheels,target=/wheels \
    --mount=from=needed,source=/pipeline.txt,target=/pipeline.txt \
    --mount=source=deploy/containers/slim.py,target=/slim.py \
    pip install --no-deps --no-index --find-links /wheels --requirement /pipeline.txt \
    && python /slim.py
COPY --chown=soccer:soccer dagster.yaml workspace.yaml /srv/dagster/
COPY --chown=soccer:soccer deploy/fleet/dagster.yaml /srv/dagster/fleet/
# Read by every process of Python, also one of `docker compose exec`: passwords from files.
COPY deploy/containers/sitecustomize.py /usr/local/lib/soccer/
RUN --mount=from=project,source=/project,target=/project \
    pip install --no-deps --no-index /project/*.whl
USER soccer

FROM base AS serving
RUN --mount=from=wheels,source=/wheels,target=/wheels \
    --mount=from=needed,source=/serving.txt,target=/serving.txt \
    --mount=source=deploy/containers/slim.py,target=/slim.py \
    pip install --no-deps --no-index --find-links /wheels --requirement /serving.txt \
    && python /slim.py
COPY deploy/containers/sitecustomize.py /usr/local/lib/soccer/
RUN --mount=from=project,source=/project,target=/project \
    pip install --no-deps --no-index /project/*.whl
USER soccer

# On Kubernetes (docs/how-to/run-on-kubernetes.md): the pipeline, and how a run becomes a job of the cluster.
FROM base AS kubernetes-wheels
COPY requirements-kubernetes.lock /build/
RUN pip download --no-deps --require-hashes --dest /wheels --requirement /build/requirements-kubernetes.lock

FROM pipeline AS kubernetes
USER root
RUN --mount=from=kubernetes-wheels,source=/wheels,target=/wheels \
    --mount=from=kubernetes-wheels,source=/build/requirements-kubernetes.lock,target=/requirements.lock \
    pip install --no-deps --no-index --find-links /wheels --require-hashes --requirement /requirements.lock
USER soccer
