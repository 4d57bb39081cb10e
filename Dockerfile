# One image per role from one file: `pipeline` (code location, UI, daemon) and `api` (no torch).
FROM python:3.13-slim AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --uid 10001 --create-home --home-dir /home/medwh medwh
WORKDIR /app
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY medwh_assets ./medwh_assets
COPY medwh_api ./medwh_api
COPY medwh_dbt ./medwh_dbt

FROM base AS api
RUN pip install --constraint requirements.lock --editable '.[api]'
USER medwh
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD \
  ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
CMD ["python", "-m", "medwh_api"]

FROM base AS pipeline
# PyTorch's own index has the build without CUDA, 2.5 GB smaller than the registry's.
RUN pip install --constraint requirements.lock --index-url https://download.pytorch.org/whl/cpu torch torchvision \
 && pip install --constraint requirements.lock --editable '.[detection]'
COPY workspace.yaml ./
COPY dagster.yaml /home/medwh/dagster/dagster.yaml
COPY data/demo_weights ./data/demo_weights
COPY data/sample ./data/sample
RUN mkdir -p /app/data/raw /app/data/state && chown -R medwh /app/data/raw /app/data/state /home/medwh
USER medwh
# dbt's manifest is made once, here, and not at every start.
ENV DAGSTER_HOME=/home/medwh/dagster MEDWH_STATE=/app/data/state
RUN python -c "import medwh_assets.definitions"
CMD ["dagster", "api", "grpc", "-m", "medwh_assets.definitions", "-h", "0.0.0.0", "-p", "4000"]
