"""How the lake goes out again: a range of slices as a folder that needs no medwh to be read.

JSON lines or Parquet, written whole, from which an import makes the same lake. Nothing here writes
into the lake; what comes back comes through `imports`.
"""
