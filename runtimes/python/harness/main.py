"""Start of the Python harness: hands fd 3 to the session and leaves with its exit status."""

import sys

from idiom_harness.session import run

if __name__ == "__main__":
    # The folder of this file is the harness's own; the model's folder takes its place on the path before user code runs.
    del sys.path[0]
    run(transport_fd=3)
