"""The Kafka side: stream specification, clients, dead letters. No knowledge of news."""
