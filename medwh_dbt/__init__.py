"""The dbt project: from the loaded JSON of `raw` to the star schema in `marts`.

SQL models, their descriptions, tests and the seeds they read live here, and one name for Python:
where the project is. When dbt runs, and on which loads, is decided elsewhere.
"""

from pathlib import Path

PROJECT_DIR: Path = Path(__file__).resolve().parent
