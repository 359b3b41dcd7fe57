"""The error that a service answers, raised where it is found and written where it leaves."""

from __future__ import annotations


class AwsError(Exception):
    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    def in_stack_event(self, service: str) -> str:
        """How CloudFormation's resource handlers quote the error of a service."""
        return f"{self.message} (Service: {service}, Status Code: {self.status})"
