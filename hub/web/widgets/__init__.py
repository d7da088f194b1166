"""The widgets for pages of other origins: their one script, and their texts over HTTP.

``bundle`` finds what ``tools/bundle.mjs`` has built of ``static/hub/js``, ``texts`` is what the widgets say, ``views``
answers. Pages of a project that has the hub inside load the modules themselves (``{% hub_scripts %}``).
"""
