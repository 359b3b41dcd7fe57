"""HTTP APIs in templates: their public URL, and what API Gateway refuses of their parts."""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.services import apigateway
from ministack.services.cloudformation import provisioners

from .. import settings
from ..aws_error import AwsError
from ..cloudformation.resource_types import Properties, guard_create
from ..patching import replace_everywhere
from . import vpc_links
from .http_api import PREFIX

_LISTENER = re.compile(r"arn:aws[a-z-]*:elasticloadbalancing:[^:]+:\d+:listener/")


def install() -> None:
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    create = handlers["create"]

    def create_api(logical_id: str, properties: Properties, stack_name: str) -> Any:
        api_id, attributes = create(logical_id, properties, stack_name)
        return api_id, {**attributes, "ApiEndpoint": _publish(api_id)}

    update = handlers["update"]

    def update_api(*arguments: Any) -> Any:
        api_id, attributes = update(*arguments)
        return api_id, {**attributes, "ApiEndpoint": _publish(api_id)}

    handlers |= {"create": create_api, "update": update_api}
    _mend_api()
    guard_create("AWS::ApiGatewayV2::Integration", _check_integration)
    guard_create("AWS::ApiGatewayV2::Route", _check_route)
    guard_create("AWS::ApiGatewayV2::Stage", _check_api)


def _mend_api() -> None:
    """Does by API what is done for templates, and keeps the VPC link of an integration."""
    create_plain_api = apigateway._create_api
    create, update = apigateway._create_integration, apigateway._update_integration

    def create_api(data: dict[str, Any]) -> Any:
        status, headers, body = create_plain_api(data)
        if status != 201:
            return status, headers, body
        api_id = json.loads(body)["apiId"]
        _publish(api_id)
        return apigateway._apigw_response(apigateway._apis[api_id], status)

    def create_integration(api_id: str, data: dict[str, Any]) -> Any:
        status, headers, body = create(api_id, data)
        if status != 201:
            return status, headers, body
        made = apigateway._integrations[api_id][json.loads(body)["integrationId"]]
        made["connectionId"] = data.get("connectionId", "")
        return apigateway._apigw_response(made, status)

    def update_integration(api_id: str, integration_id: str, data: dict[str, Any]) -> Any:
        known = (apigateway._integrations.get(api_id) or {}).get(integration_id)
        if known and "connectionId" in data:
            known["connectionId"] = data["connectionId"]
        return update(api_id, integration_id, data)

    replace_everywhere(create_plain_api, create_api)
    replace_everywhere(create, create_integration)
    replace_everywhere(update, update_integration)


def _publish(api_id: str) -> str:
    """Gives an API the URL that any HTTP client of this machine can open."""
    api = apigateway._apis[api_id]
    if api.get("protocolType") == "HTTP":
        api["apiEndpoint"] = f"{settings.get().endpoint}{PREFIX}{api_id}"
    return api["apiEndpoint"]


def _check_api(properties: Properties, old: Properties | None = None) -> None:
    api_id = properties.get("ApiId", "")
    if api_id not in apigateway._apis:
        raise AwsError("NotFoundException", f"Invalid API identifier specified {api_id}", 404)


def _check_integration(properties: Properties, old: Properties | None) -> None:
    _check_api(properties)
    if properties.get("IntegrationType") != "HTTP_PROXY":
        return
    uri = properties.get("IntegrationUri", "")
    if properties.get("ConnectionType", "INTERNET") == "INTERNET":
        if not re.match(r"https?://", uri):
            raise AwsError("BadRequestException", f"Invalid HTTP endpoint specified for URI: {uri}")
        return
    link_id = properties.get("ConnectionId", "")
    if link_id not in vpc_links.links:
        raise AwsError("BadRequestException", f"Invalid VPC link identifier specified: {link_id}")
    if not _LISTENER.match(uri):
        raise AwsError(
            "BadRequestException",
            "Invalid Integration URI specified. For a private integration it is the ARN of a "
            "listener or of an AWS Cloud Map service",
        )


def _check_route(properties: Properties, old: Properties | None) -> None:
    _check_api(properties)
    target = properties.get("Target", "")
    integration_id = target.removeprefix("integrations/")
    known = apigateway._integrations.get(properties["ApiId"]) or {}
    if target and integration_id not in known:
        raise AwsError(
            "BadRequestException", f"Unable to find Integration with id {integration_id}"
        )
