// Package sts implements the one operation of AWS Security Token Service that
// ECR's clients need: GetCallerIdentity.
package sts

import (
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

// GetCallerIdentity returns who the caller is. It needs no permission.
func GetCallerIdentity(id auth.Identity) CallerIdentity {
	p := id.Principal
	return CallerIdentity{ARN: p.ARN, UserID: p.UserID(), Account: p.Account}
}
