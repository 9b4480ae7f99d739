# One image with the programs kvs, txnd and kvs-cli that runs as a non-root user. Works with BuildKit and the classic builder.

FROM debian:bookworm-slim AS runtime
# A new volume gets the owner and mode of the folder that it is mounted on; compose.yaml mounts its volumes on these folders.
RUN groupadd --gid 10001 kvs \
 && useradd --uid 10001 --gid kvs --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin kvs \
 && install -d -o kvs -g kvs -m 0700 /secrets/ca /secrets/txnd /secrets/kvs /backup \
 && install -d -o kvs -g kvs -m 0755 /secrets/postgres
USER 10001:10001
CMD ["kvs"]

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package gateway --package txnd --package cli --bins

FROM runtime
COPY --from=build /src/target/release/kvs /src/target/release/txnd /src/target/release/kvs-cli /usr/local/bin/
