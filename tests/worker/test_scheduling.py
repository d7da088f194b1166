"""The hub's regular tasks in a project with a Celery application of its own."""

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from celery import Celery, current_app

import hub
from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment
from worker.checks import celery_application_is_imported
from worker.maintenance import maintenance_tasks
from worker.scheduling import REGULAR_TASKS, SCHEDULER


def product(**conf: object) -> Celery:
    app = Celery("product", set_as_current=False)
    app.conf.update(**conf)
    app.conf.beat_schedule = {"theirs": {"task": "theirs", "schedule": 1.0}}
    app.conf.task_routes = {"theirs": {"queue": "theirs"}}
    return app


@pytest.mark.parametrize(
    ("prepare", "is_said"),
    [
        (lambda app: None, True),
        (lambda app: app.autodiscover_tasks(force=True), False),
        (lambda app: app.autodiscover_tasks(), False),
        (lambda app: app.conf.update(imports=("worker.tasks",)), False),
        (lambda app: app.conf.update(imports="worker.tasks"), False),  # Celery takes it for one
        (lambda app: app.conf.update(imports=None, include=["worker.heartbeat", "worker.maintenance"]), True),
    ],
)
def test_application_without_the_hubs_tasks_is_named(
    prepare: Callable[[Celery], object], is_said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Celery("theirs", broker="memory://", set_as_current=False)
    prepare(app)
    monkeypatch.setattr("worker.checks.application", lambda: app)
    assert ("hub.W056" in {one.id for one in celery_application_is_imported(None)}) is is_said


def test_beat_of_any_project_sends_what_the_hubs_own_sends() -> None:
    app = product()
    hub.schedule(app)
    entries = dict(app.conf.beat_schedule)
    assert entries.pop("theirs") == {"task": "theirs", "schedule": 1.0}
    sent = {(entry["task"], entry["schedule"]) for entry in entries.values()}
    assert sent == {(task.task.name, task.interval) for task in maintenance_tasks()}
    assert [task.task.expires for task in maintenance_tasks()] == [task.expires for task in REGULAR_TASKS]
    assert {task.name for task in REGULAR_TASKS} <= set(current_app.tasks)


@pytest.mark.parametrize("path", [SCHEDULER, "worker.beat:HubScheduler"])
def test_beat_with_the_hubs_scheduler_gets_no_entries(path: str) -> None:
    app = product(beat_scheduler=path)
    hub.schedule(app)
    assert list(app.conf.beat_schedule) == ["theirs"]


@pytest.mark.slow
def test_a_project_keeps_its_celery_application_in_every_thread(tmp_path: Path) -> None:
    (tmp_path / "product").mkdir()
    (tmp_path / "product" / "__init__.py").write_text("from product.celery import app\n")
    (tmp_path / "product" / "celery.py").write_text(
        textwrap.dedent("""
            from celery import Celery
            import hub
            app = Celery("product", broker="memory://")
            app.autodiscover_tasks()
            hub.schedule(app)
        """)
    )
    (tmp_path / "product" / "settings.py").write_text(
        textwrap.dedent("""
            from hub.settings import *
            HUB_CELERY_APP = ""
            AUTH_USER_MODEL = "auth.User"
            INSTALLED_APPS = ["hub", "notifications", "worker", "django.contrib.auth", "django.contrib.contenttypes"]
            ROOT_URLCONF = "product.urls"
            SESSION_ENGINE = "django.contrib.sessions.backends.db"
        """)
    )
    (tmp_path / "product" / "urls.py").write_text(
        textwrap.dedent("""
            from django.urls import include, path
            urlpatterns = [path("hub/", include("hub.urls"))]
        """)
    )
    program = textwrap.dedent("""
        import sys, threading
        import django
        django.setup()
        from celery import current_app
        from worker.application import application
        import product
        found = []
        thread = threading.Thread(target=lambda: found.append(application()))
        thread.start()
        thread.join()
        assert found == [product.app], found
        assert current_app._get_current_object() is product.app
        product.app.loader.import_default_modules()
        assert "worker.maintenance.sweep" in product.app.tasks
        taken = {"worker.celery", "chat.models", "django_celery_beat.models"} & sys.modules.keys()
        assert not taken, taken
    """)
    ended = forking.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=clean_environment(
            DJANGO_SETTINGS_MODULE="product.settings", PYTHONPATH=f"{tmp_path}:{BASE_DIR}", HUB_DATA_DIR=str(tmp_path)
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
