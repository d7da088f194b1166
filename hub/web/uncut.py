"""Form fields that cut nothing: a browser cuts what is pasted into a box with ``maxlength``, and says nothing.

What is too long reaches the server whole, which refuses it in a sentence. A browser also counts otherwise: an emoji is
two or more for it, and one character for the server.
"""

from typing import Any


class UncutForm:
    """Mixin for a form of Django."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():  # type: ignore[attr-defined]  # it is mixed into a form
            field.widget.attrs.pop("maxlength", None)


class UncutAdmin:
    """Mixin for pages of the admin, and for what stands in them in lines."""

    def formfield_for_dbfield(self, *args: Any, **kwargs: Any) -> Any:
        """The field of a form for the column of a model, as Django makes it but for the box that cuts."""
        field = super().formfield_for_dbfield(*args, **kwargs)  # type: ignore[misc]  # it is mixed into such a class
        if field is not None:
            field.widget.attrs.pop("maxlength", None)
        return field
