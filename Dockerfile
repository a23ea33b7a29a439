# One image for every process; the command chooses which: web, worker, relay, beat, flower, prepare.

FROM python:3.13.5-slim-bookworm AS build
COPY requirements/runtime.txt /build/runtime.txt
RUN python -m venv /opt/thicket/venv \
    && /opt/thicket/venv/bin/pip install --no-cache-dir --no-deps --require-hashes \
        --disable-pip-version-check --requirement /build/runtime.txt

FROM python:3.13.5-slim-bookworm
RUN groupadd --gid 10001 thicket \
    && useradd --uid 10001 --gid thicket --no-create-home --home-dir /opt/thicket thicket \
    && install --directory --owner thicket --group thicket --mode 0700 /data
COPY --from=build /opt/thicket/venv /opt/thicket/venv
WORKDIR /opt/thicket/app
COPY LICENSE pyproject.toml wsgi.py celery_worker.py ./
COPY ports ports
COPY domain domain
COPY adapters adapters
COPY app app
COPY migrations migrations
# Compiled now, because the user that runs it cannot write here.
RUN /opt/thicket/venv/bin/python -m compileall -q ports domain adapters app migrations
ENV PATH=/opt/thicket/venv/bin:$PATH \
    PYTHONPATH=/opt/thicket/app \
    PYTHONUNBUFFERED=1 \
    THICKET_PROFILE=production \
    THICKET_BIND=0.0.0.0 \
    THICKET_DATA=/data
USER thicket
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["python", "-P", "-m", "app.composition"]
CMD ["web"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz/live', timeout=4)"]
