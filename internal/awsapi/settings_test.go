package awsapi_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

func TestAccountSettings(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	c := a.ecr()
	for name, value := range map[string]string{
		"BASIC_SCAN_TYPE_VERSION": "CLAIR", "REGISTRY_POLICY_SCOPE": "V1", "BLOB_MOUNTING": "DISABLED",
	} {
		put := must[*ecr.PutAccountSettingOutput](t)(c.PutAccountSetting(ctx, &ecr.PutAccountSettingInput{
			Name: &name, Value: &value,
		}))
		got := must[*ecr.GetAccountSettingOutput](t)(c.GetAccountSetting(ctx, &ecr.GetAccountSettingInput{Name: &name}))
		if *put.Name != name || *put.Value != value || *got.Name != name || *got.Value != value {
			t.Errorf("%s: put %s=%s, got %s=%s", name, *put.Name, *put.Value, *got.Name, *got.Value)
		}
		_, err := c.PutAccountSetting(ctx, &ecr.PutAccountSettingInput{Name: &name, Value: aws.String("OTHER")})
		want(t, err, "InvalidParameterException", "Invalid parameter at 'value' failed to satisfy constraint")
	}
	_, err := c.GetAccountSetting(ctx, &ecr.GetAccountSettingInput{Name: aws.String("OTHER")})
	want(t, err, "InvalidParameterException", "Invalid parameter at 'name' failed to satisfy constraint")
	_, err = c.GetAccountSetting(ctx, &ecr.GetAccountSettingInput{Name: aws.String(strings.Repeat("A", 65))})
	want(t, err, "InvalidParameterException", "less than or equal to 64")
}

