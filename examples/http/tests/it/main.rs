//! gRPC, and many requests over many rotations.

mod grpc;
mod load;
