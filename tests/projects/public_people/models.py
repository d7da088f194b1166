import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class Customer(AbstractUser):
    """Django's user with another id for the outside."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
