"""Django's views of errors with the hub's templates. A project of its own keeps its own: nothing here is a default."""

import inspect
from functools import partial

from django.views import csrf, defaults

# Unwrapped: Django's wrapper reads the form of the request. No page of an error has a form, and the error may be that
# the form of the request cannot be read.
bad_request = partial(inspect.unwrap(defaults.bad_request), template_name="hub/400.html")
permission_denied = partial(inspect.unwrap(defaults.permission_denied), template_name="hub/403.html")
page_not_found = partial(inspect.unwrap(defaults.page_not_found), template_name="hub/404.html")
server_error = partial(inspect.unwrap(defaults.server_error), template_name="hub/500.html")
csrf_failure = partial(csrf.csrf_failure, template_name="hub/403_csrf.html")
