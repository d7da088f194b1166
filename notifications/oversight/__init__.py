"""For those who run the hub: what became of a notification, and of the notifications of a person.

``reports`` puts together what the rows say, ``connections`` what the web processes know of connections that are open;
``pages`` shows both in the admin, in the words of ``labels``.
"""
