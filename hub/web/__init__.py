"""The hub's own pages: health, errors, forms, static files, and what every page knows."""

from hub.web.addresses import page_url
from hub.web.limited_form import LimitedForm
from hub.web.members import for_members
from hub.web.uncut import UncutAdmin, UncutForm

__all__ = ["LimitedForm", "UncutAdmin", "UncutForm", "for_members", "page_url"]
