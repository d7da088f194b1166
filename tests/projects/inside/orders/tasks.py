from celery import shared_task

from orders.models import Order


@shared_task
def ship(number: str) -> None:
    order = Order.objects.get(number=number)
    order.is_shipped = True
    order.save()
