import { mutabilityValid } from '../../parts/mutability/mutability';
import { usePolicyCheck } from '../../parts/policy/check';
import { descriptionValid, type TemplateForm } from './form';

/** Checks what a form says, its policies by the server. */
export function useFormCheck(form: TemplateForm, tagsValid: boolean) {
  const checks = {
    repositoryPolicy: usePolicyCheck(form.repositoryPolicy, 'REPOSITORY'),
    lifecyclePolicy: usePolicyCheck(form.lifecyclePolicy, 'LIFECYCLE'),
  };
  const valid =
    tagsValid &&
    form.appliedFor.length > 0 &&
    descriptionValid(form) &&
    mutabilityValid(form.mutability) &&
    Object.values(checks).every(({ problems }) => problems.length === 0);
  return { checks, valid };
}
