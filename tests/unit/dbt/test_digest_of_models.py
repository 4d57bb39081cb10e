from pathlib import Path

import pytest

from medwh_assets.dbt.project import models_sha256


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("models/marts/fct.sql", "seeds/roles.csv", "macros/key.sql", "tests/one.sql"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("select 1")
    (tmp_path / "dbt_project.yml").write_text("name: medwh")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    ["models/marts/fct.sql", "models/marts/new.yml", "seeds/roles.csv", "macros/key.sql"],
)
def test_what_stands_in_the_marts_depends_on_models_seeds_and_macros(
    project: Path, name: str
) -> None:
    before = models_sha256(project)
    assert before == models_sha256(project)
    (project / name).write_text("select 2")
    assert models_sha256(project) != before


@pytest.mark.parametrize("name", ["tests/one.sql", "models/marts/words.md", "target/run/fct.sql"])
def test_tests_words_and_artefacts_change_nothing_in_the_marts(project: Path, name: str) -> None:
    before = models_sha256(project)
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text("select 2")
    assert models_sha256(project) == before
