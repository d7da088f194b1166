from celery import shared_task
from notifications import notify
from worker.durable import DurableTask
from worker.tracking import JobHandle, job

from orders.models import Order


@shared_task
def ship(number: str) -> None:
    order = Order.objects.get(number=number)
    order.is_shipped = True
    order.save()


@shared_task(base=DurableTask)
def remind(number: str) -> None:
    order = Order.objects.get(number=number)
    notify(to=order.customer, message=f"Your order {number} waits", key=f"order:{number}:reminded")


@job(title="Pack an order")
def pack(job: JobHandle, number: str) -> str:
    return f"Order {number} is packed"
