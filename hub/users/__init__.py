"""The people of the hub, whatever the project's user model is.

The hub asks of a model what ``AbstractBaseUser`` has, and a key of one column. ``ids`` says what a person is called
outside (``HUB_USER_ID``), ``names`` what others read (``HUB_DISPLAY_NAME``), also of people who have no name
(``made_names``), ``model`` finds users, ``groups`` their groups, ``permissions`` what they may do, ``json_form``
has keys as JSON has them, ``json_keys`` asks the database for those of many, and ``checks`` has a sentence for each
model that cannot work.
"""

from hub.users.converter import PATTERN
from hub.users.groups import Memberships, groups_of, is_member, keys_of_members, memberships, names_of_groups
from hub.users.ids import (
    ID_FORM,
    ID_PATTERN,
    has_form_of_id,
    id_columns,
    id_from,
    id_in,
    ids_are_keys,
    ids_of_keys,
    key_of_id,
    user_id,
    users_by_id,
    value_of_id,
)
from hub.users.json_form import Written, keys_in, written, written_key
from hub.users.json_keys import among, as_rows, ids_of_written, keys_and_ids, select_users, written_keys
from hub.users.made_names import code_of, looks_made
from hub.users.model import (
    Key,
    User,
    Visitor,
    all_users,
    as_stored,
    field_named,
    is_own_model,
    joined_field,
    key_of_text,
    log_in_field,
    searched_by,
    staff,
)
from hub.users.names import NAME_LIMIT, display_name, display_names, keep_names
from hub.users.permissions import has_staff_rights, is_staff_or_may, may

__all__ = [
    "ID_FORM",
    "ID_PATTERN",
    "NAME_LIMIT",
    "PATTERN",
    "Key",
    "Memberships",
    "User",
    "Visitor",
    "Written",
    "all_users",
    "among",
    "as_rows",
    "as_stored",
    "code_of",
    "display_name",
    "display_names",
    "field_named",
    "groups_of",
    "has_form_of_id",
    "has_staff_rights",
    "id_columns",
    "id_from",
    "id_in",
    "ids_are_keys",
    "ids_of_keys",
    "ids_of_written",
    "is_member",
    "is_own_model",
    "is_staff_or_may",
    "joined_field",
    "keep_names",
    "key_of_id",
    "key_of_text",
    "keys_and_ids",
    "keys_in",
    "keys_of_members",
    "log_in_field",
    "looks_made",
    "may",
    "memberships",
    "names_of_groups",
    "searched_by",
    "select_users",
    "staff",
    "user_id",
    "users_by_id",
    "value_of_id",
    "written",
    "written_key",
    "written_keys",
]
