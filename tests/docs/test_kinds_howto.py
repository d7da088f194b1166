"""The kinds in docs/howto/declare-kinds.md say what the page shows, in the language of its catalogue."""

import inspect
import json
from pathlib import Path

import polib
import pytest

from notifications import Kind
from notifications.kinds import params
from tests.docs.documents import block, blocks, table, text_of
from tests.docs.shop import shop

HOW_TO = "docs/howto/declare-kinds.md"

HEADER = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && n%100/10!=1 ? 1 : 2);\\n"

"""

STORY = """
import json
from datetime import UTC, datetime
from django.core.management import call_command
from hub.people.models import User
from notifications import notify
from notifications.inbox import queries

call_command("check")
ada = User.objects.create_user("ada", language="ru", time_zone="Europe/Moscow")
exec(anywhere)
print(json.dumps([[row.title, row.message] for row in reversed(queries.latest_for(ada))]))
"""


@pytest.mark.any_database
@pytest.mark.live
def test_kinds_of_the_page_are_read_in_russian(tmp_path: Path) -> None:
    catalogue = polib.pofile(HEADER + "".join(blocks(HOW_TO, "po")))
    folder = tmp_path / "shop/locale/ru/LC_MESSAGES"
    folder.mkdir(parents=True)
    catalogue.save_as_mofile(str(folder / "django.mo"))
    with shop(tmp_path, {"shop/kinds.py": block(HOW_TO, "shop/kinds.py")}) as project:
        printed = project.run(f"anywhere = {block(HOW_TO, 'anywhere')!r}\n{STORY}").splitlines()[-1]
    said = [": ".join(filter(None, texts)) for texts in json.loads(printed)]
    assert said == blocks(HOW_TO, "text")[0].splitlines()


CHOOSING = """
from hub.people.models import User
ada = User.objects.create_user("ada")
exec(in_the_shell)
"""


@pytest.mark.any_database
@pytest.mark.live
def test_what_people_choose_is_said_as_the_page_shows(tmp_path: Path) -> None:
    page = "docs/howto/let-people-choose.md"
    with shop(tmp_path, {"shop/kinds.py": block(HOW_TO, "shop/kinds.py")}) as project:
        printed = project.run(f"in_the_shell = {block(page, 'in manage.py shell')!r}\n{CHOOSING}")
    assert printed == blocks(page, "text")[0]


MAILING = """
from django.conf import settings
settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
from django.core import mail
from hub.people.models import User
from notifications.preferences.stored import Wish, change
from shop.mails import mail_shipped
from shop.models import Order
ada = User.objects.create_user("ada", email="ada@example.org")
order = Order.objects.create(number="7", customer=ada)
mail_shipped(order)
change(ada, wishes=[Wish("mail", is_on=False, kind="order.shipped")])
mail_shipped(order)
print([(sent.to, sent.subject) for sent in mail.outbox])
"""


@pytest.mark.any_database
@pytest.mark.slow
@pytest.mark.live
def test_way_of_the_product_delivers_to_people_who_have_it_on(tmp_path: Path) -> None:
    page = "docs/howto/let-people-choose.md"
    files = {name: block(page, name) for name in ("shop/apps.py", "shop/mails.py")}
    files |= {"shop/kinds.py": block(HOW_TO, "shop/kinds.py"), "shop/models.py": block("README.md", "shop/models.py")}
    with shop(tmp_path, files | {"shop/migrations/__init__.py": ""}) as project:
        printed = project.run(MAILING)
    assert printed.splitlines()[-1] == "[(['ada@example.org'], 'Order 7')]"


def test_the_page_lists_all_arguments_and_types() -> None:
    named = " ".join(cells[0] for cells in table(HOW_TO, "argument of `Kind`", "what it is"))
    assert [name for name in inspect.signature(Kind).parameters if name != "name" and f"`{name}`" not in named] == []
    types = " ".join(cells[0] for cells in table(HOW_TO, "type", "written"))
    assert [
        type_ for type_ in params.TYPES if f"`{getattr(type_, '__name__', type_)}`" not in types.replace("[str]", "")
    ] == []
    assert "`list[str]`" in text_of(HOW_TO)
