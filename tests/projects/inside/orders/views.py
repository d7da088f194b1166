from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from orders.models import Order


@login_required
def orders(request: HttpRequest) -> HttpResponse:
    return render(request, "orders/orders.html", {"orders": Order.objects.filter(customer=request.user)})


@login_required
@require_POST
def pack(request: HttpRequest, number: str) -> HttpResponse:
    from orders.tasks import pack  # the hub's app is not there in all variants of this product

    pack.delay(number)
    return redirect("home")
