"""People with UUIDs."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class Person(AbstractUser):
    """Django's user, whose key is a UUID."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
