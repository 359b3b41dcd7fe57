"""Runs pcluster for many callers without starting it anew for each: everything that does not
depend on the caller is loaded once, and each call is a fork of that, with the caller's own
arguments, environment, folder and files.

    server.py ADDRESS

ADDRESS names a socket in Linux's abstract namespace. A line on standard output says that calls are
answered, until standard input is closed; whoever hangs up takes its pcluster with it.

Calls to ADDRESS-templates write a template, for which pcluster starts a Node.js that loads for
seconds. They are forks of a writer: a process that has also loaded that, for one call at a time.
Another writer starts when none is free. A writer whose call failed ends with it, since nobody knows
what its Node.js is in the middle of; without a writer, a call is one as any other.
"""

import gc
import importlib
import logging
import os
import pkgutil
import runpy
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

# Not its templates: they start a Node.js, which no two calls can share at a time.
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

TEMPLATES = ("cluster_stack", "cdk_artifacts_manager")

# What a writer says: that a call is its own from now on, and that the next one may come.
TAKEN, FREE = b"t", b"f"

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
    if "HPCAPI_STAND_INS" in os.environ:
        # As Python does when it starts.
        first, _, _ = os.environ["PYTHONPATH"].partition(os.pathsep)
        runpy.run_path(os.path.join(first, "sitecustomize.py"))
    sys.argv = ["pcluster", *map(os.fsdecode, arguments[1:])]
    session = botocore.session.get_session()
    session.register_component("data_loader", loader)
    boto3.setup_default_session(botocore_session=session)
    sys.exit(entrypoint.main())


def work_and_leave(connection, loader):
    """Is the pcluster of one call, and does not end the Node.js, which is its parent's."""
    code = 1
    try:
        work(connection, loader)
    except SystemExit as end:
        code = 0 if end.code is None else int(end.code)
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def answer(connection, loader, work):
    """Runs a call in a process of its own, and returns the code with which that ended; ends it when
    nobody waits for it any more."""
    worker = os.fork()
    if worker == 0:
        work(connection, loader)  # and ends
    ended, poll = os.pidfd_open(worker), select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(connection, select.POLLRDHUP)
    while not any(file == ended for file, _ in poll.poll()):
        os.kill(worker, signal.SIGKILL)
        poll.unregister(connection)
    os.close(ended)
    _, status = os.waitpid(worker, 0)
    code = os.waitstatus_to_exitcode(status)
    try:
        connection.sendall(str(code).encode())
    except OSError:
        pass
    return code


def write(server, loader):
    """Is a writer: runs the calls that the server hands it, until the server ends or one fails."""
    # What Node.js says is of no call.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    for module in TEMPLATES:
        importlib.import_module(f"pcluster.templates.{module}")
    kernel = importlib.import_module("jsii._runtime").kernel
    gc.freeze()
    code = 0
    while code == 0:
        _, files, _, _ = socket.recv_fds(server, 1, 1)
        if not files:
            break
        with socket.socket(fileno=files[0]) as connection:
            kernel.stats()  # Fails without Node.js.
            server.sendall(TAKEN)
            code = answer(connection, loader, work_and_leave)
        if code == 0:
            server.sendall(FREE)
    sys.exit()  # and ends the Node.js


class Server:
    """Hands each call to a process."""

    def __init__(self, address):
        self.loader = load()
        self.calls = listen(address)
        self.templates = listen(f"{address}-templates")
        self.writers = []
        self.free = []
        # The call that a writer was given and has not taken.
        self.given = {}

    def serve(self):
        """Answers calls until standard input is closed."""
        while True:
            files = [sys.stdin, self.calls, self.templates, *self.writers]
            for file in select.select(files, [], [])[0]:
                if file is sys.stdin:
                    return
                if file is self.calls:
                    self.run(file.accept()[0])
                elif file is self.templates:
                    self.give()
                else:
                    self.hear(file)

    def fork(self):
        """Forks, and keeps from the child what it would hold open."""
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for file in (self.calls, self.templates, *self.writers, *self.given.values()):
                file.close()
        return child

    def run(self, connection):
        if self.fork() == 0:
            answer(connection, self.loader, work)
            os._exit(0)
        connection.close()

    def give(self):
        """Gives the next call that writes a template to a writer."""
        writer = self.free.pop() if self.free else self.start_writer()
        connection, _ = self.templates.accept()
        self.given[writer] = connection
        try:
            socket.send_fds(writer, [b"\0"], [connection.fileno()])
        except OSError:
            pass  # It has ended, which is heard next.

    def start_writer(self):
        ours, theirs = socket.socketpair()
        if self.fork() == 0:
            ours.close()
            write(theirs, self.loader)  # and ends
        theirs.close()
        self.writers.append(ours)
        return ours

    def hear(self, writer):
        """Hears what a writer says, or that it has ended."""
        try:
            said = writer.recv(1)
        except OSError:
            said = b""
        if said == TAKEN:
            self.given.pop(writer).close()
        elif said == FREE:
            self.free.append(writer)
        else:
            self.writers.remove(writer)
            writer.close()
            if writer in self.free:
                self.free.remove(writer)
            if writer in self.given:
                self.run(self.given.pop(writer))


def listen(address):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0" + address)
    listener.listen(64)
    return listener


def main():
    server = Server(sys.argv[1])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    server.serve()


if __name__ == "__main__":
    main()
