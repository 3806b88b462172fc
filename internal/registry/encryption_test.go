package registry_test

import (
	"errors"
	"testing"

	"github.com/twinport/twinport/internal/registry"
)

func TestValidEncryption(t *testing.T) {
	for _, e := range []struct {
		registry.Encryption
		want     registry.Code
		kmsError string
	}{
		{registry.Encryption{}, "", ""},
		{registry.Encryption{Type: "AES256"}, "", ""},
		{registry.Encryption{Type: "AES256", KMSKey: "alias/k"}, registry.InvalidParameter, ""},
		{registry.Encryption{KMSKey: "alias/k"}, registry.InvalidParameter, ""},
		{registry.Encryption{Type: "KMS"}, registry.KMS, "UnsupportedOperationException"},
		{registry.Encryption{Type: "KMS", KMSKey: "alias/k"}, registry.KMS, "UnsupportedOperationException"},
		{registry.Encryption{Type: "KMS_DSSE"}, registry.KMS, "UnsupportedOperationException"},
		{registry.Encryption{Type: "aes256"}, registry.InvalidParameter, ""},
	} {
		err := registry.ValidEncryption(e.Encryption)
		refusal, _ := errors.AsType[*registry.Error](err)
		if registry.CodeOf(err) != e.want || refusal != nil && refusal.KMSError != e.kmsError {
			t.Errorf("%+v: %+v, want %s, %s", e.Encryption, refusal, e.want, e.kmsError)
		}
	}
}
