# The hub's image: web, workers and beat are the same, started with another command (compose.yaml).

FROM node:22.22.2-bookworm-slim AS pages
WORKDIR /opt/pages
COPY .npmrc package.json package-lock.json ./
RUN npm ci --omit=dev
COPY static static
COPY tools/bundle.mjs tools/bundle.mjs
RUN node tools/bundle.mjs

FROM python:3.11.15-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN pip install uv==0.13.9
RUN uv venv /opt/venv
WORKDIR /opt/hub
# Before the code, so that a change there does not install everything again.
COPY requirements/base.lock requirements/base.lock
RUN uv pip sync --no-cache --python /opt/venv/bin/python --require-hashes --compile-bytecode requirements/base.lock
COPY . .
COPY --from=pages /opt/pages/node_modules node_modules
COPY --from=pages /opt/pages/static/hub/built static/hub/built
# Gathers the static files under names that carry a hash. The key is for this command only, and nothing asks the
# database; translations come compiled.
RUN HUB_ENV=production DATABASE_URL=postgres://nobody@127.0.0.1/nothing \
    SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
    /opt/venv/bin/python manage.py collectstatic --noinput \
    && rm -r node_modules \
    && /opt/venv/bin/python -m compileall -q chat deploy hub notifications presence worker

FROM python:3.11.15-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin hub \
    && install --directory --owner hub --group hub --mode 700 /var/lib/hub
COPY --from=build /opt/venv /opt/venv
# Owned by root: a process that was taken over cannot change the code.
COPY --from=build /opt/hub /opt/hub
WORKDIR /opt/hub
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/hub PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HUB_ENV=production HUB_DATA_DIR=/var/lib/hub
USER hub
EXPOSE 8000
CMD ["python", "-m", "hub.server", "--host", "0.0.0.0", "--port", "8000"]
