# docker build -t parley .
# docker run --stop-timeout 30 -p 8000:8000 -v parley:/data -e SECRET_KEY=... parley
# Or with compose: deploy/compose.yaml.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements-runtime.lock requirements-build.lock ./
# The second environment builds the wheel, and is not in the image.
RUN python -m venv /parley && python -m venv /build \
    && /parley/bin/pip install --no-cache-dir --require-hashes -r requirements-runtime.lock \
    && /build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY app ./parley
COPY migrations ./migrations
COPY clients/python/parley_client ./clients/python/parley_client
COPY clients/javascript/src ./clients/javascript/src
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /parley/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home parley \
    && install -d -o parley -g parley -m 0700 /data
COPY --from=build /parley /parley
ENV PATH=/parley/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ENVIRONMENT=production \
    HOST=0.0.0.0 \
    DATA_DIR=/data \
    LOG_FORMAT=json
USER parley
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python", "-c", \
    "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('PORT', '8000') + '/health', timeout=2)"]
CMD ["parley", "serve"]
