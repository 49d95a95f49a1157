# The service as one static binary in an otherwise empty image. For arm64 build on an arm64 machine,
# or with docker buildx build --platform linux/arm64.

FROM rust:1.95-bookworm AS dependencies
WORKDIR /build
# An explicit target keeps the flags from build scripts and procedural macros, which cannot be static.
ENV RUSTFLAGS="-C target-feature=+crt-static"
# Dependencies first, around an empty program: a change of the source leaves this layer as it is. The targets of tests
# and benchmarks are left out with their files, which are not copied.
COPY Cargo.toml Cargo.lock ./
RUN sed -i '/^\[\[\(test\|bench\)\]\]$/,/^$/d' Cargo.toml \
    && mkdir src && touch src/lib.rs && echo 'fn main() {}' > src/main.rs \
    && cargo build --profile dist --locked --target "$(uname -m)-unknown-linux-gnu" \
    && rm -r src

FROM dependencies AS build
# The copied files are older than what was just built; cargo goes by their time.
COPY src src
COPY models models
RUN touch src/lib.rs src/main.rs \
    && cargo build --profile dist --locked --target "$(uname -m)-unknown-linux-gnu" \
    && cp "target/$(uname -m)-unknown-linux-gnu/dist/flight-delay-scorer" /

FROM scratch
LABEL org.opencontainers.image.title="flight-delay-scorer" \
      org.opencontainers.image.description="Scores US airline on-time records on Apache Kafka with a tree model loaded from ONNX" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# Where OpenSSL and librdkafka look for certificate authorities.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /flight-delay-scorer /usr/local/bin/flight-delay-scorer
# A number, so that Kubernetes can see for itself that it is not root.
USER 65532:65532
EXPOSE 8080
# docker stop waits 10 seconds by default, the drain takes at most 8.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/flight-delay-scorer", "health"]
ENTRYPOINT ["/usr/local/bin/flight-delay-scorer"]
CMD ["serve"]
