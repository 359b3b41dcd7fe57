"""Runs pcluster for many callers without starting it anew for each: everything that does not
depend on the caller is loaded once, and each call is a fork of that, with the caller's own
arguments, environment, folder and files.

    server.py ADDRESS

ADDRESS names a socket in Linux's abstract namespace. A line on standard output says that calls are
answered, until standard input is closed; whoever hangs up takes its pcluster with it.
"""

import gc
import importlib
import os
import pkgutil
import select
import signal
import socket
import sys
import tempfile

import boto3
import botocore.exceptions
import botocore.loaders
import botocore.session

from pcluster.cli import entrypoint

# Not its templates: they start a Node.js, which no two calls can share.
PACKAGES = (
    "pcluster.api.controllers",
    "pcluster.aws",
    "pcluster.config",
    "pcluster.models",
    "pcluster.schemas",
    "pcluster.validators",
)

SERVICES = (
    "cloudformation",
    "dynamodb",
    "ec2",
    "efs",
    "fsx",
    "iam",
    "imagebuilder",
    "kms",
    "lambda",
    "logs",
    "resource-groups",
    "route53",
    "s3",
    "secretsmanager",
    "ssm",
    "sts",
)

MODELS = ("service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2")

# As many bytes hold the length of a call.
LENGTH = 8


def load():
    """Loads what every call needs, and returns what reads AWS's models."""
    for package in PACKAGES:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            importlib.import_module(f"{package}.{module.name}")
    loader = botocore.loaders.create_loader()
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)
    for service in SERVICES:
        for model in MODELS:
            try:
                loader.load_service_model(service, model)
            except botocore.exceptions.UnknownServiceError:
                pass  # Not every service has waiters.
    gc.freeze()
    return loader


def receive(connection):
    """Returns a call: the folder, the arguments and the environment; takes over its files."""
    head, files, _, _ = socket.recv_fds(connection, LENGTH, 3)
    call = b""
    while len(call) < int.from_bytes(head, "big"):
        piece = connection.recv(1 << 16)
        if not piece:
            sys.exit(1)
        call += piece
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    folder, arguments, environment = call.split(b"\1")
    return folder, arguments.split(b"\0"), environment.split(b"\0")


def work(connection, loader):
    """Is the pcluster of one call."""
    folder, arguments, environment = receive(connection)
    os.chdir(folder)
    os.environb.clear()
    for variable in environment:
        name, _, value = variable.partition(b"=")
        os.environb[name] = value
    tempfile.tempdir = None
    sys.argv = ["pcluster", *map(os.fsdecode, arguments[1:])]
    session = botocore.session.get_session()
    session.register_component("data_loader", loader)
    boto3.setup_default_session(botocore_session=session)
    sys.exit(entrypoint.main())


def watch(connection, worker):
    """Waits for the end of a call, and tells it; ends it when nobody waits for it any more."""
    ended, poll = os.pidfd_open(worker), select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(connection, select.POLLRDHUP)
    while not any(file == ended for file, _ in poll.poll()):
        os.kill(worker, signal.SIGKILL)
        poll.unregister(connection)
    _, status = os.waitpid(worker, 0)
    try:
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    except OSError:
        pass


def serve(address):
    """Answers calls until standard input is closed."""
    loader = load()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0" + address)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            worker = os.fork()
            if worker == 0:
                work(connection, loader)  # and ends
            watch(connection, worker)
            os._exit(0)
        connection.close()


if __name__ == "__main__":
    serve(sys.argv[1])
