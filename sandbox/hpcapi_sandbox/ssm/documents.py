"""Documents of an account, their versions, and the actions of the API that make and show them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

from ..aws_error import AwsError
from .document_content import Content, parse
from .paging import paged

# AWS keeps names for itself that begin so, whatever their case.
_RESERVED_PREFIXES = ("aws", "amazon", "amzn")
_NO_VERSION = "The document version is not valid or does not exist."


@dataclass
class Version:
    number: int
    content: Content
    name: str = ""
    created: float = field(default_factory=time.time)


@dataclass
class Document:
    name: str
    owner: str
    versions: dict[int, Version]
    default: int = 1
    target_type: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def latest(self) -> int:
        return max(self.versions)

    def version(self, asked: str | None, name: str | None = None) -> Version:
        """The version of a number, of `$DEFAULT` (if nothing is asked) or `$LATEST`, or a name."""
        if name and not asked:
            found = next((one for one in self.versions.values() if one.name == name), None)
        else:
            words = {"$DEFAULT": self.default, "$LATEST": self.latest}
            number = words.get(asked or "$DEFAULT") or int(asked or 0)
            found = self.versions.get(number)
        if found is None or (name and found.name != name):
            raise AwsError("InvalidDocumentVersion", _NO_VERSION)
        return found

    def add(self, content: Content, name: str = "") -> Version:
        version = Version(self.latest + 1, content, name)
        self.versions[version.number] = version
        return version


documents = AccountRegionScopedDict()  # name -> Document

_RUN_SHELL_SCRIPT = {
    "schemaVersion": "1.2",
    "description": "Run a shell script or specify the commands to run.",
    "parameters": {
        "commands": {
            "type": "StringList",
            "description": "(Required) Specify a shell script or a command to run.",
            "minItems": 1,
            "displayType": "textarea",
        },
        "workingDirectory": {
            "type": "String",
            "default": "",
            "description": "(Optional) The path to the working directory on your instance.",
            "maxChars": 4096,
        },
        "executionTimeout": {
            "type": "String",
            "default": "3600",
            "description": "(Optional) The time in seconds for a command to complete before it is "
            "considered to have failed. Default is 3600 (1 hour). Maximum is 172800 (48 hours).",
            "allowedPattern": "^(([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|"
            "(172[0-7][0-9]{2})|(172800))$",
        },
    },
    "runtimeConfig": {
        "aws:runShellScript": {
            "properties": [
                {
                    "id": "0.aws:runShellScript",
                    "runCommand": "{{ commands }}",
                    "workingDirectory": "{{ workingDirectory }}",
                    "timeoutSeconds": "{{ executionTimeout }}",
                }
            ]
        }
    },
}
# Those of AWS, which every account sees.
_OF_AWS = {
    "AWS-RunShellScript": Document(
        "AWS-RunShellScript",
        "Amazon",
        {1: Version(1, parse(json.dumps(_RUN_SHELL_SCRIPT), "JSON"), created=1422921600.0)},
    )
}


def arn(name: str) -> str:
    """The ARN of a document that need not exist; those of AWS belong to no account."""
    owner = "" if name in _OF_AWS else get_account_id()
    return f"arn:aws:ssm:{get_region()}:{owner}:document/{name}"


def plain_name(name: str) -> str:
    """The name of a document that is asked for by name or ARN."""
    return name.rpartition(":document/")[2] if name.startswith("arn:") else name


def known(name: str) -> Document | None:
    """A document of the account or of AWS, by name or by an ARN of this account and region."""
    plain = plain_name(name)
    if plain != name and name != arn(plain):
        return None
    return documents.get(plain) or _OF_AWS.get(plain)


def found(name: str) -> Document:
    document = known(name)
    if document is None:
        raise AwsError("InvalidDocument", f"Document with name {name} does not exist.")
    return document


def own(name: str) -> Document:
    document = documents.get(name)
    if document is None:
        raise AwsError("InvalidDocument", f"Document with name {name} does not exist.")
    return document


def create(asked: dict[str, Any]) -> Document:
    name = asked["Name"]
    if name.lower().startswith(_RESERVED_PREFIXES):
        raise AwsError(
            "ValidationException",
            f"Document name {name} is not valid: {', '.join(_RESERVED_PREFIXES)} are reserved",
        )
    if name in documents:
        raise AwsError("DocumentAlreadyExists", f"Document with same name {name} already exists")
    if asked.get("DocumentType", "Command") != "Command":
        raise AwsError(
            "InvalidDocumentContent",
            f"Documents of type {asked['DocumentType']} are not part of this emulator.",
        )
    content = parse(asked["Content"], asked.get("DocumentFormat") or "JSON")
    document = Document(
        name,
        get_account_id(),
        {1: Version(1, content, asked.get("VersionName") or "")},
        target_type=asked.get("TargetType") or "",
        tags={tag["Key"]: tag["Value"] for tag in asked.get("Tags") or []},
    )
    documents[name] = document
    return document


def update(asked: dict[str, Any]) -> Version:
    document = own(asked["Name"])
    # Only the latest version can be built upon, and it has to be named.
    if str(asked.get("DocumentVersion")) not in ("$LATEST", str(document.latest)):
        raise AwsError("InvalidDocumentVersion", _NO_VERSION)
    content = parse(asked["Content"], asked.get("DocumentFormat") or "JSON")
    if any(one.content.hash == content.hash for one in document.versions.values()):
        raise AwsError(
            "DuplicateDocumentContent",
            "The content of the association document matches another document. Change the "
            "content of the document and try again.",
        )
    name = asked.get("VersionName") or ""
    if name and any(one.name == name for one in document.versions.values()):
        raise AwsError(
            "DuplicateDocumentVersionName",
            "The version name has already been used in this document. Specify a different "
            "version name, and then try again.",
        )
    if asked.get("TargetType"):
        document.target_type = asked["TargetType"]
    return document.add(content, name)


def delete(name: str) -> None:
    own(name)
    del documents[name]


def _create_document(asked: dict[str, Any]) -> dict[str, Any]:
    document = create(asked)
    return {"DocumentDescription": _description(document, document.versions[1], "Creating")}


def _update_document(asked: dict[str, Any]) -> dict[str, Any]:
    version = update(asked)
    return {"DocumentDescription": _description(own(asked["Name"]), version, "Updating")}


def _update_default_version(asked: dict[str, Any]) -> dict[str, Any]:
    document = own(asked["Name"])
    version = document.version(asked["DocumentVersion"])
    document.default = version.number
    name = {"DefaultVersionName": version.name} if version.name else {}
    return {
        "Description": {"Name": document.name, "DefaultVersion": str(version.number), **name}
    }


def _delete_document(asked: dict[str, Any]) -> dict[str, Any]:
    document = own(asked["Name"])
    if not asked.get("DocumentVersion") and not asked.get("VersionName"):
        delete(document.name)
        return {}
    version = document.version(asked.get("DocumentVersion"), asked.get("VersionName"))
    if version.number == document.default:
        raise AwsError(
            "InvalidDocumentOperation", "Default version of the document can't be deleted."
        )
    del document.versions[version.number]
    return {}


def _describe_document(asked: dict[str, Any]) -> dict[str, Any]:
    document = found(asked["Name"])
    version = document.version(asked.get("DocumentVersion"), asked.get("VersionName"))
    return {"Document": _description(document, version, "Active")}


def _get_document(asked: dict[str, Any]) -> dict[str, Any]:
    document = found(asked["Name"])
    version = document.version(asked.get("DocumentVersion"), asked.get("VersionName"))
    wanted = asked.get("DocumentFormat") or version.content.format
    return {
        "Name": document.name,
        "CreatedDate": version.created,
        **({"VersionName": version.name} if version.name else {}),
        "DocumentVersion": str(version.number),
        "Status": "Active",
        "Content": version.content.text_as(wanted),
        "DocumentType": "Command",
        "DocumentFormat": wanted,
    }


def _identifier(document: Document, version: Version) -> dict[str, Any]:
    """What is told of a document alone and in a list."""
    content = version.content
    shown = {
        "Name": document.name,
        "CreatedDate": version.created,
        "Owner": document.owner,
        "VersionName": version.name,
        "PlatformTypes": content.platforms,
        "DocumentVersion": str(version.number),
        "DocumentType": "Command",
        "SchemaVersion": content.schema,
        "DocumentFormat": content.format,
        "TargetType": document.target_type,
        "Tags": [{"Key": key, "Value": value} for key, value in document.tags.items()],
    }
    return {name: value for name, value in shown.items() if value or name == "Tags"}


def _description(document: Document, version: Version, status: str) -> dict[str, Any]:
    return {
        **_identifier(document, version),
        "Hash": version.content.hash,
        "HashType": "Sha256",
        "Status": status,
        "Description": version.content.description,
        "Parameters": [_parameter(*one) for one in version.content.parameters.items()],
        "LatestVersion": str(document.latest),
        "DefaultVersion": str(document.default),
    }


def _parameter(name: str, parameter: dict[str, Any]) -> dict[str, Any]:
    shown = {"Name": name, "Type": parameter["type"]}
    if "description" in parameter:
        shown["Description"] = parameter["description"]
    if "default" in parameter:
        default = parameter["default"]
        shown["DefaultValue"] = default if isinstance(default, str) else json.dumps(default)
    return shown


def _list_document_versions(asked: dict[str, Any]) -> dict[str, Any]:
    document = found(asked["Name"])
    entries = [
        {
            "Name": document.name,
            "DocumentVersion": str(version.number),
            **({"VersionName": version.name} if version.name else {}),
            "CreatedDate": version.created,
            "IsDefaultVersion": version.number == document.default,
            "DocumentFormat": version.content.format,
            "Status": "Active",
        }
        for version in sorted(document.versions.values(), key=lambda one: -one.number)
    ]
    return paged(asked, "DocumentVersions", entries)


def _list_documents(asked: dict[str, Any]) -> dict[str, Any]:
    filters = [(one["Key"], one.get("Values") or []) for one in asked.get("Filters") or []]
    filters += [(one["key"], [one["value"]]) for one in asked.get("DocumentFilterList") or []]
    every = sorted([*documents.values(), *_OF_AWS.values()], key=lambda one: one.name)
    chosen = [
        document
        for document in every
        if all(_passes(document, key, values) for key, values in filters)
    ]
    entries = [_identifier(document, document.version(None)) for document in chosen]
    return paged({"MaxResults": 10, **asked}, "DocumentIdentifiers", entries)


def _passes(document: Document, key: str, values: list[str]) -> bool:
    if key.startswith("tag:"):
        return document.tags.get(key[4:]) in values
    if key not in _FILTERS:
        raise AwsError("InvalidFilterKey", f"The specified filter key {key} is not valid.")
    return any(_FILTERS[key](document, value) for value in values)


def _is_owned_by(document: Document, owner: str) -> bool:
    is_own = document.owner != "Amazon"
    return {"All": True, "Self": is_own, "Private": is_own, "Amazon": not is_own}.get(owner, False)


_FILTERS: dict[str, Callable[[Document, str], bool]] = {
    "Name": lambda document, value: document.name.startswith(value),
    "SearchKeyword": lambda document, value: value.lower() in document.name.lower(),
    "Owner": _is_owned_by,
    "PlatformTypes": lambda document, value: value in document.version(None).content.platforms,
    "DocumentType": lambda document, value: value == "Command",
    "TargetType": lambda document, value: document.target_type == value,
}

ACTIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "CreateDocument": _create_document,
    "UpdateDocument": _update_document,
    "UpdateDocumentDefaultVersion": _update_default_version,
    "DeleteDocument": _delete_document,
    "DescribeDocument": _describe_document,
    "GetDocument": _get_document,
    "ListDocuments": _list_documents,
    "ListDocumentVersions": _list_document_versions,
}
