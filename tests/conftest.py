"""Workers of pytest-xdist share the cores: to cut a model in parts costs a third more of them."""

import os

if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    jobs = max(1, (os.cpu_count() or 1) // int(workers))
    os.environ.setdefault("GRADGATE_JOBS", str(jobs))
