# syntax=docker/dockerfile:1
# The gateway: the front doors, without a model or a language.

# This stage is the same in every image, so it is built once.
FROM node:24-bookworm-slim AS idiom
WORKDIR /idiom
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY workers workers
COPY runtimes/node/harness runtimes/node/harness
RUN npm run build && npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
WORKDIR /idiom
COPY --from=idiom /idiom/package.json ./
COPY --from=idiom /idiom/node_modules node_modules
COPY --from=idiom /idiom/dist dist
COPY proto proto
COPY runtimes runtimes
COPY deploy/healthcheck.mjs ./
# For what must outlive the process: a volume takes over the owner.
RUN install -d -o 1000 -g 1000 -m 700 /state
ENV NODE_ENV=production IDIOM_STATE=/state
USER 1000:1000
EXPOSE 8000 8001
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["node", "healthcheck.mjs"]
ENTRYPOINT ["node", "--max-semi-space-size=32", "dist/src/cli/main.js"]
CMD ["gateway"]
