"""SCORE's parts: untrusted news in, timed and decoded; judged items out, as records of series."""
