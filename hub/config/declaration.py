"""What each setting says about itself. The documents are made of it; a test refuses a setting that says too little."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field
from typing import Any, NamedTuple


class Facts(NamedTuple):
    """What one setting says about itself, in words that stand in ``.env.example`` and in ``docs/settings.md``."""

    section: "Section"
    #: What it does, in sentences.
    about: str
    #: What stands after "Leave it alone unless".
    unless: str
    #: What a number counts, such as ``seconds``.
    unit: str
    #: What the hub does where the number is 0, or the text, list or mapping empty; what stands after "0".
    zero: str
    #: A value for ``.env.example``, where the default shows nothing.
    example: str
    #: What the default is, in words, where it follows from other variables.
    default: str
    #: The default where ``HUB_ENV`` is ``development``, if that is another one.
    development: Any
    #: The variable, where it is not ``HUB_<NAME>``.
    variable: str
    #: Django's own setting that is made of it. Without one Django's settings hold it as ``HUB_<NAME>``.
    django: str
    #: Whether no sentence and no document may show its value.
    secret: bool
    #: Whether it has a meaning in the hub's own project only, and none inside another.
    alone: bool


@dataclass(frozen=True, slots=True)
class Section:
    """Settings that stand together in the documents. Called, it declares one of them as a field of a dataclass."""

    title: str
    about: str = ""
    #: The ``unless`` of those of its settings that have none of their own.
    unless: str = ""

    def __call__(
        self,
        default: Any,
        about: str,
        *,
        unless: str = "",
        unit: str = "",
        zero: str = "",
        example: str = "",
        default_in_words: str = "",
        development: Any = None,
        variable: str = "",
        django: str = "",
        secret: bool = False,
        alone: bool = False,
    ) -> Any:
        """A setting with this default, that of production. The arguments are explained at :class:`Facts`."""
        facts = Facts(
            section=self,
            about=about,
            unless=unless or self.unless,
            unit=unit,
            zero=zero,
            example=example,
            default=default_in_words,
            development=development,
            variable=variable,
            django=django,
            secret=secret,
            alone=alone,
        )
        metadata = {"facts": facts}
        if isinstance(default, Mapping):
            return field(default_factory=lambda: dict(default), repr=not secret, metadata=metadata)
        return field(default=default, repr=not secret, metadata=metadata)


def facts_of(setting: "Field[Any]") -> Facts:
    """What a setting says about itself."""
    facts: Facts = setting.metadata["facts"]
    return facts


def variable_of(setting: "Field[Any]") -> str:
    """The variable of the environment that sets it; ``<variable>_FILE`` does too."""
    return facts_of(setting).variable or own_name_of(setting)


def django_name_of(setting: "Field[Any]") -> str:
    """The name in Django's settings: one of Django's own, else ``HUB_<NAME>``."""
    return facts_of(setting).django or own_name_of(setting)


def own_name_of(setting: "Field[Any]") -> str:
    """``HUB_<NAME>``, whatever the variable and the setting of Django are called."""
    return f"HUB_{setting.name.upper()}"
