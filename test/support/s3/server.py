"""An S3 server that checks signatures and rights: moto, with one user who may do everything in the bucket `jobs` (and in
`missing`, which is not there), and a bucket `others`.

Prints one line of JSON when it listens: its port, and the keys of the user and of the owner of it all.
"""

import json
import threading

import boto3
from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server


def main() -> None:
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.port}"
    print(json.dumps({"port": server.port, "user": make_user(url, "user", "jobs", "missing"), "owner": make_user(url, "owner", "*")}), flush=True)
    thread.join()


def make_user(url: str, name: str, *buckets: str) -> dict[str, str]:
    """A user who may do everything in these buckets. From the last one on, every request is checked."""
    ActionAuthenticatorMixin.request_count = 0
    settings.INITIAL_NO_AUTH_ACTION_COUNT = float("inf")
    session = boto3.Session("AKIAnobody", "nothing", region_name="us-east-1")
    iam = session.client("iam", endpoint_url=url)
    s3 = session.client("s3", endpoint_url=url)
    for bucket in ("jobs", "others"):
        s3.create_bucket(Bucket=bucket)
    iam.create_user(UserName=name)
    resources = [f"arn:aws:s3:::{bucket}{rest}" for bucket in buckets for rest in ("", "/*")]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": resources}]}
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    return {"accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"]}


main()
