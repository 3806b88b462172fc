package awsmodel

import "testing"

func TestNames(t *testing.T) {
	for member, want := range map[string]string{
		"registryId":    "RegistryID",
		"imageIds":      "ImageIDs",
		"repositoryUri": "RepositoryURI",
		"downloadUrl":   "DownloadURL",
		"imageDigest":   "ImageDigest",
		"Key":           "Key",
		"kmsKey":        "KMSKey",
		"identity":      "Identity",
	} {
		if got := GoName(member); got != want {
			t.Errorf("GoName(%q) = %q, want %q", member, got, want)
		}
	}
	for value, want := range map[string]string{
		"IMMUTABLE_WITH_EXCLUSION": "ImmutableWithExclusion",
		"docker-hub":               "DockerHub",
		"ImageNotFound":            "ImageNotFound",
		"AES256":                   "Aes256",
	} {
		if got := EnumName(value); got != want {
			t.Errorf("EnumName(%q) = %q, want %q", value, got, want)
		}
	}
}
