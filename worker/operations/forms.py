"""The form by which a failed job is run with other arguments."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from worker.operations import correcting
from worker.operations.correcting import Failed
from worker.operations.repeating import BadArguments


def _code(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "spellcheck": "false", "autocapitalize": "off"})


class ArgumentsForm(forms.Form):
    """The arguments of a job as JSON, secrets masked; checked against the signature of its task."""

    args = forms.CharField(label=_("Positional arguments"), widget=_code(5))
    kwargs = forms.CharField(label=_("Keyword arguments"), widget=_code(8))

    def __init__(self, *values: Any, job: Failed, **options: Any) -> None:
        super().__init__(*values, **options)
        self._job = job

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "args" in cleaned and "kwargs" in cleaned:
            try:
                correcting.parsed(self._job, cleaned["args"], cleaned["kwargs"])
            except BadArguments as error:
                self.add_error(error.field, str(error))
        return cleaned
