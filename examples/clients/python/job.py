"""Score a CSV file of penguins with the R model `penguins`, in a job.

The stubs are made from proto/idiom/v1/jobs.proto when the program starts.

Usage: python job.py penguins.csv scored.csv [--url localhost:8001]
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "proto"))
messages, services = grpc.protos_and_services("idiom/v1/jobs.proto")

CHUNK = 2**18


def upload(job_id: str, path: Path) -> Iterator:
    """The first message names the job, the others carry the file."""
    yield messages.UploadInputRequest(job_id=job_id)
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            yield messages.UploadInputRequest(data=data)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--url", default="localhost:8001")
    args = parser.parse_args()

    # A server for more than this machine asks for a key.
    key = os.environ.get("IDIOM_API_KEY")
    metadata = [("authorization", f"Bearer {key}")] if key else []

    with grpc.insecure_channel(args.url) as channel:
        jobs = services.JobsServiceStub(channel)
        request = messages.SubmitJobRequest(
            model="penguins",
            input=messages.DataSource(name=args.input.name),
            keep=["tag"],
        )
        job = jobs.SubmitJob(request, metadata=metadata)
        jobs.UploadInput(upload(job.id, args.input), metadata=metadata)

        this = messages.GetJobRequest(id=job.id)
        for job in jobs.WatchJob(this, metadata=metadata):
            print(job.state, job.done_rows, "rows", file=sys.stderr)
        if job.state != "succeeded":
            sys.exit(f"the job {job.state}: {job.reason}")

        with args.output.open("wb") as file:
            for chunk in jobs.ReadOutput(this, metadata=metadata):
                file.write(chunk.data)
        for chunk in jobs.ReadErrors(this, metadata=metadata):
            sys.stderr.write(chunk.data.decode())


if __name__ == "__main__":
    main()
