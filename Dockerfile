# syntax=docker/dockerfile:1
# mmwsl with its dependencies; the command is `mmwsl`. Not built yet: no Docker daemon was at hand when it was written.
# Only the commands of the RUN lines were tried, without a container.
#
#   docker build -t mmwsl .                                                                            # CPU
#   docker build -t mmwsl:cuda --build-arg BASE=nvidia/cuda:12.8.1-runtime-ubuntu24.04 .                 # NVIDIA GPUs
#   docker run --rm -v "$PWD:/workspace" --user "$(id -u):$(id -g)" mmwsl demo
#   docker run --rm --gpus all --ipc=host -v "$PWD:/workspace" --user "$(id -u):$(id -g)" mmwsl:cuda \
#       train wsl_lse_voc    # reads data/ of the current folder
#
# --ipc=host: workers pass images through shared memory, of which a container has 64 MB by default.
# TORCH_ARGS are more arguments for the installation of torch, for example an index that has its CPU build: the default
# build contains CUDA, several GB of it, and also runs on a CPU.
ARG BASE=python:3.11-slim
FROM ${BASE}
ARG TORCH_ARGS=""

# The images of Python have an interpreter, those of CUDA have none. Python 3.10 to 3.13 will do.
RUN python3 -c 'import ensurepip, venv' || { \
        apt-get update \
        && apt-get install --yes --no-install-recommends python3 python3-venv \
        && rm -rf /var/lib/apt/lists/*; \
    }
RUN python3 -m venv /opt/mmwsl
ENV PATH=/opt/mmwsl/bin:$PATH \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

# torch comes first and alone, as in the Makefile: its layer stays when the sources change.
COPY constraints.txt /tmp/constraints.txt
RUN pip install ${TORCH_ARGS} "$(grep -o '^torch==[^ ;]*' /tmp/constraints.txt)"

# The headless OpenCV replaces the one that mmcv brings, which needs the system's libGL; see the Makefile.
RUN --mount=type=bind,target=/source,rw \
    pip install '/source[mm,coco,svm]' -c /tmp/constraints.txt \
    && pip uninstall --yes opencv-python opencv-python-headless \
    && pip install --no-deps "$(grep -o '^opencv-python-headless==[^ ;]*' /tmp/constraints.txt)" \
    && mmwsl print-config wsl_lse_voc > /dev/null

# Any user can run it: caches go where everybody may write, and torch asks for the name of the user.
ENV HOME=/tmp USER=mmwsl
WORKDIR /workspace
ENTRYPOINT ["mmwsl"]
CMD ["--help"]
