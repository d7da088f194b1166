"""What operators see: metrics, samples of queues and of the event loop, and logs without secrets."""
