"""The page of the jobs that people watch."""

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hub.users import User, may
from worker.tracking import queries

#: Jobs on the page of browsers that run no scripts.
_PLAIN_LIMIT = 50


@never_cache
@require_safe
def job_list(request: HttpRequest) -> HttpResponse:
    """The visitor's jobs; with ``?all`` those of everybody, for staff with the permission."""
    if not isinstance(request.user, User):
        return redirect_to_login(request.get_full_path())
    may_see_all = may(request.user, queries.SEE_ALL)
    shows_all = may_see_all and "all" in request.GET
    jobs = (queries.all_jobs() if shows_all else queries.jobs_of(request.user)).defer("log", "call")[:_PLAIN_LIMIT]
    return render(request, "hub/jobs/jobs.html", {"jobs": jobs, "may_see_all": may_see_all, "shows_all": shows_all})
