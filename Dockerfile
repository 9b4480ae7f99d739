# One image with both programs, kvs and txnd, and a user who is not root. BuildKit and the classic builder make it.

FROM debian:bookworm-slim AS runtime
# A new volume takes the owner and mode of the folder it is mounted on; compose.yaml mounts its volumes on these.
RUN groupadd --gid 10001 kvs \
 && useradd --uid 10001 --gid kvs --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin kvs \
 && install -d -o kvs -g kvs -m 0700 /secrets/ca /secrets/txnd /secrets/kvs \
 && install -d -o kvs -g kvs -m 0755 /secrets/postgres
USER 10001:10001
CMD ["kvs"]

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package gateway --package txnd --bins

FROM runtime
COPY --from=build /src/target/release/kvs /src/target/release/txnd /usr/local/bin/
