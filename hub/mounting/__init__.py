"""The composition root of the web process: the hub's endpoints together, alone or in front of a project.

``endpoints`` puts together what answers past Django; ``project`` mounts it into a project's ASGI application
(:func:`hub.mount`). :mod:`hub.asgi` is the hub's own project, which ``prefix`` puts below a path of its host.
"""
