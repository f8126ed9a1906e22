"""`newsurge demo`: everything on one machine, on a bundled feed, judged by what it delivered.

It starts the real parts, plays `feed.jsonl`, and watches the streams; it reaches into no role.
"""
