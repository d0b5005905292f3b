# imgguard as an image: one static binary, certificate authorities, an account. No shell, nothing writable, not root.
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" \
#     --build-arg CREATED="$(date -u +%Y-%m-%dT%H:%M:%SZ)" -t imgguard:0.1.0 .
#
# BUILDER needs cargo, a C compiler and Debian's ca-certificates.
ARG BUILDER=docker.io/library/rust:1.95-slim-bookworm

FROM ${BUILDER} AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY policies ./policies
COPY src ./src
# Cargo wants every target that the manifest names to be there.
COPY benches ./benches
# `--target` keeps the flags away from build scripts and procedural macros, which cannot be static.
RUN set -eu; \
    host=$(rustc -vV | sed -n 's/^host: //p'); \
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --bin imgguard --target "$host"; \
    install -D -m 0755 "target/$host/release/imgguard" /out/usr/bin/imgguard; \
    install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt; \
    printf 'root:x:0:0:root:/:/usr/sbin/nologin\nimgguard:x:1000:1000:imgguard:/:/usr/sbin/nologin\n' >/out/etc/passwd; \
    printf 'root:x:0:\nimgguard:x:1000:\n' >/out/etc/group; \
    chmod 0644 /out/etc/passwd /out/etc/group

FROM scratch
ARG VERSION=0.0.0
ARG REVISION=0000000000000000000000000000000000000000
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=https://example.org/imgguard
ARG LICENSES=Apache-2.0
LABEL org.opencontainers.image.title="imgguard" \
      org.opencontainers.image.description="Reads a built container image layer by layer and judges it by policy" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="${LICENSES}"
COPY --from=build /out/ /
USER 1000:1000
ENTRYPOINT ["/usr/bin/imgguard"]
