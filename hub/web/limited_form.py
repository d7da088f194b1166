"""Forms that may be sent so often only (:mod:`hub.limits`)."""

from hub.limits import TooMany


class LimitedForm:
    """Mixin for a form of Django: whoever is over a limit gets its sentence in the form.

    The page that shows the form is then answered with 429 and ``Retry-After`` (:mod:`hub.web.plain_errors`), whatever
    view made it.
    """

    refusal: TooMany | None = None

    def refuse(self, refusal: TooMany) -> None:
        """Show why the form was not carried out."""
        self.refusal = refusal
        self.add_error(None, refusal.sentence)  # type: ignore[attr-defined]  # it is mixed into a form
