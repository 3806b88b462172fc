package auth

// String shows the key's id only, so that no format verb prints the secret by
// accident.
func (k AccessKey) String() string { return k.ID }

// GoString is String for the verb %#v.
func (k AccessKey) GoString() string { return k.ID }

// MarshalText is String for JSON and for logs.
func (k AccessKey) MarshalText() ([]byte, error) { return []byte(k.ID), nil }

// String shows the id only.
func (c Credentials) String() string { return c.AccessKeyID }

// GoString is String for the verb %#v.
func (c Credentials) GoString() string { return c.AccessKeyID }

// MarshalText is String for JSON and for logs.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.AccessKeyID), nil }
