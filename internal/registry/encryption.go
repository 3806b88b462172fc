package registry

import "github.com/twinport/twinport/internal/metadata"

// Encryption is a repository's encryption configuration, as it is stored.
type Encryption = metadata.Encryption

// AES256 is what ECR calls encryption with keys of its own: the default, and the only type that repositories may have.
// Twinport leaves it to the disk or the bucket, as docs/architecture.md says.
const AES256 = "AES256"

// unsupportedByKMS is what AWS KMS itself answers where it cannot do what is asked.
const unsupportedByKMS = "UnsupportedOperationException"

// ValidEncryption refuses a configuration that a repository cannot have: KMS, InvalidParameter. No type means AES256.
func ValidEncryption(e Encryption) error {
	switch e.Type {
	case "", AES256:
		if e.KMSKey != "" {
			return Errorf(InvalidParameter, "Invalid parameter at 'encryptionConfiguration' failed to satisfy constraint: "+
				"'Invalid encryption configuration: Encryption key should not be set for AES256 encryption.'")
		}
		return nil
	case "KMS", "KMS_DSSE":
		refusal := Errorf(KMS, "Encryption of type %s needs AWS KMS, which is not part of Twinport, so nothing was stored: "+
			"use %s, and encrypt the disk or the bucket that Twinport stores images in", e.Type, AES256)
		refusal.KMSError = unsupportedByKMS
		return refusal
	}
	return Errorf(InvalidParameter, "Invalid parameter at 'encryptionConfiguration.encryptionType' failed to satisfy "+
		"constraint: 'Member must satisfy enum value set: [KMS, KMS_DSSE, AES256]'")
}
