"""What other apps may hear of accounts."""

from django.dispatch import Signal

#: A visitor made an account: sent with ``user``, in the transaction that stores it. Accounts that are made in the
#: admin, by a command or by code send nothing.
signed_up = Signal()
