"""From an alert to an HTTP request: format, signing, sending, retrying. No Kafka."""
