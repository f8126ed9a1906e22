"""From an alert to an HTTP request: format, signing, sending, retrying. Kafka in `outbox` only."""
