# One image per role from one file: `pipeline` (code location, UI, daemon, runs) and `api` (no torch).
FROM python:3.13-slim AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN useradd --uid 10001 --create-home --home-dir /home/medwh medwh
WORKDIR /app
# What is mounted here takes over its owner, in whichever image it is first used.
RUN install -d -o medwh /app/data/documentation
COPY pyproject.toml requirements.lock LICENSE ./
# Empty packages stand in for the code until the dependencies are there, so that a change of the code
# fetches nothing again.
RUN mkdir medwh_assets medwh_api medwh_dbt \
 && touch README.md medwh_assets/__init__.py medwh_api/__init__.py medwh_dbt/__init__.py
# What is mounted as secrets becomes the environment of whatever runs.
COPY --chmod=755 deploy/with-secrets /usr/local/bin/
ENTRYPOINT ["with-secrets"]

FROM base AS api
RUN pip install --constraint requirements.lock --editable '.[api]'
COPY medwh_assets ./medwh_assets
COPY medwh_api ./medwh_api
COPY medwh_dbt ./medwh_dbt
RUN python -m compileall -q medwh_assets medwh_api medwh_dbt
# A number, by which Kubernetes can see that it is not root.
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD \
  ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=3)"]
CMD ["python", "-m", "medwh_api"]

FROM base AS pipeline
# Beyond one machine: `docker` or `kubernetes` beside these, see deploy/README.md.
ARG EXTRAS=detection,parquet,s3
# PyTorch's own index has the build without CUDA, 2.5 GB smaller than the registry's. Its mirror of
# other packages is not complete, so what PyTorch needs comes from the registry, in the next line.
# For a GPU: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130, or what fits your driver.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --constraint requirements.lock --no-deps --index-url "$TORCH_INDEX" torch torchvision \
 && pip install --constraint requirements.lock --editable ".[$EXTRAS]"
# Volumes are mounted on these and take over their owner; what is not in a volume stays root's.
RUN mkdir -p /app/data/raw /app/data/state /app/data/weights /app/data/documentation /home/medwh/dagster/storage \
 && chown -R medwh /app/data /home/medwh
COPY workspace.yaml ./
COPY dagster.yaml /home/medwh/dagster/dagster.yaml
COPY data/demo_weights ./data/demo_weights
COPY data/sample ./data/sample
COPY medwh_assets ./medwh_assets
COPY medwh_api ./medwh_api
COPY medwh_dbt ./medwh_dbt
RUN python -m compileall -q medwh_assets medwh_api medwh_dbt
USER 10001
# Events that come together are stored together.
ENV DAGSTER_HOME=/home/medwh/dagster DAGSTER_EVENT_BATCH_SIZE=200 MEDWH_STATE=/app/data/state
# dbt's manifest is made here, so that the first start need not.
RUN python -c "import medwh_assets.definitions"
EXPOSE 4000
CMD ["dagster", "api", "grpc", "-m", "medwh_assets.definitions", "-h", "0.0.0.0", "-p", "4000"]
