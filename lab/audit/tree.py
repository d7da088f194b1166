"""Secrets in the files that git tracks: they stay in its history for ever."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hub.config.weak_secrets import is_guessable
from lab.audit.outcome import Outcome

#: Bytes of a file that are looked at; what is longer is no text that somebody wrote.
SIZE_LIMIT = 2 * 1024 * 1024

#: What a secret looks like by itself. Each starts with fixed text, so that a long line takes no longer than it is.
KNOWN = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]{2,10} )?PRIVATE KEY-----"),
    "a token of the hub": re.compile(r"\bhub_[A-Za-z0-9_-]{43}\b"),
    "an API key of the hub": re.compile(r"\bhubkey_[A-Za-z0-9_-]{43}\b"),
    "a key of a cloud": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{35}\b"),
    "a token of a code host": re.compile(
        r"\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_[A-Za-z0-9_]{40}|\bglpat-[\w-]{20}"
    ),
    "a token of a chat service": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20}"),
    "a key of a payment service": re.compile(r"\b[sr]k_live_[A-Za-z0-9]{20}"),
    "a signed token": re.compile(r"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"),
    "an address with a password": re.compile(r"\b[a-z]{2,20}://[\w.-]{0,40}:([^\s:/@\"'`{}$<>\[]{12,80})@[\w.-]+"),
}

#: ``secret = "…"`` and the like, in code and in configuration.
NAMED = re.compile(
    r"""(?i)(?:secret|passw(?:or)?d|token|api_?key|private_?key)[\w-]{0,20}["']?\s{0,3}[=:]\s{0,3}["']?([\w+/=.~-]{20,120})"""
)

#: Files whose secrets are made up or are hashes of packages.
_NOT_FOR_NAMED = re.compile(r"^tests/|\.lock$|(^|/)package-lock\.json$|\.po$")


def look(root: Path) -> Outcome:
    """Secrets in the tracked files of ``root``, by file and line; no secret is in the text."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=False)  # noqa: S607  # the machine's git
    if listed.returncode:
        return Outcome("found", ["This is no checkout of git, so nothing tells which files are the hub's."])
    names = [name for name in listed.stdout.decode().split("\0") if name]
    found = [f"{name}:{line}: {what}" for name in names for line, what in _secrets_in(root / name, name)]
    return Outcome.of(found, f"{len(names)} files")


def _secrets_in(path: Path, name: str) -> Iterator[tuple[int, str]]:
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT)
        text = data.decode()
    except (OSError, UnicodeDecodeError):
        return  # a picture, or a file that is deleted and not committed yet
    for number, line in enumerate(text.splitlines(), 1):
        for what in secrets_of(line, with_names=not _NOT_FOR_NAMED.search(name)):
            yield number, what


def secrets_of(line: str, *, with_names: bool = True) -> Iterator[str]:
    """What of ``line`` is a secret; ``with_names`` also looks for values of what is called so."""
    for what, pattern in KNOWN.items():
        for match in pattern.finditer(line):
            if is_random(match[match.lastindex or 0]) or "PRIVATE KEY" in match[0]:
                yield what
    if with_names:
        for match in NAMED.finditer(line):
            if is_random(match[1]) and re.search(r"\d", match[1]) and re.search(r"[A-Za-z]", match[1]):
                yield "a value of something secret"


def is_random(text: str) -> bool:
    """Whether ``text`` is more than an example."""
    return not is_guessable(text, length=12, variety=8)
