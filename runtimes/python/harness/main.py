"""Start of the Python harness: hands its descriptors to the session, which ends the process."""

import sys

# Processes that the model starts with multiprocessing import this file again; to them it must do nothing.
if __name__ == "__main__":
    from idiom_harness.session import run

    # The folder of this file is the harness's own; the model's folder takes its place on the path before user code runs.
    del sys.path[0]
    run(transport_fd=3, control_fd=4 if "--forks" in sys.argv else None)
