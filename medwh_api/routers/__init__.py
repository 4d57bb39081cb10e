"""The addresses: each checks its parameters, runs one query and returns its rows.

What must not live here: SQL, error handling (that is `medwh_api.errors`) and arithmetic on rows.
"""
