"""Sends a job to the process that has imported the libraries of all jobs, or does it here.

A script of the workflow imports this module only: it starts in a tenth of a second.
"""

import json
import os
import socket
import sys
from typing import Any

SERVER = "SCVAEBENCH_SERVER"
"""Environment variable with the socket of the process that forks jobs: ``bench.jobs.server``."""

LENGTH = 8
"""Bytes of the length of a request, and of the exit code of its job."""


def request(rule: str, **arguments: Any) -> None:
    """Do the job of a rule with these arguments (JSON types).

    Raises SystemExit if the job fails.
    """
    path = os.environ.get(SERVER, "")
    with socket.socket(socket.AF_UNIX) as connection:
        if path and _connects(connection, path):
            code = _answered(connection, {"rule": rule, "arguments": arguments})
        else:
            perform(rule, arguments)
            return
    if code:
        raise SystemExit(code)


def perform(rule: str, arguments: dict[str, Any]) -> None:
    """Do the job in this process."""
    from bench.catalogue import job  # the script of a forked job does not need it

    job(rule)(**arguments)


def received(connection: socket.socket) -> bytes:
    """The bytes after their length; fewer if the other end has closed the connection."""
    length = int.from_bytes(_exactly(connection, LENGTH), "big")
    return _exactly(connection, length)


def _connects(connection: socket.socket, path: str) -> bool:
    try:
        connection.connect(path)
    except OSError:
        return False
    return True


def _answered(connection: socket.socket, message: dict[str, Any]) -> int:
    """The exit code of the job."""
    data = json.dumps(message).encode()
    connection.sendall(len(data).to_bytes(LENGTH, "big") + data)
    answer = _exactly(connection, LENGTH)
    if len(answer) < LENGTH:
        sys.stderr.write("The process of this job was killed.\n")
        return 1
    return int.from_bytes(answer, "big")


def _exactly(connection: socket.socket, n_bytes: int) -> bytes:
    parts, missing = [], n_bytes
    while missing and (part := connection.recv(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
