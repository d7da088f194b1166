"""What people are called in rooms."""

from django.contrib.auth.models import User

from hub.validation import names
from hub.validation.text import shows_nothing


def called(user: User) -> str:
    """The person's username. Where that is the hub's own, looks like it or cannot be seen, the id stands behind it.

    Such a name cannot be given any more; who has one goes on using it, and speaks for nobody else.
    """
    username = user.get_username()
    seen = "".join(character for character in username if not shows_nothing(character))
    if seen == username and not names.is_reserved(username, official=True):
        return username
    return f"{seen}#{user.pk}"
