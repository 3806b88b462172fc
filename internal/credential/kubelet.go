package credential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// kubeletAPI is the version of the kubelet's API for image credential providers.
const kubeletAPI = "credentialprovider.kubelet.k8s.io/v1"

// maxKubeletRequest bounds a request: a name and a token.
const maxKubeletRequest = 1 << 20

type kubeletRequest struct {
	APIVersion                string            `json:"apiVersion"`
	Kind                      string            `json:"kind"`
	Image                     string            `json:"image"`
	ServiceAccountToken       string            `json:"serviceAccountToken"`
	ServiceAccountAnnotations map[string]string `json:"serviceAccountAnnotations"`
}

type kubeletResponse struct {
	APIVersion    string                  `json:"apiVersion"`
	Kind          string                  `json:"kind"`
	CacheKeyType  string                  `json:"cacheKeyType"`
	CacheDuration string                  `json:"cacheDuration"`
	Auth          map[string]kubeletLogin `json:"auth"`
}

type kubeletLogin struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// Kubelet answers a request of the kubelet for a login to pull an image.
func Kubelet(ctx context.Context, in io.Reader, out io.Writer) error {
	text, err := read(in, maxKubeletRequest)
	if err != nil {
		return err
	}
	var r kubeletRequest
	if json.Unmarshal(text, &r) != nil || r.APIVersion != kubeletAPI || r.Kind != "CredentialProviderRequest" {
		return errors.New("the request is no CredentialProviderRequest of " + kubeletAPI + ", the one version that " +
			"twinport speaks: the kubelet sends it to providers with this apiVersion in its CredentialProviderConfig")
	}
	if r.ServiceAccountToken != "" || len(r.ServiceAccountAnnotations) > 0 {
		return errors.New("logins by a service account's token need AssumeRoleWithWebIdentity, which Twinport does not " +
			"have yet: take tokenAttributes out of the CredentialProviderConfig, and give the provider an access key in env")
	}
	at, ok := parsePlace(r.Image)
	if !ok {
		return fmt.Errorf("the image %.200q does not begin with a registry's host", r.Image)
	}
	l, err := logIn(ctx, at)
	if errors.Is(err, errNotFound) {
		return fmt.Errorf("%s is no registry of the endpoint in AWS_ENDPOINT_URL_ECR or AWS_ENDPOINT_URL: set it in env of "+
			"the CredentialProviderConfig, or take the host out of matchImages", at.host)
	}
	if err != nil {
		return err
	}
	answer := kubeletResponse{
		APIVersion: kubeletAPI, Kind: "CredentialProviderResponse",
		CacheKeyType: "Registry", CacheDuration: l.halfLife().Truncate(time.Second).String(),
	}
	pattern := at.host
	if at.domain == "" {
		// The host has all Regions, and a login is good in one.
		answer.CacheKeyType = "Image"
	}
	if at.path != "" {
		pattern += "/" + at.path
	}
	answer.Auth = map[string]kubeletLogin{pattern: {l.Username, l.Password}}
	return json.NewEncoder(out).Encode(answer)
}
