# Two stages: the first installs with the same Make targets as everywhere else, the second only runs.
FROM debian:12-slim AS build
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends make python3 python3-venv ca-certificates
WORKDIR /opt/qingjiang
COPY . .
# The image talks to a PostGIS of its own container: only the Python side is installed.
RUN make .venv/.runtime && find . -name __pycache__ -type d -prune -exec rm -rf {} +

FROM debian:12-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 postgresql-client tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/qingjiang --create-home qingjiang
COPY --from=build --chown=root:root /opt/qingjiang /opt/qingjiang
ENV PATH=/opt/qingjiang/.venv/bin:$PATH QINGJIANG_HOME=/var/lib/qingjiang PYTHONDONTWRITEBYTECODE=1
USER qingjiang
WORKDIR /var/lib/qingjiang
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["qingjiang"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
