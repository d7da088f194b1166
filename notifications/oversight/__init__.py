"""For those who run the hub: what became of a notification, and of the notifications of a person; and writing one.

``reports`` puts together what the rows say, ``connections`` what the web processes know of connections that are open;
``composing`` is the form in which the staff write a notification, ``repeating`` sends one again. ``pages`` shows all
of it in the admin, in the words of ``labels``.
"""
