"""What people at the desk say of alerts: silences, acknowledgements, feedback."""
