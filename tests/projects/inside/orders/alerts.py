from notifications import Alert, alert, on_save

from orders.models import Order


@on_save(Order)
def shipped(order: Order) -> Alert | None:
    if not order.is_shipped:
        return None
    return alert(to=order.customer, message=f"Order {order.number} is on its way", level="success")
