"""Signs again, with botocore and with awscrt where it is there, what a test of keytide-sigv4 saw on the wire, and compares.

Reads one request a line from the file that the test `judged` leaves: service, method, target, host, headers, body (in
hexadecimal) and keys.
"""

import datetime
import hashlib
import json
import sys

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

try:
    import awscrt.auth
    import awscrt.http
    import awscrt.io
except ImportError:
    awscrt = None


def signed_headers(wire):
    authorization = dict(wire["headers"])["authorization"]
    names = authorization.split("SignedHeaders=")[1].split(",")[0].split(";")
    return authorization, names


def by_botocore(wire, authorization, names):
    request = AWSRequest(
        method=wire["method"],
        url="http://" + wire["host"] + wire["target"],
        data=bytes.fromhex(wire["body"]),
    )
    for name, value in wire["headers"]:
        if name in names and name != "host":
            request.headers[name] = value
    request.headers["host"] = wire["host"]
    assert sorted(set(name.lower() for name in request.headers)) == names, names
    request.context["timestamp"] = dict(wire["headers"])["x-amz-date"]
    keys = Credentials(wire["access_key"], wire["secret_key"], dict(wire["headers"])["x-amz-security-token"])
    kind = S3SigV4Auth if wire["service"] == "s3" else SigV4Auth
    auth = kind(keys, wire["service"], authorization.split("/")[2])
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return auth.signature(text, request)


def by_awscrt(wire, authorization, names):
    ours = {"x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}
    headers = [(name, value) for name, value in wire["headers"] if name in names and name not in ours | {"host"}]
    headers.append(("host", wire["host"]))
    body = awscrt.io.InputStream(__import__("io").BytesIO(bytes.fromhex(wire["body"])))
    request = awscrt.http.HttpRequest(wire["method"], wire["target"], awscrt.http.HttpHeaders(headers), body)
    sent = dict(wire["headers"])
    at = datetime.datetime.strptime(sent["x-amz-date"] + "+0000", "%Y%m%dT%H%M%SZ%z")
    is_s3 = wire["service"] == "s3"
    types = awscrt.auth.AwsSignedBodyHeaderType
    config = awscrt.auth.AwsSigningConfig(
        algorithm=awscrt.auth.AwsSigningAlgorithm.V4,
        signature_type=awscrt.auth.AwsSignatureType.HTTP_REQUEST_HEADERS,
        credentials_provider=awscrt.auth.AwsCredentialsProvider.new_static(
            wire["access_key"], wire["secret_key"], sent["x-amz-security-token"]
        ),
        region=authorization.split("/")[2],
        service=wire["service"],
        date=at,
        use_double_uri_encode=not is_s3,
        should_normalize_uri_path=not is_s3,
        signed_body_value=sent.get("x-amz-content-sha256") or hashlib.sha256(bytes.fromhex(wire["body"])).hexdigest(),
        signed_body_header_type=types.X_AMZ_CONTENT_SHA_256 if "x-amz-content-sha256" in sent else types.NONE,
    )
    signed = awscrt.auth.aws_sign_request(request, config).result(60)
    return dict(signed.headers)["Authorization"].split("Signature=")[1]


judges = [by_botocore] + ([by_awscrt] if awscrt else [])
count = 0
differ = []
for line in open(sys.argv[1], encoding="utf-8"):
    wire = json.loads(line)
    authorization, names = signed_headers(wire)
    for judge in judges:
        if not authorization.endswith("Signature=" + judge(wire, authorization, names)):
            differ.append((judge.__name__, wire))
    sent = dict(wire["headers"]).get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    if sent != "UNSIGNED-PAYLOAD" and sent != hashlib.sha256(bytes.fromhex(wire["body"])).hexdigest():
        differ.append(("payload", wire))
    count += 1
if differ or count < 2000:
    sys.exit(f"{len(differ)} of {count} requests differ: {differ[:1]}")
print(f"{count} requests from the wire, judged by {', '.join(judge.__name__[3:] for judge in judges)}: 0 differ")
