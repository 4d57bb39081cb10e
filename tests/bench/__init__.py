"""Benchmarks: what medwh does in a second, beside the simple way in the same run. No test asserts here."""
