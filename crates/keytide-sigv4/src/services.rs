//! What services expect of a signature beyond the general rules: [`Service`].

/// What a service expects, by its signing name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) takes: Takes,
    /// Whether it wants the hash of the payload in `x-amz-content-sha256`.
    pub(crate) wants_sha256: bool,
    /// Whether it takes a signature over `content-length`, where a request has that header.
    pub(crate) takes_length: bool,
    /// Whether paths are signed by the rules of S3.
    pub(crate) has_s3_paths: bool,
}

/// Which payloads it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Signed,
    /// Signed ones, and `UNSIGNED-PAYLOAD`.
    Either,
    /// `UNSIGNED-PAYLOAD` and nothing else.
    Unsigned,
}

impl Service {
    pub(crate) fn named(name: &str) -> Self {
        let known = SERVICES.iter().find(|(known, _)| *known == name);
        known.map_or(GENERAL, |(_, service)| *service)
    }
}

/// The IAM user guide, "Create a signed AWS API request".
const GENERAL: Service = Service {
    takes: Takes::Signed,
    wants_sha256: false,
    takes_length: true,
    has_s3_paths: false,
};

/// Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)": `x-amz-content-sha256` is required. The
/// endpoint rules of the SDKs name those of its paths with `disableDoubleEncoding`.
const S3: Service = Service {
    takes: Takes::Either,
    wants_sha256: true,
    takes_length: true,
    has_s3_paths: true,
};

/// Services with an operation that takes `UNSIGNED-PAYLOAD` (`aws.auth#unsignedPayload` in their models).
const UNSIGNED_TOO: Service = Service {
    takes: Takes::Either,
    ..GENERAL
};

const SHA256: Service = Service {
    wants_sha256: true,
    ..GENERAL
};

/// Those that differ, and those without a model in the SDKs that people sign for by hand. (Compiled, not tried on each.)
pub(crate) const SERVICES: [(&str, Service); 27] = [
    // OpenSearch Service developer guide, "Signing HTTP requests with other clients" (Serverless): the header is required,
    // and Content-Length must not be signed.
    (
        "aoss",
        Service {
            takes_length: false,
            ..SHA256
        },
    ),
    // AppSync developer guide, "Authorization and authentication": AWS_IAM.
    ("appsync", GENERAL),
    // Amazon Managed Service for Prometheus user guide, "Using Amazon Managed Service for Prometheus APIs with SigV4".
    ("aps", GENERAL),
    // Amazon Bedrock user guide; `bedrock-runtime` and `bedrock-agent-runtime` are signed as this one, AgentCore by its own.
    ("bedrock", GENERAL),
    ("bedrock-agentcore", GENERAL),
    ("ebs", UNSIGNED_TOO),
    // OpenSearch Service developer guide, "Making and signing OpenSearch Service requests".
    ("es", GENERAL),
    // API Gateway developer guide, "Control access to a REST API with IAM permissions".
    ("execute-api", GENERAL),
    // Glacier developer guide, "Calculating Hashes": uploads carry the hash in the header.
    ("glacier", SHA256),
    // AWS IoT Core developer guide, "HTTPS": `iotdata` for what devices publish by HTTPS, `iotdevicegateway` for its
    // WebSockets, whose session token is not signed.
    ("iotdata", GENERAL),
    ("iotdevicegateway", GENERAL),
    // Lambda developer guide, "Control access to Lambda function URLs".
    ("lambda", GENERAL),
    ("lex", UNSIGNED_TOO),
    // CloudWatch user guide, "OTLP endpoints": `xray` for traces, `logs` for logs.
    ("logs", GENERAL),
    ("mediastore", UNSIGNED_TOO),
    // Neptune user guide, "Connecting to your database using IAM": openCypher, Gremlin and SPARQL over HTTPS.
    ("neptune-db", GENERAL),
    // Neptune Analytics user guide, "Connecting to a graph".
    ("neptune-graph", GENERAL),
    ("omics", UNSIGNED_TOO),
    // OpenSearch Service developer guide, "OpenSearch Ingestion: sending data to a pipeline".
    ("osis", GENERAL),
    ("s3", S3),
    ("s3-object-lambda", S3),
    ("s3-outposts", S3),
    // S3 user guide, "Authenticating and authorizing requests" of directory buckets: sessions of CreateSession.
    ("s3express", S3),
    // Amazon S3 Tables and Vectors: by the general rules, in spite of their names.
    ("s3tables", GENERAL),
    ("s3vectors", GENERAL),
    // VPC Lattice user guide, "SIGv4 authenticated requests for Amazon VPC Lattice": it does not support payload signing, and
    // the header must be UNSIGNED-PAYLOAD.
    (
        "vpc-lattice-svcs",
        Service {
            takes: Takes::Unsigned,
            ..SHA256
        },
    ),
    ("xray", GENERAL),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_found_by_name() {
        assert!(SERVICES.is_sorted_by_key(|(name, _)| *name));
        for (name, service) in SERVICES {
            assert_eq!(Service::named(name), service, "{name}");
            // `UNSIGNED-PAYLOAD` stands in the header, so whoever takes nothing else wants it.
            assert!(service.takes != Takes::Unsigned || service.wants_sha256);
        }
        assert_eq!(Service::named("dynamodb"), GENERAL);
        assert_eq!(Service::named("S3"), GENERAL);
    }
}
