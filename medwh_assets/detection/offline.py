"""Ultralytics, imported late and with every network switch off.

Left alone it looks up DNS names at import, posts usage to Google Analytics after a prediction,
downloads weights and fonts, and runs pip when a package is missing.
"""

import importlib
import logging
import os
import sys
import threading
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from medwh_assets.errors import SettingError

_LOG: Final = logging.getLogger(__name__)
_LOCK: Final = threading.Lock()

# The same package under two names: the second comes with headless OpenCV.
_DISTRIBUTIONS: Final = ("ultralytics-opencv-headless", "ultralytics")


def ultralytics_version() -> tuple[int, int]:
    """Return the installed major and minor version, without importing the package.

    Raises:
        SettingError: the `detection` extra is not installed.
    """
    for name in _DISTRIBUTIONS:
        try:
            major, minor, *_ = version(name).split(".")
        except PackageNotFoundError:
            continue
        return int(major), int(minor)
    raise SettingError(
        'detection is not installed; run: pip install "medwh[detection]" '
        "(from a checkout: pip install -e '.[detection]')"
    )


def load_ultralytics(config_folder: Path) -> Any:
    """Import ultralytics, switched off from the network, and return the module.

    Sets environment variables of this process, keeps the package's settings file in
    `config_folder` instead of the user's home, and mends a torchvision that does not fit torch.

    Raises:
        SettingError: the `detection` extra is not installed.
    """
    ultralytics_version()
    with _LOCK:
        config_folder.mkdir(parents=True, exist_ok=True)
        os.environ.update(
            YOLO_OFFLINE="1",
            YOLO_AUTOINSTALL="false",
            YOLO_VERBOSE="false",
            YOLO_CONFIG_DIR=str(config_folder.absolute()),
            # Weights are data from elsewhere: only tensors and known layers are unpickled.
            ULTRALYTICS_SAFE_LOAD="1",
        )
        pillow: Any = importlib.import_module("PIL.Image")
        opens = pillow.open
        ultralytics: Any = importlib.import_module("ultralytics")
        # It puts a function of its own there, for the whole process, that asks for a package of its own
        # wherever Pillow knows no picture.
        pillow.open = opens
        if ultralytics.settings["sync"]:
            ultralytics.settings.update(sync=False)
        ensure_torchvision()
    return ultralytics


def ensure_torchvision() -> None:
    """Make `import torchvision` succeed where its build does not fit torch's.

    Ultralytics needs one function of it, non-maximum suppression, and has an equal one of its own.
    A CPU build of torch beside PyPI's torchvision is enough to break the import:
    `RuntimeError: operator torchvision::nms does not exist`.
    """
    if "torchvision" in sys.modules:
        return
    try:
        importlib.import_module("torchvision")
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        nms: Any = importlib.import_module("ultralytics.utils.nms")
        package, ops = ModuleType("torchvision"), ModuleType("torchvision.ops")
        package.__path__ = []
        vars(package)["ops"] = ops
        vars(ops)["nms"] = nms.TorchNMS.nms
        sys.modules.update({"torchvision": package, "torchvision.ops": ops})
        _LOG.warning(
            "the installed torchvision does not fit torch (%s), so ultralytics' own non-maximum "
            "suppression is used; to be rid of this, install torch and torchvision from one index",
            error,
        )
