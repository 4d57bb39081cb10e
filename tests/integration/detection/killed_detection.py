"""Detects on a lake and kills itself with -9: `killed_detection.py <lake> <cache> <n>`.

It dies when so many pictures are in the lake's cache.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from medwh_assets.detection.in_lake import detect_in_lake
from medwh_assets.detection.yolo import YoloDetector
from medwh_assets.lake.store import Lake
from medwh_assets.settings import DetectionSettings


def die_when(lake: Lake, number: int) -> None:
    while len(list(lake.root.glob("yolo_cache/*/*/[0-9a-f]*.json"))) < number:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    lake = Lake(sys.argv[1])
    threading.Thread(target=die_when, args=(lake, int(sys.argv[3])), daemon=True).start()
    settings = DetectionSettings(image_size=256)
    detector = YoloDetector(settings, Path(sys.argv[2]), workers=2)
    for _ in detect_in_lake(lake, detector, lake.slices()):
        pass
    sys.exit("it ended before the kill")
