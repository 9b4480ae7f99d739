# One image with both programs, kvs and txnd, and a user who is not root.
#
#   docker build -t kvs .                        compiles them (BuildKit or the classic builder)
#   docker build -t kvs -f Dockerfile \
#     --target prebuilt DIR                      takes them from DIR; they must run on Debian 12

FROM debian:bookworm-slim AS runtime
# A new volume takes the owner and mode of the folder it is mounted on; compose.yaml mounts its volumes on these.
RUN groupadd --gid 10001 kvs \
 && useradd --uid 10001 --gid kvs --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin kvs \
 && install -d -o kvs -g kvs -m 0700 /secrets/ca /secrets/txnd /secrets/kvs \
 && install -d -o kvs -g kvs -m 0755 /secrets/postgres
USER 10001:10001
CMD ["kvs"]

# Before `build`, because the classic builder makes every stage that comes before its target.
FROM runtime AS prebuilt
COPY kvs txnd /usr/local/bin/

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package gateway --package txnd --bins

FROM runtime
COPY --from=build /src/target/release/kvs /src/target/release/txnd /usr/local/bin/
