// Package test drives the built twinport binary from outside, as its users do:
// with the AWS SDK, the aws command line, docker, skopeo, crane, oras,
// Terraform, and the conformance suite of the OCI distribution specification.
//
// Every test starts a server of its own in a temporary folder, on a port that
// the kernel chose. Clients that are not installed are skipped with the
// reason; `make tools` installs them.
package test
