//! The only HTTP: references resolved, credentials, tokens, retries, manifests, blobs.
