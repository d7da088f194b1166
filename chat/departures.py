"""People whose web process died while they were in a room, and who did not come back."""

from chat import actions, queries
from hub.database import in_database_thread


async def tell(channel: str, people: list[str]) -> None:
    """Tell the room that ``people`` have left; called once for each, by the process that noticed."""
    left = await in_database_thread(queries.people_named, people)
    actions.tell_left(room_id=int(channel.partition(":")[2]), people=left)
