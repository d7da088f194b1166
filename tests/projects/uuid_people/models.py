import uuid
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone


class PersonManager(BaseUserManager["Person"]):
    def create_user(self, name: str, email: str = "", password: str | None = None, **fields: Any) -> "Person":
        """A person of this full name; the mail address follows from it where none is given."""
        person = self.model(email=email or f"{name}@example.com", **{"full_name": name, **fields})
        person.set_password(password)
        person.save(using=self._db)
        return person

    async def acreate_user(self, name: str, email: str = "", password: str | None = None, **fields: Any) -> "Person":
        """:meth:`create_user` for async code."""
        return await sync_to_async(self.create_user)(name, email, password, **fields)

    def create_superuser(
        self, name: str = "admin", email: str = "", password: str | None = None, **fields: Any
    ) -> "Person":
        """:meth:`create_user`, with all permissions."""
        return self.create_user(name, email, password, is_staff=True, is_superuser=True, **fields)


class Person(AbstractBaseUser, PermissionsMixin):
    """Known by a UUID, logs in with a mail address, and has no username."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    full_name = models.CharField(max_length=200, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    registered_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = PersonManager()

    USERNAME_FIELD = "email"

    def get_full_name(self) -> str:
        """What others read, without ``HUB_DISPLAY_NAME``."""
        return self.full_name
