# docker build -t movrecon .                                          CPU
# docker build -t movrecon --build-arg TORCH=cu126 .                  NVIDIA GPUs (run with --gpus all)
# docker run -v "$PWD/results:/work/results" movrecon run --profile smoke --out results/smoke
FROM python:3.12-slim

ARG TORCH=cpu
# The compiler makes kernels for the processor that the image runs on.
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*

COPY . /source
RUN pip install --no-cache-dir torch --index-url "https://download.pytorch.org/whl/${TORCH}" \
    && grep -v "^torch==" /source/constraints.txt > /tmp/constraints.txt \
    && pip install --no-cache-dir -c /tmp/constraints.txt "/source[nwb]" \
    && rm -r /source /tmp/constraints.txt

RUN useradd --create-home scientist && mkdir /work && chown scientist /work
USER scientist
WORKDIR /work
ENTRYPOINT ["movrecon"]
CMD ["--help"]
