"""Google's own library against the issuers of the test kit.

    cases.py ORIGIN SUBJECT_ORIGIN DIRECTORY

ORIGIN plays Google, SUBJECT_ORIGIN hands out subject tokens, DIRECTORY is for files. Waits for a line with the name of a
case, runs it, and answers with one line: the token in JSON, or the error. `verify ASSERTION` gives the claims of an assertion
that was signed with the key of DIRECTORY.
"""

import datetime
import json
import os
import pathlib
import sys

ORIGIN, SUBJECTS, DIRECTORY = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
# Read when the library is imported.
os.environ["GCE_METADATA_HOST"] = ORIGIN.removeprefix("http://")
os.environ["GCE_METADATA_IP"] = ORIGIN.removeprefix("http://")

import google.auth
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from google.auth import aws, compute_engine, downscoped, iam, identity_pool
from google.auth import impersonated_credentials, jwt
from google.auth.transport.requests import Request
from google.oauth2 import credentials as user
from google.oauth2 import service_account

STORAGE = "https://www.googleapis.com/auth/devstorage.read_only"
LOGGING = "https://www.googleapis.com/auth/logging.write"
AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster"
API = "https://api.example.com"
TARGET = "reader@project-1.iam.gserviceaccount.com"
GENERATE = f"{ORIGIN}/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken"


def key():
    """A key as the console writes it, made once."""
    path = DIRECTORY / "key.json"
    if not path.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = made.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        info = {
            "type": "service_account",
            "project_id": "project-1",
            "private_key_id": "key-1",
            "private_key": pem.decode(),
            "client_email": "agent@project-1.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": f"{ORIGIN}/token",
        }
        path.write_text(json.dumps(info))
    info = json.loads(path.read_text())
    info["token_uri"] = f"{ORIGIN}/token"
    path.write_text(json.dumps(info))
    return info


def federation(source, **more):
    """A configuration as gcloud writes it."""
    config = {
        "type": "external_account",
        "audience": AUDIENCE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{ORIGIN}/v1/token",
        "credential_source": source,
    }
    config.update(more)
    return config


def subject_file(text):
    path = DIRECTORY / "subject"
    path.write_text(text)
    return str(path)


def pool(source, **more):
    return identity_pool.Credentials.from_info(federation(source, **more), scopes=[STORAGE, LOGGING])


def metadata_access():
    return compute_engine.Credentials(scopes=[STORAGE, LOGGING])


def metadata_identity():
    return compute_engine.IDTokenCredentials(Request(), API, use_metadata_identity_endpoint=True)


def agent_certificate():
    """A certificate like those of agents, and where the library looks for it."""
    path, config = DIRECTORY / "agent.pem", DIRECTORY / "certificates.json"
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "agent")])
    uri = "spiffe://agents.global.org-1.system.id.goog/resources/agent"
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), False)
        .sign(private, hashes.SHA256())
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    workload = {"cert_path": str(path), "key_path": str(path)}
    config.write_text(json.dumps({"cert_configs": {"workload": workload}}))
    os.environ["GOOGLE_API_CERTIFICATE_CONFIG"] = str(config)


def bound_access():
    agent_certificate()
    return compute_engine.Credentials(scopes=[STORAGE])


def bound_identity():
    agent_certificate()
    return compute_engine.IDTokenCredentials(Request(), API, use_metadata_identity_endpoint=True)


def application_default():
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"):
        os.environ.pop(name, None)
    os.environ["HOME"] = str(DIRECTORY)
    os.environ["PATH"] = ""
    found, project = google.auth.default(scopes=[STORAGE])
    assert project == "project-1", project
    return found


def federated_file():
    return pool({"file": subject_file("subject-1")})


def federated_json_file():
    path = subject_file(json.dumps({"id_token": "subject-2"}))
    return pool({"file": path, "format": {"type": "json", "subject_token_field_name": "id_token"}})


def federated_url():
    return pool({"url": f"{SUBJECTS}/subject", "headers": {"Metadata": "True"}})


def federated_impersonated():
    return pool(
        {"file": subject_file("subject-1")},
        service_account_impersonation_url=GENERATE,
        service_account_impersonation={"token_lifetime_seconds": 1200},
    )


def federated_workforce():
    return pool(
        {"file": subject_file("subject-1")},
        audience="//iam.googleapis.com/locations/global/workforcePools/pool/providers/p",
        subject_token_type="urn:ietf:params:oauth:token-type:id_token",
        workforce_pool_user_project="project-1",
    )


def federated_aws():
    os.environ.update(
        AWS_ACCESS_KEY_ID="AKIDEXAMPLE",
        AWS_SECRET_ACCESS_KEY="secret",
        AWS_SESSION_TOKEN="session",
        AWS_REGION="eu-central-1",
    )
    source = {
        "environment_id": "aws1",
        "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    }
    config = federation(source, subject_token_type="urn:ietf:params:aws:token-type:aws4_request")
    return aws.Credentials.from_info(config, scopes=[STORAGE])


def key_access():
    return service_account.Credentials.from_service_account_info(key(), scopes=[STORAGE, LOGGING])


def key_identity():
    return service_account.IDTokenCredentials.from_service_account_info(key(), target_audience=API)


def impersonated_access():
    return impersonated_credentials.Credentials(
        source_credentials=compute_engine.Credentials(),
        target_principal=TARGET,
        target_scopes=[STORAGE],
        delegates=["projects/-/serviceAccounts/middle@project-1.iam.gserviceaccount.com"],
        lifetime=900,
        iam_endpoint_override=GENERATE,
    )


def impersonated_identity():
    iam._IAM_IDTOKEN_ENDPOINT = ORIGIN + "/v1/projects/-/serviceAccounts/{}:generateIdToken"
    access = impersonated_credentials.Credentials(
        source_credentials=compute_engine.Credentials(),
        target_principal=TARGET,
        target_scopes=[STORAGE],
        iam_endpoint_override=GENERATE,
    )
    return impersonated_credentials.IDTokenCredentials(access, target_audience=API, include_email=True)


def downscoped_access():
    downscoped._STS_TOKEN_URL_PATTERN = ORIGIN + "/v1/token#{}"
    condition = downscoped.AvailabilityCondition("resource.name == 'x'", "one object", "for a test")
    rules = [
        downscoped.AccessBoundaryRule(
            "//storage.googleapis.com/projects/_/buckets/invoices",
            ["inRole:roles/storage.objectViewer"],
            condition,
        ),
        downscoped.AccessBoundaryRule(
            "//storage.googleapis.com/projects/_/buckets/reports",
            ["inRole:roles/storage.objectCreator"],
        ),
    ]
    base = compute_engine.Credentials(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    return downscoped.Credentials(base, downscoped.CredentialAccessBoundary(rules))


def user_access():
    return user.Credentials(
        None,
        refresh_token="1//refresh",
        token_uri=f"{ORIGIN}/token",
        client_id="client.apps.googleusercontent.com",
        client_secret="secret",
        scopes=[STORAGE],
    )


def verified(assertion):
    """The claims of an assertion that another library has signed with the key."""
    private = serialization.load_pem_private_key(key()["private_key"].encode(), None)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return jwt.decode(assertion, certs=public, audience="https://oauth2.googleapis.com/token")


print("ready", flush=True)
for line in sys.stdin:
    name, *rest = line.split()
    try:
        if name == "verify":
            print(json.dumps({"claims": verified(rest[0])}), flush=True)
            continue
        found = globals()[name]()
        found.refresh(Request())
        print(json.dumps({"token": found.token}), flush=True)
    except Exception as error:  # the other side decides what that means
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
