# The environment of all jobs; docs/cluster.md says how to build and use it.
FROM python:3.11-slim
COPY . /opt/scvaebench
RUN pip install --no-cache-dir --constraint /opt/scvaebench/constraints.txt /opt/scvaebench
