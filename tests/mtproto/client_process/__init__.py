"""On the path of a client's process: Python imports its `sitecustomize` before anything else."""
