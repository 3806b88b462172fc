// Package sts implements the one operation of AWS Security Token Service that
// ECR's clients need: GetCallerIdentity.
package sts

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"github.com/twinport/twinport/internal/auth"
)

const (
	// SigningName is the service in the credential scope.
	SigningName = "sts"
	// Version is that of the API.
	Version = "2011-06-15"
	// Namespace is the XML name space of answers.
	Namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// CallerIdentity is the result of GetCallerIdentity.
type CallerIdentity struct {
	ARN     string `xml:"Arn"`
	UserID  string `xml:"UserId"`
	Account string `xml:"Account"`
}

// GetCallerIdentity tells a caller who it is. It needs no permission.
func GetCallerIdentity(id auth.Identity) CallerIdentity {
	p := id.Principal
	return CallerIdentity{ARN: p.ARN, UserID: userID(p.Account, p.ARN, p.Role), Account: p.Account}
}

// userID has the form that IAM's unique ids have ("Unique identifiers" in the
// IAM user guide): the account for its root user, AIDA… for a user, AROA… and
// the session's name for an assumed role. It is derived from the ARN, so it
// stays the same from call to call.
func userID(account, arn, role string) string {
	if role != "" {
		return uniqueID("AROA", role) + ":" + arn[strings.LastIndexByte(arn, '/')+1:]
	}
	if strings.HasSuffix(arn, ":root") {
		return account
	}
	return uniqueID("AIDA", arn)
}

func uniqueID(prefix, arn string) string {
	sum := sha256.Sum256([]byte(arn))
	return prefix + base32.StdEncoding.EncodeToString(sum[:])[:17]
}
