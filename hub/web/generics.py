"""Classes of Django's that take the class of their model as a parameter to a type checker, and not at run time.

Teaching Django's own classes to take it would change them in every project that has the hub inside.
"""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin

from hub.web.changelists import QuestionsRefused
from hub.web.uncut import UncutAdmin

if TYPE_CHECKING:
    InlineFormSet = forms.BaseInlineFormSet
    ModelAdmin = admin.ModelAdmin
    ModelForm = forms.ModelForm
    TabularInline = admin.TabularInline
else:

    class _Generic:
        def __class_getitem__(cls, parameter: Any) -> type:
            return cls

    class ModelAdmin(_Generic, QuestionsRefused, UncutAdmin, admin.ModelAdmin):
        """Of what it is used for."""

    class InlineFormSet(_Generic, forms.BaseInlineFormSet):
        """Of what it is used for."""

    class TabularInline(_Generic, UncutAdmin, admin.TabularInline):
        """Of what it is used for."""

    class ModelForm(_Generic, forms.ModelForm):
        """Of what it is used for."""
