"""Kafka: what the streams are, clients for them, their creation, reading, and dead letters.

Everything that speaks to a broker goes through here. It decides nothing about news or alerts.
"""
