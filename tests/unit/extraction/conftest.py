"""A reader with the project's vocabulary, made once, and one with a vocabulary of three products."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from medwh_assets.extraction.post import Extractor
from medwh_assets.extraction.vocabulary import load_vocabulary

SEEDS = Path(__file__).parents[3] / "medwh_dbt" / "seeds"
PEPPER = SecretStr("a pepper for the tests")


@pytest.fixture(scope="session")
def extractor() -> Extractor:
    return Extractor(load_vocabulary(SEEDS), PEPPER)


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    """The three files, small."""
    (tmp_path / "product_vocabulary.csv").write_text(
        "product_key,product_name,category,components,guarded\n"
        "amoxicillin,Amoxicillin,medicine,,false\n"
        "honey,Honey,nutrition,,true\n"
        "zinc,Zinc,supplement,,false\n"
    )
    (tmp_path / "product_aliases.csv").write_text(
        "alias,product_key,alias_type,guarded\nአሞክሳሲሊን,amoxicillin,amharic,false\n"
    )
    (tmp_path / "product_traps.csv").write_text("term,note\namoxicillon,nothing\n")
    return tmp_path
