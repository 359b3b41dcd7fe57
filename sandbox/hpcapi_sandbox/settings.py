"""What this run of the sandbox was started with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Settings:
    directory: Path
    port: int
    suite: str
    time_scale: float
    ends_with: int | None = None  # the process with which the emulator ends

    @classmethod
    def from_environment(
        cls, directory: Path, port: int, ends_with: int | None = None
    ) -> Settings:
        return cls(
            directory=directory,
            port=port,
            ends_with=ends_with,
            suite=os.environ.get("HPCAPI_SANDBOX_SUITE", "trixie"),
            time_scale=float(os.environ.get("HPCAPI_SANDBOX_TIME_SCALE", "0")),
        )

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def run_directory(self) -> Path:
        return self.directory / "run"

    @property
    def temporary_directory(self) -> Path:
        return self.run_directory / "tmp"

    @property
    def log_directory(self) -> Path:
        return self.directory / "log"

    @property
    def image(self) -> Path:
        return self.directory / "image" / self.suite

    def node_directory(self, instance_id: str) -> Path:
        return self.directory / "nodes" / instance_id


_current: Settings | None = None


def use(settings: Settings) -> None:
    global _current
    _current = settings


def get() -> Settings:
    if _current is None:
        raise RuntimeError("settings.use() comes first")
    return _current
