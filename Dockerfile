# finetune in a container, from the sources in this folder:
#
#     docker build --tag finetune .                                    # for CPUs
#     docker build --tag finetune:cuda --build-arg VARIANT=cuda .      # for NVIDIA GPUs: run with --gpus all
#     docker run --rm --volume "$PWD:/work" finetune --config dogs_cats.toml
#
# docs/install.md says how this file was tried.

FROM rust:1.95-bookworm AS build
ARG VARIANT=cpu
RUN apt-get update && apt-get install --yes --no-install-recommends g++ nasm python3-pip && rm -rf /var/lib/apt/lists/*
WORKDIR /finetune
COPY . .
RUN cargo install --locked cargo-auditable
RUN cargo xtask setup $(test "$VARIANT" = cuda && echo --cuda)
RUN cargo xtask bundle --into /bundle $(test "$VARIANT" = cuda && echo --cuda) && rm /bundle/*.tar.zst && mv /bundle/finetune-* /opt/finetune

FROM debian:bookworm-slim
COPY --from=build /opt/finetune /opt/finetune
RUN ln -s /opt/finetune/bin/finetune /usr/local/bin/finetune
RUN finetune doctor
# What NVIDIA's container runtime brings in, where there is one.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /work
ENTRYPOINT ["finetune"]
