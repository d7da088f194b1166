"""Form fields that cut nothing: a browser cuts what is pasted into a box with ``maxlength``, and says nothing."""

from typing import Any


class UncutForm:
    """Mixin for a form of Django: what is too long reaches the server whole, which refuses it in a sentence.

    A browser also counts otherwise: an emoji is two or more for it, and one character for the server.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():  # type: ignore[attr-defined]  # it is mixed into a form
            field.widget.attrs.pop("maxlength", None)
