package peer

import (
	"crypto/ed25519"
	"time"
)

// What peers say to each other: JSON in bodies, and the headers below. Members that a side does not know are ignored,
// so that a version and the next one work together.

// PathPrefix begins the path of every request between peers.
const PathPrefix = "/peer/v1/"

// The operations of this package, which follow the prefix.
const (
	OperationHello = "hello" // HelloRequest, Hello
	OperationJoin  = "join"  // JoinRequest, JoinAnswer
	OperationKeys  = "key"   // KeysRequest, KeysAnswer
	// OperationTunnel makes the connection a tunnel, by which the other side is called from now on: the answer is 101,
	// with a TunnelAnswer in HeaderTunnel. If the process that takes the request is named by queryEnough the answer is
	// 200, with a TunnelAnswer in the body.
	OperationTunnel = "tunnel"
)

// The protocols that this program speaks.
const (
	OldestProtocol = 1
	NewestProtocol = 1
)

// MaxAnswer is how many bytes an answer may have.
const MaxAnswer = 8 << 20

// The headers of requests. Answers have HeaderPeer, HeaderKey and HeaderSignature.
const (
	HeaderPeer      = "Twinport-Peer"       // the id of who sends the request or answer
	HeaderTo        = "Twinport-To"         // the id of who is to get it
	HeaderKey       = "Twinport-Key"        // the number of the key that signed it
	HeaderDate      = "Twinport-Date"       // when it was signed
	HeaderNonce     = "Twinport-Nonce"      // 16 random bytes, hexadecimal
	HeaderProtocol  = "Twinport-Protocol"   // the protocol that it speaks
	HeaderAnswerKey = "Twinport-Answer-Key" // the number of the key that is to sign the answer
	HeaderContent   = "Twinport-Content"    // sha256: and the digest of the body
	HeaderSignature = "Twinport-Signature"
	// HeaderTunnel has what would be the body of an answer that has none, and is signed as that.
	HeaderTunnel = "Twinport-Tunnel"
)

// Key is a public key of a deployment. Numbers grow by one, and a number's key never changes.
type Key struct {
	Number int64             `json:"number"`
	Public ed25519.PublicKey `json:"public"`
}

// Party is what a deployment says of itself.
type Party struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	Version        string   `json:"version"`
	OldestProtocol int      `json:"oldestProtocol"`
	NewestProtocol int      `json:"newestProtocol"`
	URL            string   `json:"url"`      // where peers reach it; "" if they cannot
	Regions        []string `json:"regions"`  // that it serves
	Accounts       []string `json:"accounts"` // that it serves in each of them
}

// HelloRequest is what a deployment says of itself before it asks for the same.
type HelloRequest struct {
	Party
}

// Hello is the answer to a HelloRequest.
type Hello struct {
	Party
	Time time.Time `json:"time"`
	// Granted is what who asks may speak for here; nil from versions that did not say it.
	Granted *Grant `json:"granted,omitempty"`
}

// JoinRequest asks to become a peer by an invitation. It is signed by the key that it has.
type JoinRequest struct {
	Party
	Key    Key    `json:"key"`
	Secret []byte `json:"secret"` // of the invitation
	// Preview asks for the answer only: nothing is stored, and the code stays as it is.
	Preview bool `json:"preview"`
}

// JoinAnswer is what the joining side stores of the other.
type JoinAnswer struct {
	Party
	Key     Key    `json:"key"`
	Granted *Grant `json:"granted,omitempty"` // as in Hello; none in a preview
}

// KeysRequest says which keys a deployment signs with from now on. It is signed by one that the other side knows.
type KeysRequest struct {
	Keys []Key `json:"keys"`
}

// KeysAnswer has the numbers of the keys that the other side knows now.
type KeysAnswer struct {
	Known []int64 `json:"known"`
}

// The query of a request for a tunnel.
const (
	queryProcess = "process" // the process that asks: a random id, since its start
	queryAlone   = "alone"   // is there if the deployment has no other processes
	queryEnough  = "enough"  // a process to which it has enough tunnels; may be there more than once
)

// TunnelAnswer says who has answered a request for a tunnel.
type TunnelAnswer struct {
	Process string `json:"process"` // a random id, since its start
	// Alone says that the deployment has no other processes.
	Alone bool `json:"alone"`
}

// ErrorAnswer is the body of an answer that is no success.
type ErrorAnswer struct {
	Code              string     `json:"code"`
	Message           string     `json:"message"`
	RetryAfterSeconds int        `json:"retryAfterSeconds,omitempty"`
	Time              *time.Time `json:"time,omitempty"`      // of who answers, if the request's is wrong
	KnownKeys         []int64    `json:"knownKeys,omitempty"` // if the request was signed by one that is not known
}
