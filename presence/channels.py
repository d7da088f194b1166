"""The channel of the number of people online."""

from hub.channels import Namespace, register

ONLINE = register(Namespace("online", durable=False, single=True))

online = ONLINE.name
