from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from orders.models import Order


@login_required
def orders(request: HttpRequest) -> HttpResponse:
    return render(request, "orders/orders.html", {"orders": Order.objects.filter(customer=request.user)})
