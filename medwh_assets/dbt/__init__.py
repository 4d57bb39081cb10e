"""dbt's models as Dagster assets: the manifest, the resource, builds, and the asset itself.

What the models say lives in `medwh_dbt`; which loads a build holds lives in the warehouse room's
SQL and reaches this room as a port. No SQL here.
"""
