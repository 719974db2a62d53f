"""Signs the request of a caller identity token again with botocore, and compares.

Reads {"token": ..., "access_key": ..., "secret_key": ..., "session_token": ...} from its input.
"""

import json
import sys
from urllib.parse import unquote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

told = json.load(sys.stdin)
signed = json.loads(unquote(told["token"]))
headers = {header["key"]: header["value"] for header in signed["headers"]}
authorization = headers.pop("authorization")
region = authorization.split("Credential=")[1].split("/")[2]
names = authorization.split("SignedHeaders=")[1].split(",")[0].split(";")
assert sorted(names) == sorted(name.lower() for name in headers), names

request = AWSRequest(method=signed["method"], url=signed["url"], data=b"", headers=headers)
request.context["timestamp"] = headers["x-amz-date"]
keys = Credentials(told["access_key"], told["secret_key"], told["session_token"])
auth = SigV4Auth(keys, "sts", region)
text = auth.string_to_sign(request, auth.canonical_request(request))
assert authorization.endswith("Signature=" + auth.signature(text, request)), authorization
print("the same signature")
