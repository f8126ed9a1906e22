"""From text to probabilities: bundles, text preparation, batching, scorers. No Kafka."""
