"""Authentication of clients, and the end of connections that are no longer permitted.

``authorization``, ``origin`` and ``query_token`` read a handshake; ``credentials`` finds the user of a credential;
``registry`` lists the open connections of this process; ``control`` sends messages to all web processes;
``revalidation`` closes what is no longer permitted; ``reasons`` lists the reasons for a close.
"""

from hub.access.control import revalidate
from hub.access.credentials import Invalid, device_of_session, log_refusal
from hub.access.log_ins import is_login
from hub.access.reasons import End, Ended
from hub.access.visitor import SESSION_KEY as SESSION_KEY_FORM

__all__ = ["SESSION_KEY_FORM", "End", "Ended", "Invalid", "device_of_session", "is_login", "log_refusal", "revalidate"]
