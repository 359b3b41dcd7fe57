"""The life of the emulator: it starts, says that it is ready, serves, and ends leaving nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
from pathlib import Path

from hypercorn.asyncio import serve
from hypercorn.config import Config

from . import machines, plugins, settings, tls
from .application import application
from .cloudformation import custom_resources
from .endpoint import target_health

logger = logging.getLogger("hpcapi.server")

# What is left of the five seconds in which the emulator ends, after the machines have stopped.
_MACHINE_SECONDS = 4.0
_GRACE_SECONDS = 0.5


def run(tls_port: int, certificate: tls.Certificate) -> None:
    """Serves until SIGTERM or SIGINT, or the end of the process with which it ends."""
    machines.remove_leftovers()
    plugins.install()
    custom_resources.install(tls_port)
    asyncio.run(_serve(tls_port, certificate))


async def _serve(tls_port: int, certificate: tls.Certificate) -> None:
    current = settings.get()
    config = Config()
    config.insecure_bind = [f"{settings.HOST}:{current.port}"]
    config.bind = [f"{settings.HOST}:{tls_port}"]
    config.certfile, config.keyfile = str(certificate.certificate), str(certificate.key)
    config.graceful_timeout = _GRACE_SECONDS
    config.keep_alive_timeout = 75
    config.errorlog = logging.getLogger("hypercorn")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if current.ends_with is not None:
        _stop_at_end_of(current.ends_with, stop)
    checks = asyncio.create_task(target_health.keep_checking())
    ready = asyncio.create_task(_announce(current))
    serving = asyncio.create_task(serve(application, config, shutdown_trigger=stop.wait))
    await asyncio.wait({serving, asyncio.create_task(stop.wait())}, return_when="FIRST_COMPLETED")
    for task in (checks, ready):
        task.cancel()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(current.run_directory / "emulator.json")
    await asyncio.to_thread(machines.shut_down_all, _MACHINE_SECONDS)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(serving, _GRACE_SECONDS * 2)
    _kill_children()
    shutil.rmtree(current.temporary_directory, ignore_errors=True)
    logging.shutdown()
    # Threads of ministack that wait for something would keep the process alive.
    os._exit(0)


def _stop_at_end_of(pid: int, stop: asyncio.Event) -> None:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        stop.set()
        return
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(process)
        stop.set()

    loop.add_reader(process, ended)


def _kill_children() -> None:
    """Ends what still runs under this process: Lambda functions in the middle of something."""
    for pid in _descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    children = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            children += [int(child) for child in task.read_text().split()]
    return children + [below for child in children for below in _descendants(child)]


async def _announce(current: settings.Settings) -> None:
    """Writes run/emulator.json once the port answers."""
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(settings.HOST, current.port)
            writer.close()
            break
        await asyncio.sleep(0.02)
    ready = {
        "pid": os.getpid(),
        "port": current.port,
        "endpoint": current.endpoint,
        "ends_with": current.ends_with,
    }
    path = current.run_directory / "emulator.json"
    fresh = path.with_suffix(".json.new")
    fresh.write_text(json.dumps(ready), encoding="utf-8")
    fresh.rename(path)
    logger.info("ready at %s", current.endpoint)
