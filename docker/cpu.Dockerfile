# Longthought without a GPU.   docker build -f docker/cpu.Dockerfile -t longthought:cpu .
# Not built where it was written (no Docker engine at hand); what it runs, scripts/setup, is tested.
FROM python:3.11-slim-bookworm

# libnuma: vLLM's CPU kernels. build-essential: pycosat comes as C source. bubblewrap: the sandbox of code rewards. bash,
# wget: KubeRay's commands and probes.
RUN apt-get update \
 && apt-get install -y --no-install-recommends bash bubblewrap build-essential libnuma1 make wget \
 && rm -rf /var/lib/apt/lists/*

ENV LONGTHOUGHT_VENV=/opt/longthought/venv
ENV PATH=/opt/longthought/venv/bin:$PATH PIP_NO_CACHE_DIR=1
WORKDIR /opt/longthought/src

# The packages first, so that a change of code does not fetch them again.
COPY pyproject.toml ./
COPY requirements ./requirements
COPY scripts ./scripts
RUN python3.11 scripts/setup --packages-only

COPY . .
RUN python3.11 scripts/setup

# KubeRay starts Ray in a login shell, and /etc/profile sets PATH anew.
RUN echo 'export PATH=/opt/longthought/venv/bin:$PATH' > /etc/profile.d/longthought.sh \
 && useradd --create-home --uid 1000 longthought \
 && install -d -o longthought -g longthought /runs
USER longthought
ENV LONGTHOUGHT_RUNS=/runs
VOLUME /runs
CMD ["rlhf", "train", "recipes/grpo.yaml"]
