"""Checking passwords, no more often than :mod:`hub.accounts.throttling` allows."""

from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from hub.accounts import throttling
from hub.users import User, log_in_field


class PasswordBackend(ModelBackend):
    """Django's, for ``AUTHENTICATION_BACKENDS``. Whoever calls ``authenticate`` with a request is held to the limits.

    Without a request, as in a shell, nobody is guessing.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The user, or None. Raises :class:`hub.limits.TooMany`."""
        check = partial(super().authenticate, request, username=username, password=password, **kwargs)
        name = kwargs.get(log_in_field()) if username is None else username
        if request is None or name is None or password is None:
            return check()
        return throttling.tried(request, name, check)

    async def aauthenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The same, for async callers: Django's own would pass the limits by."""
        return await sync_to_async(self.authenticate)(request, username=username, password=password, **kwargs)
