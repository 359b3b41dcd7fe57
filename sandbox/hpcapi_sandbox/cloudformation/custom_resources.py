"""Custom resources answer to an HTTPS URL, as on AWS."""

from __future__ import annotations

from ministack.services.cloudformation import custom_resource

from .. import settings
from ..patching import replace_everywhere


def install(tls_port: int) -> None:
    def response_url(token: str) -> str:
        return f"https://{settings.HOST}:{tls_port}/_ministack/cfn-response/{token}"

    replace_everywhere(custom_resource._response_url, response_url)
