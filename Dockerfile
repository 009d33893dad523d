# docker build -t kneerepro .
# docker run -v "$PWD/runs:/kneerepro/runs" kneerepro make cae3d
#
# For an NVIDIA GPU:
# docker build --build-arg TORCH=cuda -t kneerepro .
# docker run --gpus all -v "$PWD/runs:/kneerepro/runs" kneerepro make cae3d
FROM python:3.11-slim

# For Theano's own C code; the engine on PyTorch needs no compiler.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /kneerepro
COPY . .
ARG TORCH=cpu
RUN make setup TORCH=$TORCH
ENV PATH="/kneerepro/.venv/bin:$PATH"

CMD ["make", "cae3d"]
