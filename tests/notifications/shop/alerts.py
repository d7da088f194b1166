from django.contrib.auth.models import Group

from notifications import Alert, alert, on_save


@on_save(Group, created=True)
def group_made(group: Group) -> Alert:
    return alert(to="everyone", message=f"The shop has heard of {group.name}")
