package twinport

import "context"

// Deployment is the answer of DescribeDeployment.
type Deployment struct {
	Version     string   `json:"version"`
	AccountID   string   `json:"accountId"`
	AccountName string   `json:"accountName"`
	Region      string   `json:"region"`
	Regions     []string `json:"regions"`
	// RegistryURI begins the URIs of the registry's repositories, in the form
	// that they have for the caller; RegistryHost is the host form's.
	RegistryURI  string `json:"registryUri"`
	RegistryHost string `json:"registryHost"`
	Stores       string `json:"stores"`
}

// DescribeDeployment says what this deployment is, as far as the caller's account
// is concerned.
func (s *Service) DescribeDeployment(_ context.Context, call Call, _ *empty) (*Deployment, error) {
	account, _ := s.Accounts.Account(call.Registry.Account) // it has the caller's access key
	d := &Deployment{
		Version: s.Version, AccountID: account.ID, AccountName: account.Name, Region: call.Registry.Region,
		Regions:     s.Registry.Regions(),
		RegistryURI: s.URIs.Registry(call.Asked, call.Registry, call.Registry), RegistryHost: s.URIs.Endpoint(call.Registry),
		Stores: "embedded",
	}
	if s.Shared {
		d.Stores = "shared"
	}
	return d, nil
}
