"""Key pairs with real key material."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import struct
import subprocess
from typing import Any

from ministack.services import ec2 as store

from ..aws_error import AwsError
from ..identifiers import new_id, now
from . import query
from .describe import Describe, one

_ED25519 = b"ssh-ed25519"


@query.action("CreateKeyPair")
def create_key_pair(parameters: dict[str, Any]) -> dict[str, Any]:
    name = _new_name(parameters)
    kind = parameters.get("KeyType") or "rsa"
    if kind == "ed25519":
        material, public, fingerprint = _new_ed25519()
    elif kind == "rsa":
        material, public, fingerprint = _new_rsa()
    else:
        raise AwsError("InvalidParameterValue", f"Invalid value '{kind}' for KeyType")
    if parameters.get("KeyFormat", "pem") != "pem":
        raise AwsError("InvalidParameterValue", "Only the key format pem is served here")
    pair = _store(name, kind, public, fingerprint, parameters)
    return {**_answer(pair), "keyMaterial": material}


@query.action("ImportKeyPair")
def import_key_pair(parameters: dict[str, Any]) -> dict[str, Any]:
    name = _new_name(parameters)
    try:
        text = base64.b64decode(parameters.get("PublicKeyMaterial", ""), validate=True).decode()
        kind_name, blob64, *_ = text.split()
        blob = base64.b64decode(blob64, validate=True)
    except (ValueError, binascii.Error):
        raise AwsError(
            "InvalidKey.Format", "Key is not in valid OpenSSH public key format"
        ) from None
    kind = {"ssh-rsa": "rsa", "ssh-ed25519": "ed25519"}.get(kind_name)
    if kind is None or not blob.startswith(_string(kind_name.encode())):
        raise AwsError("InvalidKey.Format", "Key is not in valid OpenSSH public key format")
    if kind == "ed25519":
        fingerprint = base64.b64encode(hashlib.sha256(blob).digest()).decode()
    else:
        fingerprint = _colons(hashlib.md5(blob, usedforsecurity=False).hexdigest())
    return _answer(_store(name, kind, f"{kind_name} {blob64}", fingerprint, parameters))


@query.action("DeleteKeyPair")
def delete_key_pair(parameters: dict[str, Any]) -> dict[str, Any]:
    wanted_id = parameters.get("KeyPairId")
    for pair in store._key_pairs.values():
        if parameters.get("KeyName") == pair["KeyName"] or wanted_id == pair["KeyPairId"]:
            del store._key_pairs[pair["KeyName"]]
            store._tags.pop(pair["KeyPairId"], None)
            return {"return": True, "keyPairId": pair["KeyPairId"]}
    return {"return": True}


class _DescribeKeyPairs(Describe):
    """Key pairs are found by name and by id."""

    def select(self, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        for name in query.strings(parameters.get("KeyName")):
            if name not in store._key_pairs:
                raise AwsError("InvalidKeyPair.NotFound", f"The key pair '{name}' does not exist")
        names = query.strings(parameters.get("KeyName"))
        found = super().select(parameters)
        return [pair for pair in found if not names or pair["KeyName"] in names]

    def handle(self, parameters: dict[str, Any]) -> dict[str, Any]:
        with_public_key = query.flag(parameters.get("IncludePublicKey"))
        return {
            "keySet": [
                {
                    **_answer(pair),
                    "createTime": pair["CreateTime"],
                    "publicKey": pair["PublicKey"] if with_public_key else None,
                }
                for pair in self.select(parameters)
            ]
        }


DESCRIBE = _DescribeKeyPairs(
    "DescribeKeyPairs",
    store._key_pairs.values,
    "KeyPairId",
    "KeyPairId",
    "keySet",
    lambda pair: _answer(pair),
    ("InvalidKeyPair.NotFound", "The key pair '{id}' does not exist"),
    {
        "key-pair-id": one("KeyPairId"),
        "key-name": one("KeyName"),
        "fingerprint": one("KeyFingerprint"),
    },
)


def install() -> None:
    DESCRIBE.install()


def _new_name(parameters: dict[str, Any]) -> str:
    name = parameters.get("KeyName", "")
    if not name:
        raise AwsError("MissingParameter", "The request must contain the parameter KeyName")
    if name in store._key_pairs:
        raise AwsError("InvalidKeyPair.Duplicate", f"The keypair '{name}' already exists.")
    return name


def _store(
    name: str, kind: str, public: str, fingerprint: str, parameters: dict[str, Any]
) -> dict[str, Any]:
    pair = {
        "KeyName": name,
        "KeyPairId": new_id("key"),
        "KeyType": kind,
        "KeyFingerprint": fingerprint,
        "PublicKey": f"{public} {name}\n",
        "CreateTime": now(),
    }
    store._key_pairs[name] = pair
    query.add_tags(
        pair["KeyPairId"], query.tags_for(parameters.get("TagSpecification"), "key-pair")
    )
    return pair


def _answer(pair: dict[str, Any]) -> dict[str, Any]:
    return {
        "keyPairId": pair["KeyPairId"],
        "keyName": pair["KeyName"],
        "keyFingerprint": pair["KeyFingerprint"],
        "keyType": pair["KeyType"],
        "tagSet": query.tag_set(pair["KeyPairId"]),
    }


def _openssl(*arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(
        ["openssl", *arguments], input=given, capture_output=True, check=True
    ).stdout


def _new_rsa() -> tuple[str, str, str]:
    material = _openssl("genrsa", "-traditional", "2048").decode()
    pkcs8 = _openssl("pkcs8", "-topk8", "-nocrypt", "-outform", "DER", given=material.encode())
    modulus = _openssl("rsa", "-noout", "-modulus", given=material.encode())
    number = int(modulus.decode().strip().partition("=")[2], 16)
    blob = _string(b"ssh-rsa") + _number(65537) + _number(number)
    public = f"ssh-rsa {base64.b64encode(blob).decode()}"
    return material, public, _colons(hashlib.sha1(pkcs8, usedforsecurity=False).hexdigest())


def _new_ed25519() -> tuple[str, str, str]:
    private_der = _openssl("genpkey", "-algorithm", "ed25519", "-outform", "DER")
    public_der = _openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", given=private_der)
    seed, public = private_der[-32:], public_der[-32:]
    blob = _string(_ED25519) + _string(public)
    fingerprint = base64.b64encode(hashlib.sha256(blob).digest()).decode()
    return (
        _openssh(seed, public, blob),
        f"ssh-ed25519 {base64.b64encode(blob).decode()}",
        fingerprint,
    )


def _openssh(seed: bytes, public: bytes, blob: bytes) -> str:
    """The private key in OpenSSH's own format, which is what EC2 hands out for ed25519."""
    check = secrets.token_bytes(4)
    private = check + check + blob + _string(seed + public) + _string(b"")
    private += bytes(range(1, 1 + -len(private) % 8))
    document = (
        b"openssh-key-v1\0"
        + _string(b"none")
        + _string(b"none")
        + _string(b"")
        + struct.pack(">I", 1)
        + _string(blob)
        + _string(private)
    )
    text = base64.b64encode(document).decode()
    lines = [text[start : start + 70] for start in range(0, len(text), 70)]
    return "\n".join(
        ["-----BEGIN OPENSSH PRIVATE KEY-----", *lines, "-----END OPENSSH PRIVATE KEY-----", ""]
    )


def _string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _number(value: int) -> bytes:
    return _string(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _colons(digest: str) -> str:
    return ":".join(digest[start : start + 2] for start in range(0, len(digest), 2))
