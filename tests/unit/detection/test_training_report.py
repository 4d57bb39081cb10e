from html.parser import HTMLParser

from PIL import Image

from medwh_assets.detection.training_report import (
    ClassResult,
    Example,
    SeenBox,
    TrainingResult,
    report_html,
    seed_rows,
)

HOSTILE = '<script>alert("x")</script>, & co'


def result() -> TrainingResult:
    box = SeenBox(HOSTILE, 0.9, (10.0, 10.0, 60.0, 50.0))
    backwards = SeenBox("ጠርሙስ", None, (50.0, 50.0, 20.0, 20.0))
    picture = Image.new("RGB", (2000, 1000), "white")
    return TrainingResult(
        name="pharma",
        base="yolov8n.pt",
        epochs=3,
        image_size=640,
        learned=8,
        measured=2,
        map50=0.51234,
        map50_95=0.3,
        classes=(ClassResult(HOSTILE, 4, 0.5, 0.25, 0.125, 0.0625), ClassResult("ጠርሙስ")),
        examples=(
            Example(HOSTILE, picture, (backwards,), (box,)),
            Example("b.jpg", picture, (), ()),
        ),
    )


class Read(HTMLParser):
    """What a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_report_is_one_file_that_asks_no_network_and_runs_nothing() -> None:
    page = Read()
    page.feed(report_html(result(), [f"{HOSTILE}: empty file"]))

    assert "script" not in page.tags
    assert page.tags.count("img") == 2
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert len(max(page.sources, key=len)) < 20_000


def test_a_report_says_how_good_the_model_is_and_how_to_plug_it_in() -> None:
    page = Read()
    page.feed(report_html(result(), [f"{HOSTILE}: empty file"]))

    for said in (
        "mAP50 0.512, mAP50-95 0.300",
        f"{HOSTILE}40.5000.2500.1250.062",
        "ጠርሙስ0––––",
        "empty file",
        "labelled: ጠርሙስ",
        f"seen: {HOSTILE} 0.90",
        "seen: nothing",
        "pharma,ጠርሙስ,CLASS,",
    ):
        assert said in page.text


def test_seed_rows_are_lines_of_a_csv_file_in_lower_case() -> None:
    classes = (ClassResult("Blister Pack"), ClassResult('5" box, red'))

    assert seed_rows("pharma", classes) == (
        'pharma,blister pack,CLASS,\npharma,"5"" box, red",CLASS,'
    )
