"""How long the texts in the columns may be, in characters."""

#: Characters of an idempotency key.
KEY_LIMIT = 200

#: Characters of what a choice is about: a kind, a category, a channel, or a bundle, which has a kind and a text.
SUBJECT_LIMIT = 320

#: Characters of the text by which alerts are bundled.
BUNDLE_LIMIT = 200

#: Characters of what says which window an alert is held in.
SCOPE_LIMIT = 64

#: Characters of a title.
TITLE_LIMIT = 200

#: Characters of an audience's name, as ``Notification.audience`` has it.
AUDIENCE_LIMIT = 150

#: Characters of a user's key as text.
USER_KEY_LIMIT = 255

#: Characters of a topic's name: it is part of a channel's name, and a cursor names the channels of many topics.
NAME_LIMIT = 40

#: Characters of the error that ended a job.
FAILURE_LIMIT = 500
