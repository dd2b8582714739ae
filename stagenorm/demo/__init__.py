"""The demo: a real guarded service on loopback, real written forms as its traffic, and the walk from off to enforce.

Everything is proved by three witnesses that do not know each other: the clients, the boundary's events, the handlers.
"""
