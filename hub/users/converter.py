"""The ids of people in channel names, and in paths of URLs: ``"<hub_user_id:id>"``."""

from django.urls import register_converter

from hub.users.ids import ID_PATTERN, value_of_id


class UserIdConverter:
    """Takes what can be the id of a user (:func:`hub.users.user_id`), and leaves it as text."""

    regex = ID_PATTERN

    def to_python(self, value: str) -> str:
        if value_of_id(value) is None:
            raise ValueError(value)
        return value

    def to_url(self, value: str) -> str:
        return value


#: The part of a pattern that takes an id; :mod:`hub.channels` gives it to the rules as ``id``.
PATTERN = "<hub_user_id:id>"

register_converter(UserIdConverter, "hub_user_id")
