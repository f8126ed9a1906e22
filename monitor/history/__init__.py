"""Scored history from files, in order of time, as the core takes it. No Kafka, no rules."""
