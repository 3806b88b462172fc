package iam

import (
	"crypto/sha256"
	"encoding/base32"
	"time"
)

// awsPolicy is a managed policy of AWS's, which every account has and none can change.
type awsPolicy struct {
	managed
	version   int
	createdAt time.Time
	text      string
}

const readOnlyActions = `"ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer",` +
	`"ecr:GetRepositoryPolicy","ecr:DescribeRepositories","ecr:ListImages","ecr:DescribeImages","ecr:BatchGetImage",` +
	`"ecr:GetLifecyclePolicy","ecr:GetLifecyclePolicyPreview","ecr:ListTagsForResource","ecr:DescribeImageScanFindings"`

func allowing(actions string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + actions + `],"Resource":"*"}]}`
}

// awsPolicies are in the order of their ARNs. Their statements are those of the AWS Managed Policy Reference; their ids
// are of this program's making.
var awsPolicies = []awsPolicy{
	newAWSPolicy("AdministratorAccess", 1, "2015-02-06", allowing(`"*"`)),
	newAWSPolicy("AmazonEC2ContainerRegistryFullAccess", 3, "2020-12-05",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:*","cloudtrail:LookupEvents"],"Resource":"*"},`+
			`{"Effect":"Allow","Action":["iam:CreateServiceLinkedRole"],"Resource":"*","Condition":{"StringEquals":`+
			`{"iam:AWSServiceName":["replication.ecr.amazonaws.com"]}}}]}`),
	newAWSPolicy("AmazonEC2ContainerRegistryPowerUser", 3, "2019-12-10", allowing(readOnlyActions+
		`,"ecr:InitiateLayerUpload","ecr:UploadLayerPart","ecr:CompleteLayerUpload","ecr:PutImage"`)),
	newAWSPolicy("AmazonEC2ContainerRegistryPullOnly", 1, "2024-10-04", allowing(
		`"ecr:GetAuthorizationToken","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:BatchImportUpstreamImage"`)),
	newAWSPolicy("AmazonEC2ContainerRegistryReadOnly", 3, "2019-12-10", allowing(readOnlyActions)),
	newAWSPolicy("IAMReadOnlyAccess", 4, "2018-01-25", allowing(`"iam:GenerateCredentialReport",`+
		`"iam:GenerateServiceLastAccessedDetails","iam:Get*","iam:List*","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy"`)),
}

func newAWSPolicy(name string, version int, date, text string) awsPolicy {
	p := awsPolicy{version: version, text: text}
	p.Path, p.Name, p.ARN = "/", name, "arn:aws:iam::aws:policy/"+name
	sum := sha256.Sum256([]byte(p.ARN))
	p.ID = "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
	p.createdAt, _ = time.Parse(time.DateOnly, date)
	return p
}

var awsByID, awsByARN = func() (byID, byARN map[string]*awsPolicy) {
	byID, byARN = map[string]*awsPolicy{}, map[string]*awsPolicy{}
	for i := range awsPolicies {
		p := &awsPolicies[i]
		byID[p.ID], byARN[p.ARN] = p, p
	}
	return byID, byARN
}()
