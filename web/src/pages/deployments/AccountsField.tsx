import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';

import { useMessages } from '../../i18n';
import { accountsOf } from './join';

/** Takes accounts: IDs, all, or nothing. */
export function AccountsField({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string;
  onChange: (text: string) => void;
}) {
  const { deployments: m, permissions } = useMessages();
  const [problem] = accountsOf(value).problems;
  const texts = permissions.problems;
  const errorText =
    problem &&
    {
      characters: () => texts.accountCharacters(problem.account),
      length: () => texts.accountLength(problem.account, problem.account.length),
      twice: () => texts.accountTwice(problem.account),
      own: () => texts.accountOwn(problem.account),
    }[problem.kind]();
  return (
    <FormField label={label} constraintText={m.accountsHint} errorText={errorText}>
      <Input
        value={value}
        onChange={({ detail }) => onChange(detail.value)}
        autoComplete={false}
        spellcheck={false}
        disableBrowserAutocorrect
      />
    </FormField>
  );
}
