package twinport

import "context"

// Deployment is the answer of DescribeDeployment.
type Deployment struct {
	// DeploymentID, DeploymentName and DeploymentURL are what its peers know it by;
	// without a URL they cannot reach it.
	DeploymentID   string `json:"deploymentId,omitzero"`
	DeploymentName string `json:"deploymentName,omitzero"`
	DeploymentURL  string `json:"deploymentUrl,omitzero"`

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
	// Operator says that the caller may operate the deployment.
	Operator bool `json:"operator"`
}

// DescribeDeployment says what this deployment is, as far as the caller's account
// is concerned.
func (s *Service) DescribeDeployment(_ context.Context, call Call, _ *empty) (*Deployment, error) {
	account, _ := s.Accounts.Account(call.Registry.Account) // it has the caller's access key
	self := s.Replication.Deployment()
	d := &Deployment{
		DeploymentID: self.ID, DeploymentName: self.Name, DeploymentURL: self.URL,
		Version: s.Version, AccountID: account.ID, AccountName: account.Name, Region: call.Registry.Region,
		Regions:     s.Registry.Regions(),
		RegistryURI: s.URIs.Registry(call.Asked, call.Registry, call.Registry), RegistryHost: s.URIs.Endpoint(call.Registry),
		Stores: "embedded", Operator: s.isOperator(call),
	}
	if s.Shared {
		d.Stores = "shared"
	}
	return d, nil
}
