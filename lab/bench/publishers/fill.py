"""Fill the database of a hub for the bench, and write the keys of the sessions to ``sessions.json``.

``python -m lab.bench.publishers.fill PEOPLE`` with the variables of that hub.
"""

import json
import sys
from importlib import import_module

import django

from hub.config import hub_settings

ROOMS = 200


def main(count: int) -> None:
    """Migrate, then make ``count`` people, sessions and rooms in bulk."""
    django.setup()
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.core.management import call_command

    from chat.models import Room
    from hub.users.model import all_users, log_in_field
    from lab.bench.publishers import log_in_names

    call_command("migrate", verbosity=0)
    # No password fits: people come with a session.
    everybody = [{log_in_field(): log_in_names.of(number), "password": "!"} for number in range(count)]
    people = all_users().bulk_create(all_users().model(**fields) for fields in everybody)
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    keys = [f"{number:032d}" for number in range(count)]
    # Rows of our own, because create_model_instance() asks the database for each.
    session, expires = store.get_model_class(), store.get_expiry_date()
    session.objects.bulk_create(
        session(
            session_key=key,
            session_data=store.encode(
                {
                    SESSION_KEY: str(person.pk),
                    BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
                    HASH_SESSION_KEY: person.get_session_auth_hash(),
                }
            ),
            expire_date=expires,
            user_id=person.pk,
        )
        for key, person in zip(keys, people, strict=True)
    )
    Room.objects.bulk_create(Room(name=f"room{number}", created_by=people[number]) for number in range(ROOMS))
    (hub_settings().data_dir / "sessions.json").write_text(json.dumps(keys))


if __name__ == "__main__":
    main(int(sys.argv[1]))
