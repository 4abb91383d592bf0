"""A signer of files in minisign's format, made of pycryptodome's Ed25519 and Python's own BLAKE2b.

One JSON question on standard input, one JSON answer on standard output: signs each of `files` with a new key, each with its
signature beside it, and tells the public key. `key_id` makes two keys known by one number.
"""

import base64
import hashlib
import json
import os
import sys

from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa


def text(kind, raw):
    return base64.b64encode(kind + raw).decode()


def sign(path, comment, key_id, signer):
    with open(path, "rb") as file:
        signature = signer.sign(hashlib.blake2b(file.read()).digest())
    vouched = signer.sign(signature + comment.encode())
    lines = [
        "untrusted comment: by a peer",
        text(b"ED", key_id + signature),
        "trusted comment: " + comment,
        base64.b64encode(vouched).decode(),
    ]
    with open(path + ".minisig", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def answer(ask):
    key = ECC.generate(curve="Ed25519")
    key_id = bytes.fromhex(ask["key_id"]) if "key_id" in ask else os.urandom(8)
    signer = eddsa.new(key, "rfc8032")
    for path in ask["files"]:
        sign(path, ask["comment"], key_id, signer)
    return {"key": text(b"Ed", key_id + key.public_key().export_key(format="raw")), "key_id": key_id.hex()}


json.dump(answer(json.load(sys.stdin)), sys.stdout)
