"""The names of what alerts are muted by together: those of one kind, or of none, and one ``group_by``."""

import hashlib

#: How they begin where a person has chosen about one.
BUNDLE = "bundle:"


def of_bundle(kind: str, bundle_by: str) -> str:
    """How a choice names the alerts of a kind, which is empty for none, with this ``group_by``."""
    return f"{BUNDLE}{len(kind)}:{kind}{bundle_by}"


def bundle_of(subject: str) -> tuple[str, str]:
    """The kind and the ``group_by`` that :func:`of_bundle` was given."""
    length, _colon, rest = subject.removeprefix(BUNDLE).partition(":")
    return rest[: int(length)], rest[int(length) :]


def public_name(kind: str, bundle_by: str) -> str:
    """How clients know them: by a digest, since a ``group_by`` is the product's own."""
    return hashlib.sha256(of_bundle(kind, bundle_by).encode()).hexdigest()[:32]
