"""EC2's wire format: query parameters in, XML out."""

from __future__ import annotations

import base64
import fnmatch
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

from ministack.services import ec2 as store

from ..aws_error import AwsError

Parameters = dict[str, list[str]]
Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[dict[str, Any]], dict[str, Any]]


def action(name: str) -> Callable[[Handler], Handler]:
    """Makes a function the handler of an EC2 action.

    It gets the parameters as nested dictionaries and lists, and returns the members of the
    answer under their XML names. An `AwsError` becomes EC2's error document.
    """

    def install(handler: Handler) -> Handler:
        def respond(parameters: Parameters) -> Answer:
            return answer(name, lambda: handler(nested(parameters)))

        store._ACTION_MAP[name] = respond
        return handler

    return install


def answer(name: str, produce: Callable[[], dict[str, Any]]) -> Answer:
    try:
        members = produce()
    except AwsError as error:
        return error_answer(error)
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{name}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>{uuid4()}</requestId>{xml(members)}</{name}Response>"
    )
    return 200, {"Content-Type": "text/xml;charset=UTF-8"}, body.encode()


def error_answer(error: AwsError) -> Answer:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Response><Errors><Error><Code>{error.code}</Code>"
        f"<Message>{escape(error.message)}</Message></Error></Errors>"
        f"<RequestID>{uuid4()}</RequestID></Response>"
    )
    return error.status, {"Content-Type": "text/xml;charset=UTF-8"}, body.encode()


class Raw(str):
    """XML that is ready to be sent."""


def xml(value: Any) -> str:
    """The members of an answer, or one of them, as XML."""
    if isinstance(value, Raw):
        return value
    if isinstance(value, dict):
        return "".join(
            f"<{name}>{xml(member)}</{name}>"
            for name, member in value.items()
            if member is not None
        )
    if isinstance(value, (list, tuple)):
        return "".join(f"<item>{xml(item)}</item>" for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value))


def nested(parameters: Parameters) -> dict[str, Any]:
    """`A.1.B=c` as `{"A": [{"B": "c"}]}`."""
    tree: dict[str, Any] = {}
    for name, values in parameters.items():
        node = tree
        *parents, leaf = name.split(".")
        for part in parents:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                break
        else:
            node[leaf] = values[0] if isinstance(values, list) else values
    return _with_lists(tree)


def _with_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isdigit() for key in node):
        return [_with_lists(node[key]) for key in sorted(node, key=int)]
    return {key: _with_lists(value) for key, value in node.items()}


def strings(value: Any) -> list[str]:
    """A list parameter, also when it was not given."""
    return list(value) if isinstance(value, list) else []


def flag(value: Any) -> bool:
    return str(value).lower() == "true"


def tags_of(resource_id: str) -> list[dict[str, str]]:
    return store._tags.get(resource_id) or []


def tag_set(resource_id: str) -> list[dict[str, str]]:
    return [{"key": tag["Key"], "value": tag.get("Value", "")} for tag in tags_of(resource_id)]


def add_tags(resource_id: str, tags: Iterable[dict[str, Any]]) -> None:
    """Adds tags that the resource has not got yet."""
    present = tags_of(resource_id)
    keys = {tag["Key"] for tag in present}
    for tag in tags:
        if str(tag["Key"]) not in keys:
            keys.add(str(tag["Key"]))
            present = [*present, {"Key": str(tag["Key"]), "Value": str(tag.get("Value", ""))}]
    if present:
        store._tags[resource_id] = present


def tags_for(specifications: Any, resource_type: str) -> list[dict[str, str]]:
    """The tags that TagSpecifications give to one kind of resource."""
    return [
        tag
        for specification in specifications or []
        if specification.get("ResourceType") == resource_type
        for tag in specification.get("Tags") or specification.get("Tag") or []
    ]


def matches(wanted: Iterable[str], actual: Iterable[Any]) -> bool:
    """Whether any actual value fits any wanted one; `*` and `?` are wildcards."""
    values = [str(value).lower() if isinstance(value, bool) else str(value) for value in actual]
    return any(
        fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))
        for pattern in wanted
        for value in values
    )


def page(items: list[Any], parameters: dict[str, Any]) -> tuple[list[Any], str | None]:
    """The page that MaxResults and NextToken ask for, and the token of the next one."""
    try:
        start = int(base64.b64decode(parameters.get("NextToken", "") or "MA=="))
        size = int(parameters.get("MaxResults") or 1000)
    except ValueError:
        raise AwsError(
            "InvalidParameterValue", "Invalid value for nextToken or maxResults"
        ) from None
    rest = start + size
    token = base64.b64encode(str(rest).encode()).decode() if rest < len(items) else None
    return items[start:rest], token
