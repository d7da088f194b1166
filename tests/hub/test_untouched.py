"""What a project with the hub inside has of Django is as Django has made it."""

from pathlib import Path

import pytest

from tests.support.small_project import SmallProject

pytestmark = [pytest.mark.slow, pytest.mark.any_database]

#: Each class that stubs give a parameter to, with the modules of the hub that use it so.
CODE = """
import django
django.setup()
from django import forms
from django.contrib import admin
from django.views import generic
import hub.admin, notifications.admin, worker.admin
classes = admin.ModelAdmin, forms.ModelForm, generic.FormView, generic.ListView
print([one.__name__ for one in classes if hasattr(one, "__class_getitem__")])
"""


def test_classes_of_django_take_no_parameters_that_they_did_not_take(tmp_path: Path) -> None:
    project = SmallProject(tmp_path, "INSTALLED_APPS.append('django.contrib.admin')")
    ended = project.run("-c", CODE, DJANGO_SETTINGS_MODULE="small.settings")
    assert ended.stdout.strip() == "[]", ended.stderr
