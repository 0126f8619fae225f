# Longthought on NVIDIA GPUs.   docker build -f docker/cuda.Dockerfile -t longthought:cuda .
# Not built where it was written (neither a Docker engine nor a GPU at hand). CUDA's libraries come with the locked
# wheels (torch 2.13 is built for CUDA 13.0); of NVIDIA's image only the compiler and headers are taken, which vLLM's
# and DeepSpeed's just-in-time kernels need. The driver comes from the host, through the NVIDIA container toolkit.
ARG CUDA_IMAGE=nvidia/cuda:13.0.2-devel-ubuntu22.04
FROM ${CUDA_IMAGE} AS toolkit

FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends bash bubblewrap build-essential libnuma1 make wget \
 && rm -rf /var/lib/apt/lists/*
COPY --from=toolkit /usr/local/cuda-13.0 /usr/local/cuda-13.0

ENV LONGTHOUGHT_VENV=/opt/longthought/venv CUDA_HOME=/usr/local/cuda-13.0
ENV PATH=/opt/longthought/venv/bin:/usr/local/cuda-13.0/bin:$PATH PIP_NO_CACHE_DIR=1
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /opt/longthought/src

# The packages first, so that a change of code does not fetch them again.
COPY pyproject.toml ./
COPY requirements ./requirements
COPY scripts ./scripts
RUN python3.11 scripts/setup --cuda --packages-only

COPY . .
RUN python3.11 scripts/setup --cuda

# KubeRay starts Ray in a login shell, and /etc/profile sets PATH anew.
RUN echo 'export PATH=/opt/longthought/venv/bin:/usr/local/cuda-13.0/bin:$PATH' > /etc/profile.d/longthought.sh \
 && useradd --create-home --uid 1000 longthought \
 && install -d -o longthought -g longthought /runs
USER longthought
ENV LONGTHOUGHT_RUNS=/runs
VOLUME /runs
CMD ["rlhf", "check", "recipes/grpo.yaml"]
