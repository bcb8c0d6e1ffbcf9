# docker build -t movrecon .                                          CPU
# docker build -t movrecon --build-arg TORCH=cu126 .                  NVIDIA GPUs (run with --gpus all)
# docker run -v "$PWD/results:/work/results" movrecon run --profile smoke --out results/smoke
FROM python:3.12-slim

ARG TORCH=cpu
# The compiler makes kernels for the processor that the image runs on.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*

COPY . /source
WORKDIR /source
# torch first, from the index of the wanted kind; everything else as tested.
RUN grep "^torch==" constraints.txt > /tmp/torch.txt \
    && grep -v "^torch==" constraints.txt > /tmp/constraints.txt \
    && pip install --no-cache-dir --index-url "https://download.pytorch.org/whl/${TORCH}" -r /tmp/torch.txt \
    && pip install --no-cache-dir -c /tmp/constraints.txt ".[nwb]" \
    && rm -r /source /tmp/torch.txt /tmp/constraints.txt

RUN useradd --uid 1000 --create-home scientist && mkdir /work && chown scientist /work
USER 1000
WORKDIR /work
ENTRYPOINT ["movrecon"]
CMD ["--help"]
