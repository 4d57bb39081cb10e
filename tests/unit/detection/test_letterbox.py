import numpy
import pytest

from medwh_assets.detection.letterbox import GREY, laid_in, letterbox


def test_a_picture_is_padded_to_no_more_than_the_next_stride() -> None:
    layout = letterbox(1280, 960, into=(640, 640), stride=32)
    assert (layout.width, layout.height, layout.shape) == (640, 480, (480, 640))

    layout = letterbox(1000, 700, into=(640, 640), stride=32)
    assert (layout.width, layout.height, layout.shape) == (640, 448, (448, 640))


def test_a_model_of_one_size_gets_that_size() -> None:
    layout = letterbox(1280, 960, into=(640, 640), stride=None)

    assert layout.shape == (640, 640)
    assert (layout.top, layout.bottom, layout.left) == (80, 80, 0)


@pytest.mark.parametrize("size", [(1, 1), (2000, 1), (1, 2000), (33, 31), (641, 639)])
def test_pictures_of_every_shape_fit(size: tuple[int, int]) -> None:
    for stride in (32, 64, None):
        layout = letterbox(*size, into=(640, 640), stride=stride)
        assert all(side % (stride or 640) == 0 and 0 < side <= 640 for side in layout.shape)
        pixels = numpy.zeros((size[1], size[0], 3), dtype="uint8")
        assert laid_in(pixels, layout).shape == (*layout.shape, 3)


def test_the_padding_is_grey_and_the_picture_is_what_it_was() -> None:
    pixels = numpy.full((48, 64, 3), (10, 20, 30), dtype="uint8")

    laid = laid_in(pixels, letterbox(64, 48, into=(64, 64), stride=None))

    assert laid[0, 0].tolist() == [GREY] * 3
    assert laid[32, 32].tolist() == [10, 20, 30]
