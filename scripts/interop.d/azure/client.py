"""Microsoft's own client library for Python gets a token, as its environment says.

    client.py KIND RESOURCE [ID]

Prints {"token": …, "expires_on": …}, or {"error": …} with the class of the error, on one line.
"""

import json
import os
import sys

from azure.identity import (
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)


def credential(kind, identity):
    if kind == "managed":
        return ManagedIdentityCredential()
    if kind == "managed-client":
        return ManagedIdentityCredential(client_id=identity)
    if kind == "managed-object":
        return ManagedIdentityCredential(identity_config={"object_id": identity})
    if kind == "managed-resource":
        return ManagedIdentityCredential(identity_config={"resource_id": identity})
    known = {
        "tenant_id": os.environ["AZURE_TENANT_ID"],
        "client_id": os.environ["AZURE_CLIENT_ID"],
        "authority": os.environ["AZURE_AUTHORITY_HOST"],
        "disable_instance_discovery": True,
    }
    if kind == "workload":
        return WorkloadIdentityCredential(token_file_path=os.environ["AZURE_FEDERATED_TOKEN_FILE"], **known)
    if kind == "assertion":
        with open(os.environ["AZURE_FEDERATED_TOKEN_FILE"]) as file:
            assertion = file.read()
        return ClientAssertionCredential(func=lambda: assertion, **known)
    if kind == "secret":
        return ClientSecretCredential(client_secret=identity, **known)
    raise SystemExit(f"no such kind: {kind}")


kind, resource = sys.argv[1:3]
identity = sys.argv[3] if len(sys.argv) > 3 else None
try:
    token = credential(kind, identity).get_token(f"{resource}/.default")
    print(json.dumps({"token": token.token, "expires_on": token.expires_on}))
except Exception as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error)[:300]}))
