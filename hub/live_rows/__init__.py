"""Live rows: the rows of a model, published in channels of the product whenever they change.

``declaring`` says what a project declares in ``live_rows.py`` of an app, ``events`` what is published, ``publishing``
when; ``checks`` is what ``manage.py check`` says.
"""

from hub.live_rows.declaring import LiveRows, live

__all__ = ["LiveRows", "live"]
