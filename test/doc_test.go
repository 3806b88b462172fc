// Package test drives the built twinport binary from outside, as its users do:
// with AWS's SDKs for Go, Python and JavaScript, the aws command line, CDK, docker,
// skopeo, crane, oras, Terraform, and the conformance suite of the OCI distribution
// specification.
//
// Every test starts a server of its own in a temporary folder, on a port that
// the kernel chose. Clients that are not installed are skipped with the
// reason; `make tools` installs them.
package test
