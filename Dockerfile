# The image of ifmatch: its compiled code and what that needs, on a base that has Node and npm. No shell is used, nothing is written.
#
#   docker build -t ifmatch .
#   docker run --read-only --cap-drop ALL -e IFMATCH_ORIGIN=http://app:3000 -p 8080:8080 ifmatch
#
# With a configuration file, add:
#   -v ./ifmatch.yaml:/etc/ifmatch/ifmatch.yaml:ro -e IFMATCH_CONFIG=/etc/ifmatch/ifmatch.yaml
# Where npm needs settings of your own (a mirror, a certificate), build with:
#   --secret id=npmrc,src=$HOME/.npmrc

ARG BASE=node:26-bookworm-slim

FROM ${BASE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci --omit=dev --ignore-scripts

FROM ${BASE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && chmod -R a+rX dist

FROM ${BASE}
LABEL org.opencontainers.image.title="ifmatch" \
      org.opencontainers.image.description="A reverse proxy that enforces HTTP preconditions (RFC 9110 section 13) in front of any origin" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production
WORKDIR /app

# What changes least comes first. All of it belongs to root, so that the running user can change none of it.
COPY --from=dependencies /app/node_modules node_modules
COPY --chmod=0644 package.json LICENSE ./
COPY --chmod=0644 config/ifmatch.yaml config/ifmatch.schema.json /etc/ifmatch/
COPY --from=build /app/dist dist

# A number, so that Kubernetes' runAsNonRoot can see that it is not root; nobody has to exist by that name.
USER 65532:65532
EXPOSE 8080

# Asks /readyz on the admin listener, inside the container. With IFMATCH_ADMIN=off use --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["node", "/app/dist/cli.js", "healthcheck"]

# SIGTERM drains; give it as long as `drain` in the configuration says: docker stop --time 70.
STOPSIGNAL SIGTERM
# V8 stays ready for the next request: otherwise it gives memory back after a minute or two of quiet and drops compiled code
# with it, and has to collect while its young generation grows anew.
ENTRYPOINT ["node", "--no-memory-reducer", "--min-semi-space-size=16", "/app/dist/cli.js"]
CMD ["serve"]
