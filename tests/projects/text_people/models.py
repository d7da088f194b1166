from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class MemberManager(BaseUserManager["Member"]):
    def create_user(self, name: str, **fields: Any) -> "Member":
        """A member of this nickname, whose code follows from it."""
        member = self.model(**{"code": f"m-{name}", "nickname": name, **fields})
        member.set_unusable_password()
        member.save(using=self._db)
        return member

    async def acreate_user(self, name: str, **fields: Any) -> "Member":
        """:meth:`create_user` for async code."""
        return await sync_to_async(self.create_user)(name, **fields)


class Member(AbstractBaseUser):
    """No groups, no permissions, no staff, no time at which the account was made."""

    code = models.CharField(max_length=255, primary_key=True)
    nickname = models.CharField(max_length=400, blank=True)

    objects = MemberManager()

    USERNAME_FIELD = "code"

    def __str__(self) -> str:
        return self.nickname or f"{self.code}@example.com"
