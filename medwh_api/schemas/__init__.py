"""What goes into the API and what comes out: parameters, rows, problems.

What must not live here: SQL, HTTP, and anything about tables that a client never sees.
"""
