"""CURVE certificates as pyzmq writes them, with the user_id that the server asks for."""
from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import zmq.auth


@dataclass(frozen=True)
class KeyPair:
    public: bytes
    secret: bytes


def create(directory: Path, name: str, user_id: Optional[str] = None) -> KeyPair:
    """Makes directory/NAME.key and NAME.key_secret by zmq.auth.create_certificates, as the original's users do."""
    directory.mkdir(parents=True, exist_ok=True)
    public_file, secret_file = (Path(file) for file in zmq.auth.create_certificates(str(directory), name))
    secret_file.chmod(0o600)
    if user_id is not None:
        add_user_id(public_file, user_id)
    return load(secret_file)


def add_user_id(public_file: Path, user_id: str) -> None:
    """What an original's administrator writes by hand: user_id under `curve`."""
    text = public_file.read_text()
    public_file.write_text(text.replace("curve\n", f'curve\n    user_id = "{user_id}"\n', 1))


def load(secret_file: Path) -> KeyPair:
    public, secret = zmq.auth.load_certificate(str(secret_file))
    if secret is None:
        raise ValueError(f"{secret_file} has no secret key")
    return KeyPair(public, secret)


def load_public(public_file: Path) -> bytes:
    public, _ = zmq.auth.load_certificate(str(public_file))
    return bytes(public)


def user_of(public_file: Path) -> Optional[str]:
    found = re.search(r"""^\s*user_id\s*=\s*["']([^"']*)["']""", public_file.read_text(), re.MULTILINE)
    return found.group(1) if found else None
