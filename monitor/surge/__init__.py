"""The pure core: what a surge is. No asyncio, no Kafka, no model, no wall clock."""
