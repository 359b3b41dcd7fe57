"""Checks requests against AWS's own service models, as AWS would before it does anything.

The emulator takes almost any request. AWS does not: it refuses a wrong type, a missing member,
a value outside its limits, its pattern or its list. Those are written down in the models that
botocore ships, so each request is read back into the parameters that an SDK made it of (the
reverse of botocore's serializers) and held against them; `rules` adds what AWS enforces and
its models do not say.

What is not checked: unsigned requests, requests that are no API call of a modelled service,
the properties of CloudFormation resources, enums that grow with AWS (`validate.OPEN_ENUMS`)
and the patterns that `unchecked_patterns` lists. The models are as old as the pinned botocore:
a member that AWS added since counts as unknown here.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import answer, arrival, operation, parameters, patterns, rules, services, validate
from .answer import Refusal

__all__ = ["Refusal", "check", "unchecked_patterns"]


def unchecked_patterns() -> dict[str, list[str]]:
    """The patterns that cannot be checked, with the shapes that have them. Reads every model."""
    return {
        pattern: shapes
        for pattern, shapes in services.patterns().items()
        if not patterns.checkable(pattern)
    }


def check(
    method: str, path: str, query_string: str, headers: Mapping[str, str], body: bytes
) -> Refusal | None:
    """Returns what AWS would answer to a request that breaks its service's model, else None.

    `path` is best given as it stands in the request line, percent-encoded.
    """
    request = arrival.signed_request(method, path, query_string, headers, body)
    if request is None:
        return None
    models = services.candidates(request.signed_for)
    if not models:
        return None
    calls = operation.find(request, models)
    if calls is operation.NOT_CHECKED:
        return None
    if not calls:
        return answer.unknown_operation(request, models)
    refusals = []
    for call in calls:
        given, problems = parameters.read(request, call)
        problems += validate.problems(call, given)
        if not problems:
            problems = rules.problems(call, given)
        if not problems:
            return None
        refusals.append(answer.refusal(call, problems))
    return min(refusals, key=lambda refusal: len(refusal.problems))
