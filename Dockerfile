# syntax=docker/dockerfile:1
# One image for every service: `docker run trunkline` is the whole platform with its embedded database,
# `docker run trunkline start sfu` one service of it. docker-compose.yml shows both grown up.

# Node comes from its official image, of the very version that package-lock.json pins for development: that image
# brings npm for the build, and only its one binary goes on to the image that runs. The lockfile's own copy of it
# would bring headers and twice the size.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app

# For the media worker, in case upstream's prebuilt one cannot be fetched: WORKER_PACKAGES of sfu/provision.
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    g++ \
    ninja-build \
    pkg-config \
    libssl-dev \
    libuv1-dev \
    libsrtp2-dev \
    libabsl-dev \
    libflatbuffers-dev \
    flatbuffers-compiler \
  && rm -rf /var/lib/apt/lists/*

# Packages first, then the worker, then the rest: a change of our sources costs neither of the two again.
COPY package.json package-lock.json .npmrc ./
COPY protocol/package.json protocol/
COPY kit/package.json kit/
COPY signalling/package.json signalling/
COPY sfu/package.json sfu/
COPY turn/package.json turn/
COPY media/package.json media/
COPY sdk/js/package.json sdk/js/
COPY web-demo/package.json web-demo/
COPY cli/package.json cli/
COPY test/package.json test/
COPY bench/package.json bench/
RUN npm ci --ignore-scripts --include=dev --include=optional

COPY sfu/provision sfu/provision/
RUN node --input-type=module <<'SCRIPT'
import { copyFileSync } from 'node:fs'
import { ensureWorker } from '/app/sfu/provision/index.ts'
const report = ({ step, done = '', total = '' }) => console.log(step, done, total)
const { path, source } = await ensureWorker({ env: process.env, report })
copyFileSync(path, '/usr/local/bin/mediasoup-worker')
console.log('media worker:', source)
SCRIPT

COPY . .
RUN node node_modules/vite/bin/vite.js build web-demo

# What only development needs goes, with it the lockfile's copy of Node: this image has its own.
RUN npm prune --omit=dev --ignore-scripts \
  && rm -rf node_modules/node-linux-* node_modules/.bin/node


FROM debian:bookworm-slim
# libsrtp2 and OpenSSL are what the media worker links to and leaves to Debian's security updates.
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    ca-certificates \
    ffmpeg \
    libheif-examples \
    libsrtp2-1 \
    libssl3 \
    libstdc++6 \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --gid 10001 trunkline \
  && useradd --uid 10001 --gid trunkline --home-dir /var/lib/trunkline --create-home --shell /usr/sbin/nologin trunkline

COPY --from=build /usr/local/bin/node /usr/local/bin/mediasoup-worker /usr/local/bin/
COPY --from=build /app /app

# Every other setting has its default or comes with `docker run`: .env.example lists them all.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    TRUNKLINE_DATA=/var/lib/trunkline \
    MEDIASOUP_WORKER_BIN=/usr/local/bin/mediasoup-worker

WORKDIR /app
USER trunkline
EXPOSE 3000/tcp 3478/udp 3478/tcp 5349/tcp 40000/udp 40000/tcp

# The certificate of a service with TLS names its public address, not this one.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD [ \
  "node", "--eval", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = 0; const ask = scheme => fetch(`${scheme}://127.0.0.1:${process.env.PORT}/healthz`); ask('http').catch(() => ask('https')).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))" \
]

ENTRYPOINT ["node", "cli/src/main.ts"]
CMD ["start"]
