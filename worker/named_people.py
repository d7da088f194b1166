"""What the arguments of a call say of one person, and what is left of them without that person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.users import User, log_in_field, user_id
from worker.application import signature_of, task_named

#: What is left of a value, or of a call, that is about the person alone.
GONE: Final = object()


@dataclass(frozen=True, slots=True)
class TextsOfPerson:
    """The texts that are one person in arguments; empty where they have none.

    Their mail address is, wherever it stands. The id and ``user:NAME`` are in ``to``, and the name to log in with in
    ``username`` only: somebody may be called as any other argument's value is.
    """

    mail: str
    name: str
    id: str

    def everywhere(self) -> set[str]:
        """All of them."""
        return self._in("to") | self._in("username")

    def left_of_call(self, task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The pair of positional and keyword arguments without the person; :data:`GONE` where no sense is left.

        A list of people loses them; a call that is about them in any other way is about nobody else.
        """
        positional = [self._left(value, name) for name, value in zip(names_of(task, args), args, strict=True)]
        keywords = {name: self._left(value, name) for name, value in kwargs.items()}
        if any(value is GONE for value in (*positional, *keywords.values())):
            return GONE
        return positional, keywords

    def left_of_options(self, options: dict[str, Any]) -> Any:
        """The same of what a call is sent with: the calls that follow it are in there."""
        return self._left(options, "")

    def _left(self, value: Any, argument: str) -> Any:
        match value:
            case str():
                return GONE if value in self._in(argument) else value
            case list():
                return self._left_of_list(value, argument)
            case {"task": str() as task, "args": list() as args, "kwargs": dict() as kwargs}:  # a call that follows
                call = self.left_of_call(task, args, kwargs)
                others = {name: one for name, one in value.items() if name not in {"args", "kwargs"}}
                rest = self._left(others, "")
                return GONE if GONE in (call, rest) else rest | {"args": call[0], "kwargs": call[1]}
            case dict():
                members = {name: self._left(one, name) for name, one in value.items()}
                return GONE if any(one is GONE for one in members.values()) else members
        return value

    def _left_of_list(self, values: list[Any], argument: str) -> Any:
        found = [self._left(one, argument) for one in values]
        kept = [one for one in found if one is not GONE]
        are_people = argument == "to" or all(isinstance(one, str) and "@" in one for one in kept)
        return kept if len(kept) == len(found) or (kept and are_people) else GONE

    def _in(self, argument: str) -> set[str]:
        """What is the person as a value of this argument."""
        of_argument = {"to": {self.id, self.name and f"user:{self.name}"}, "username": {self.name}}
        return ({self.mail} | of_argument.get(argument, set())) - {""}


def named(user: User) -> TextsOfPerson:
    """What stands for ``user`` in arguments."""
    mail, name = (str(getattr(user, field, "") or "") for field in (user.get_email_field_name(), log_in_field()))
    return TextsOfPerson(mail, name, user_id(user))


def names_of(task: str, args: Sequence[Any]) -> list[str]:
    """What the task calls each of these positional arguments; empty where it has no name for one.

    Those that ``*names`` takes are all called so. None has a name where there is no such task (any more).
    """
    found, names = task_named(task), list[str]()
    for one in () if found is None else signature_of(found).parameters.values():
        names += [one.name] * (len(args) - len(names) if one.kind is one.VAR_POSITIONAL else 1)
    return [*names, *[""] * len(args)][: len(args)]
