"""The floor that every room meets on: what a post, an image and a slice are, and how they are kept.

Records, the pure merge, paths, the store with its locks and whole writes, and the safe opening of
images live here. Where posts come from, what is seen on images and where rows go does not.
"""
