// Generate statement: a form, and the JSON that it makes before it is added.

import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import Container from '@cloudscape-design/components/container';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Multiselect from '@cloudscape-design/components/multiselect';
import RadioGroup from '@cloudscape-design/components/radio-group';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useRef, useState } from 'react';

import { useRegistry } from '../../app/registry';
import { useMessages } from '../../i18n';
import { groupedAccount } from '../../i18n/format';
import { readAccounts } from '../../parts/policy/accounts';
import { freeSid, policyText, type Statement } from '../../parts/policy/document';
import {
  actionGroups,
  checkForm,
  defaultSids,
  emptyForm,
  statementOf,
  type FormProblems,
  type StatementForm,
} from './statement';

interface Props {
  /** Of the policy that the statement is for; undefined while its text is none. */
  statements: Statement[] | undefined;
  /** What the account IDs begin with. */
  accounts: string;
  /** Told whether something is filled in. */
  onFilled: (filled: boolean) => void;
  onAdd: (statement: Statement) => void;
  onCancel: () => void;
}

export function StatementGenerator({ statements, accounts, onFilled, onAdd, onCancel }: Props) {
  const { permissions: m, shell } = useMessages();
  const registry = useRegistry();
  const defaultSid = (type: StatementForm['type']) => freeSid(defaultSids[type], statements ?? []);
  const [first] = useState<StatementForm>(() => ({ ...emptyForm, sid: defaultSid('replication'), accounts }));
  const [form, setForm] = useState(first);
  const [tried, setTried] = useState(false);
  const set = (change: Partial<StatementForm>) => setForm((before) => ({ ...before, ...change }));
  const filled = JSON.stringify(form) !== JSON.stringify(first);
  useEffect(() => {
    onFilled(filled);
    return () => onFilled(false);
  }, [filled, onFilled]);

  const problems = checkForm(
    form,
    registry.account,
    (statements ?? []).map((s) => s.Sid),
  );
  const errors = useProblemTexts(problems, tried);
  const statement = statementOf(form, registry);
  const json = policyText(statement);
  const known = readAccounts(form.accounts, registry.account).accounts;
  const others = registry.sessions.filter((s) => s.accountId !== registry.account && !known.includes(s.accountId));
  const element = useRef<HTMLFormElement>(null);
  const submit = () => {
    setTried(true);
    if (Object.keys(problems).length === 0 && statements) {
      onAdd(statement);
    } else {
      // Once the fields are marked.
      setTimeout(() => element.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
    }
  };
  const setType = (type: StatementForm['type']) =>
    set(form.sid === defaultSid(form.type) ? { type, sid: defaultSid(type) } : { type });
  return (
    <form
      ref={element}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Container header={<Header variant="h2">{m.generate}</Header>}>
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button variant="link" formAction="none" onClick={onCancel}>
                {shell.cancel}
              </Button>
              <Button variant="primary" formAction="submit">
                {m.addToPolicy}
              </Button>
            </SpaceBetween>
          }
          errorText={tried && !statements ? m.fixFirst : undefined}
        >
          <SpaceBetween size="l">
            <FormField label={m.type}>
              <RadioGroup
                value={form.type}
                onChange={({ detail }) => setType(detail.value as StatementForm['type'])}
                items={[
                  { value: 'replication', label: m.typeReplication, description: m.typeReplicationDescription },
                  { value: 'custom', label: m.typeCustom, description: m.typeCustomDescription },
                ]}
              />
            </FormField>
            <FormField label={m.sid} description={m.sidDescription} errorText={errors.sid}>
              <Input
                value={form.sid}
                onChange={({ detail }) => set({ sid: detail.value })}
                spellcheck={false}
                autoComplete="off"
              />
            </FormField>
            <FormField
              label={m.accounts}
              description={m.accountsDescription}
              errorText={errors.accounts}
              secondaryControl={
                others.length > 0 && (
                  <SpaceBetween direction="horizontal" size="xs">
                    {others.map((s) => (
                      <Button
                        key={s.accountId}
                        formAction="none"
                        iconName="add-plus"
                        onClick={() =>
                          set({ accounts: [form.accounts.trim(), s.accountId].filter(Boolean).join(', ') })
                        }
                      >
                        {`${s.accountName} ${groupedAccount(s.accountId)}`}
                      </Button>
                    ))}
                  </SpaceBetween>
                )
              }
            >
              <Input
                value={form.accounts}
                onChange={({ detail }) => set({ accounts: detail.value })}
                inputMode="numeric"
                placeholder="111122223333, 444455556666"
                spellcheck={false}
                autoComplete="off"
              />
            </FormField>
            {form.type === 'custom' && (
              <FormField label={m.effect}>
                <RadioGroup
                  value={form.effect}
                  onChange={({ detail }) => set({ effect: detail.value as Statement['Effect'] })}
                  items={[
                    { value: 'Allow', label: m.allow },
                    { value: 'Deny', label: m.deny, description: m.denyDescription },
                  ]}
                />
              </FormField>
            )}
            {form.type === 'replication' ? (
              <FormField label={m.actions}>
                <SpaceBetween size="xs">
                  <Checkbox checked disabled description={m.replicateDescription}>
                    ecr:ReplicateImage
                  </Checkbox>
                  <Checkbox
                    checked={form.creates}
                    onChange={({ detail }) => set({ creates: detail.checked })}
                    description={m.createDescription}
                  >
                    ecr:CreateRepository
                  </Checkbox>
                </SpaceBetween>
              </FormField>
            ) : (
              <FormField label={m.actions} errorText={errors.actions}>
                <Multiselect
                  selectedOptions={form.actions.map((value) => ({ value, label: value }))}
                  onChange={({ detail }) => set({ actions: detail.selectedOptions.map((o) => o.value!) })}
                  options={Object.entries(actionGroups).map(([group, actions]) => ({
                    label: m.actionGroups[group as keyof typeof actionGroups],
                    options: actions.map((value) => ({ value, label: value })),
                  }))}
                  filteringType="auto"
                  placeholder={m.chooseActions}
                  empty={m.noActions}
                />
              </FormField>
            )}
            <FormField label={m.resources}>
              <RadioGroup
                value={form.everyRepository ? 'all' : 'some'}
                onChange={({ detail }) => set({ everyRepository: detail.value === 'all' })}
                items={[
                  { value: 'all', label: m.everyRepository },
                  { value: 'some', label: m.someRepositories },
                ]}
              />
            </FormField>
            {!form.everyRepository && (
              <FormField label={m.prefixes} description={m.prefixesDescription} errorText={errors.prefixes}>
                <Input
                  value={form.prefixes}
                  onChange={({ detail }) => set({ prefixes: detail.value })}
                  placeholder="team/, base/"
                  spellcheck={false}
                  autoComplete="off"
                />
              </FormField>
            )}
            <div>
              <Box variant="h3" fontSize="heading-s">
                {m.preview}
              </Box>
              <div className="json-preview">
                <pre className="json" tabIndex={0} aria-label={m.preview}>
                  {json}
                </pre>
                <CopyToClipboard
                  variant="icon"
                  textToCopy={json}
                  copyButtonAriaLabel={m.copyStatement}
                  copySuccessText={shell.copied}
                  copyErrorText={shell.copyFailed}
                />
              </div>
            </div>
            {!statements && <Alert type="warning">{m.fixFirst}</Alert>}
          </SpaceBetween>
        </Form>
      </Container>
    </form>
  );
}

/** In words. What is wrong with what is typed is shown at once; what is missing, when the form is sent. */
function useProblemTexts(problems: FormProblems, tried: boolean): Partial<Record<keyof FormProblems, string>> {
  const m = useMessages().permissions.problems;
  const missing = tried ? m.missing : undefined;
  const { sid, accounts, actions, prefixes } = problems;
  return {
    sid: sid && { missing, taken: m.sidTaken, characters: m.sidCharacters }[sid],
    accounts:
      accounts &&
      (accounts === 'missing'
        ? missing
        : accounts.kind === 'length'
          ? m.accountLength(accounts.account, accounts.digits)
          : { characters: m.accountCharacters, twice: m.accountTwice, own: m.accountOwn }[accounts.kind](
              accounts.account,
            )),
    actions: actions && missing,
    prefixes: prefixes && (prefixes === 'missing' ? missing : m.prefix(prefixes.prefix)),
  };
}
