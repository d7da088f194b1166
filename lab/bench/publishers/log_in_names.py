"""What the people of the bench log in with."""

from hub.users.model import log_in_field


def of(number: int) -> str:
    """The log-in name of person ``number``: a mail address where the user model of the settings wants one."""
    return f"person{number}@example.com" if log_in_field() == "email" else f"person{number}"
