package twinport

import "context"

// Deployment is the answer of DescribeDeployment.
type Deployment struct {
	Version     string   `json:"version"`
	AccountID   string   `json:"accountId"`
	AccountName string   `json:"accountName"`
	Region      string   `json:"region"`
	Regions     []string `json:"regions"`
	RegistryURI string   `json:"registryUri"`
	Stores      string   `json:"stores"`
}

// DescribeDeployment says what this deployment is, as far as the caller's account
// is concerned.
func (s *Service) DescribeDeployment(_ context.Context, call Call, _ *empty) (*Deployment, error) {
	account, _ := s.Accounts.Account(call.Registry.Account) // it has the caller's access key
	d := &Deployment{
		Version: s.Version, AccountID: account.ID, AccountName: account.Name, Region: call.Registry.Region, Regions: s.Registry.Regions(),
		RegistryURI: s.Endpoint(call.Registry), Stores: "embedded",
	}
	if s.Shared {
		d.Stores = "shared"
	}
	return d, nil
}
