# The control plane as an image: `serve` by default, `probe` for a vantage, `migrate` for an external database.
# What it stores (the last definitions; with no external servers given, PostgreSQL and Consul, too) is in /data.

FROM python:3.13-slim AS build
RUN python -m venv /opt/controlplane
WORKDIR /src
COPY deploy/requirements.txt ./
RUN /opt/controlplane/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE alembic.ini ./
COPY controlplane ./controlplane
COPY migrations ./migrations
COPY web ./web
RUN /opt/controlplane/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data controlplane && install -d -o controlplane -m 0700 /data
COPY --from=build /opt/controlplane /opt/controlplane
ENV PATH=/opt/controlplane/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CONTROLPLANE_DATA_DIR=/data \
    CONTROLPLANE_HOST=0.0.0.0 \
    CONTROLPLANE_PORT=8600
USER controlplane
VOLUME /data
EXPOSE 8600
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['CONTROLPLANE_PORT']}/healthz\", timeout=2)"]
CMD ["controlplane", "serve"]
