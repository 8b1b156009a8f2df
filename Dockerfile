# Two stages: what builds, and the little that runs. Settings: mount a file over /etc/stepcast/config.toml, or give variables
# such as STEPCAST_KAFKA__BROKERS.
FROM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
        ca-certificates ccache clang-19 cmake libasio-dev libboost-json1.81-dev libcli11-dev libexpected-dev libfmt-dev libjemalloc-dev \
        librdkafka-dev libspdlog-dev libsqlite3-dev libssl-dev libtomlplusplus-dev libxxhash-dev lld-19 ninja-build pkg-config prometheus-cpp-dev && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /stepcast
COPY CMakeLists.txt CMakePresets.json ./
COPY src src
COPY web web
COPY tests/CMakeLists.txt tests/CMakeLists.txt
RUN cmake --preset release && cmake --build build/release --target stepcast && \
    cmake --install build/release --strip --prefix /usr/local

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
        ca-certificates libboost-json1.81.0 libfmt9 libgcc-s1 libjemalloc2 libprometheus-cpp-core1.0 librdkafka1 libspdlog1.10 libsqlite3-0 \
        libssl3 libstdc++6 libtomlplusplus3 && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --no-create-home --shell /usr/sbin/nologin stepcast
COPY --from=build /usr/local/bin/stepcast /usr/local/bin/stepcast
COPY config.toml LICENSE /etc/stepcast/
ENV STEPCAST_CONFIG=/etc/stepcast/config.toml STEPCAST_SERVER__HOST=0.0.0.0
USER stepcast
EXPOSE 8082
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s CMD ["stepcast", "healthcheck"]
ENTRYPOINT ["stepcast"]
CMD ["serve"]