func TestPullTimeUpdateExclusions(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	c := a.ecr()
	add := func(arn string) error {
		out, err := c.RegisterPullTimeUpdateExclusion(ctx, &ecr.RegisterPullTimeUpdateExclusionInput{PrincipalArn: &arn})
		if err == nil && (*out.PrincipalArn != arn || out.CreatedAt == nil) {
			t.Errorf("%+v", out)
		}
		return err
	}
	var all []string
	for i := range 5 {
		all = append(all, fmt.Sprintf("arn:aws:iam::%s:role/scanners/r%d", account, i))
	}
	all = append(all, "arn:aws:iam::"+account+":root", "arn:aws:iam::"+other+":user/u")
	slices.Sort(all)
	for _, arn := range all {
		want(t, add(arn), "", "")
	}
	want(t, add(all[0]), "ExclusionAlreadyExistsException", all[0])
	for _, arn := range []string{
		"", "*", "arn:aws:iam::1:role/r", "arn:aws:sts::" + account + ":assumed-role/r/s", "arn:aws:iam::" + account + ":role/",
		"arn:aws:iam::" + account + ":root/x", "arn:aws:iam::" + account + ":role/" + strings.Repeat("r", 200),
	} {
		want(t, add(arn), "InvalidParameterException", "Invalid parameter at 'principalArn'")
	}
	var listed []string
	in := &ecr.ListPullTimeUpdateExclusionsInput{MaxResults: aws.Int32(3)}
	for {
		out := must[*ecr.ListPullTimeUpdateExclusionsOutput](t)(c.ListPullTimeUpdateExclusions(ctx, in))
		listed = append(listed, out.PullTimeUpdateExclusions...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if !slices.Equal(listed, all) {
		t.Errorf("listed %v, want %v", listed, all)
	}
	remove := &ecr.DeregisterPullTimeUpdateExclusionInput{PrincipalArn: &all[0]}
	if out := must[*ecr.DeregisterPullTimeUpdateExclusionOutput](t)(c.DeregisterPullTimeUpdateExclusion(ctx, remove)); *out.
		PrincipalArn != all[0] {
		t.Errorf("%+v", out)
	}
	_, err := c.DeregisterPullTimeUpdateExclusion(ctx, remove)
	want(t, err, "ExclusionNotFoundException", all[0])
}

// The answers in JSON are those of the samples in ECR's API reference and of clients that parse them.
func TestScanning(t *testing.T) {
	a := newAPI(t)
	a.domain.create("app")
	a.domain.create("lib")
	a.domain.push("app", "one", "1")
	const image = `{"repositoryName":"app","imageId":{"imageTag":"1"}}`
	rule := func(frequency string) string {
		return `{"scanFrequency":"` + frequency + `","repositoryFilters":[{"filter":"ap*","filterType":"WILDCARD"}]}`
	}
	rules := func(scanType string, frequencies ...string) string {
		for i, f := range frequencies {
			frequencies[i] = rule(f)
		}
		return `"scanType":"` + scanType + `","rules":[` + strings.Join(frequencies, ",") + `]}`
	}
	for _, s := range []struct {
		operation, request string
		want               string // the answer, or a part of it if it is an exception
	}{
		{"GetRegistryScanningConfiguration", `{}`,
			`{"registryId":"` + account + `","scanningConfiguration":{"scanType":"BASIC","rules":[]}}`},
		{"PutRegistryScanningConfiguration", `{` + rules("BASIC", "CONTINUOUS_SCAN"),
			`Invalid parameter failed to satisfy constraint: 'Invalid scan frequency for scanType BASIC: CONTINUOUS_SCAN'`},
		{"PutRegistryScanningConfiguration", `{` + rules("BASIC", "SCAN_ON_PUSH", "SCAN_ON_PUSH"),
			`Contains duplicate scan frequencies: [SCAN_ON_PUSH]`},
		{"PutRegistryScanningConfiguration", `{` + rules("ENHANCED", "SCAN_ON_PUSH", "CONTINUOUS_SCAN", "MANUAL"),
			`Member must have length less than or equal to 2`},
		{"PutRegistryScanningConfiguration", `{"rules":[{"scanFrequency":"SCAN_ON_PUSH","repositoryFilters":[{"filter":"A","filterType":"WILDCARD"}]}]}`,
			`must satisfy regular expression`},
		{"PutRegistryScanningConfiguration", `{` + rules("ENHANCED", "CONTINUOUS_SCAN"),
			`{"registryScanningConfiguration":{` + rules("ENHANCED", "CONTINUOUS_SCAN") + `}`},
		{"BatchGetRepositoryScanningConfiguration", `{"repositoryNames":["app","none","lib"]}`,
			`{"scanningConfigurations":[{"repositoryArn":"arn:aws:ecr:` + region + `:` + account + `:repository/app",` +
				`"repositoryName":"app","scanOnPush":true,"scanFrequency":"CONTINUOUS_SCAN",` +
				`"appliedScanFilters":[{"filter":"ap*","filterType":"WILDCARD"}]},` +
				`{"repositoryArn":"arn:aws:ecr:` + region + `:` + account + `:repository/lib","repositoryName":"lib",` +
				`"scanOnPush":false,"scanFrequency":"MANUAL","appliedScanFilters":[]}],` +
				`"failures":[{"repositoryName":"none","failureCode":"REPOSITORY_NOT_FOUND","failureReason":"REPOSITORY_NOT_FOUND"}]}`},
		{"PutRegistryScanningConfiguration", `{"rules":[]}`,
			`{"registryScanningConfiguration":{"scanType":"BASIC","rules":[]}}`},
		{"PutImageScanningConfiguration", `{"repositoryName":"lib","imageScanningConfiguration":{"scanOnPush":true}}`,
			`{"registryId":"` + account + `","repositoryName":"lib","imageScanningConfiguration":{"scanOnPush":true}}`},
		{"PutImageScanningConfiguration", `{"repositoryName":"none","imageScanningConfiguration":{}}`,
			`RepositoryNotFoundException`},
		{"StartImageScan", image, `ValidationException","message":"Nothing was scanned: this version of Twinport does not scan`},
		{"DescribeImageScanFindings", image, `ScanNotFoundException","message":"Image scan does not exist for the image with`},
		{"StartImageScan", `{"repositoryName":"app","imageId":{"imageTag":"2"}}`, `ImageNotFoundException`},
	} {
		r := a.signed(t, ecrOf+s.operation, "application/x-amz-json-1.1", s.request)
		resp, text := send(t, r)
		if text = strings.TrimSpace(text); resp.StatusCode == 200 && text != s.want || !strings.Contains(text, s.want) {
			t.Errorf("%s %s:\n%d %s\nwant %s", s.operation, s.request, resp.StatusCode, text, s.want)
		}
	}
}

func TestKMSIsRefused(t *testing.T) {
	a := newAPI(t)
	create := func(e types.EncryptionConfiguration) error {
		_, err := a.ecr().CreateRepository(t.Context(), &ecr.CreateRepositoryInput{
			RepositoryName: aws.String("app"), EncryptionConfiguration: &e,
		})
		return err
	}
	for _, e := range []types.EncryptionConfiguration{
		{EncryptionType: "KMS"}, {EncryptionType: "KMS", KmsKey: aws.String("alias/images")}, {EncryptionType: "KMS_DSSE"},
	} {
		err := create(e)
		want(t, err, "KmsException", "needs AWS KMS, which is not part of Twinport")
		var kms *types.KmsException
		if !errors.As(err, &kms) || aws.ToString(kms.KmsError) != "UnsupportedOperationException" {
			t.Errorf("%+v: %+v", e, kms)
		}
	}
	want(t, create(types.EncryptionConfiguration{EncryptionType: "AES256", KmsKey: aws.String("k")}),
		"InvalidParameterException", "Invalid parameter at 'encryptionConfiguration' failed to satisfy constraint: 'Invalid "+
			"encryption configuration: Encryption key should not be set for AES256 encryption.'")
	want(t, create(types.EncryptionConfiguration{EncryptionType: "AES256"}), "", "")
}

// The sentences are ECR's.
func TestTagMutabilityIsRefused(t *testing.T) {
	a := newAPI(t)
	a.domain.create("app")
	filters := func(filters ...string) (all []types.ImageTagMutabilityExclusionFilter) {
		for _, f := range filters {
			all = append(all, types.ImageTagMutabilityExclusionFilter{Filter: &f, FilterType: "WILDCARD"})
		}
		return all
	}
	for _, s := range []struct {
		mutability types.ImageTagMutability
		filters    []types.ImageTagMutabilityExclusionFilter
		want       string
	}{
		{"IMMUTABLE", filters("v*"),
			"'ImageTagMutabilityExclusionFilters are not allowed when imageTagMutability is set as IMMUTABLE'"},
		{"MUTABLE", filters("v*"),
			"'ImageTagMutabilityExclusionFilters are not allowed when imageTagMutability is set as MUTABLE'"},
		{"MUTABLE_WITH_EXCLUSION", nil,
			"'ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as MUTABLE_WITH_EXCLUSION'"},
		{"IMMUTABLE_WITH_EXCLUSION", filters("a", "b", "c", "d", "e", "f"), "'Member must have length less than or equal to 5'"},
	} {
		want := func(err error) {
			t.Helper()
			want(t, err, "InvalidParameterException",
				"Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: "+s.want)
		}
		_, err := a.ecr().PutImageTagMutability(t.Context(), &ecr.PutImageTagMutabilityInput{
			RepositoryName: aws.String("app"), ImageTagMutability: s.mutability, ImageTagMutabilityExclusionFilters: s.filters,
		})
		want(err)
		_, err = a.ecr().CreateRepository(t.Context(), &ecr.CreateRepositoryInput{
			RepositoryName: aws.String("new"), ImageTagMutability: s.mutability, ImageTagMutabilityExclusionFilters: s.filters,
		})
		want(err)
	}
}
