"""When things start, and in which order: jobs, schedules, plans of what is left to do.

Decisions are pure functions on plain values; what is Dagster about them is a thin shell. The rules
cross all rooms, so this is the one place that knows every stage. No work on data happens here.
"""
