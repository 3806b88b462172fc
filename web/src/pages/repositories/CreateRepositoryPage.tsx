import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import TagEditor, { type TagEditorProps } from '@cloudscape-design/components/tag-editor';
import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useNavigate } from 'react-router';

import { APIError, ecr } from '../../api/client';
import { useNotify } from '../../app/notifications';
import { useReread } from '../../app/queries';
import { pagePath, repositoryPath, useECR, useRegistry, useTwinport } from '../../app/registry';
import { useUnsaved } from '../../app/unsaved';
import { useMessages } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { useDestinationName } from '../../parts/destinations/destination';
import { mutabilityValid, settingOf, type Mutability } from '../../parts/mutability/mutability';
import { MutabilityFields } from '../../parts/mutability/MutabilityFields';
import { maxTags } from '../../parts/resourceTags';
import { focusInvalid, SubmitProblem } from '../../parts/saving/SubmitProblem';
import { Crumbs } from './Crumbs';
import { nameProblem } from './names';
import { destinationsFor } from './rules';

export function CreateRepositoryPage() {
  const { repositories: m, shell } = useMessages();
  const format = useFormat();
  const registry = useRegistry();
  const navigate = useNavigate();
  const nameOf = useDestinationName();
  const notify = useNotify();
  const reread = useReread();
  const deployment = useTwinport('DescribeDeployment', {});
  const rules = useECR('DescribeRegistry', {});
  const form = useRef<HTMLFormElement>(null);
  const [name, setName] = useState('');
  const [mutability, setMutability] = useState<Mutability>({ base: 'MUTABLE', exclusions: [] });
  const [tags, setTags] = useState<{ tags: readonly TagEditorProps.Tag[]; valid: boolean }>({ tags: [], valid: true });
  const [tried, setTried] = useState(false);
  const unsaved = useUnsaved(name !== '' || mutability.exclusions.length > 0 || tags.tags.length > 0);
  const attempt = useMutation({
    mutationFn: (repositoryName: string) =>
      ecr(registry, 'CreateRepository', {
        repositoryName,
        ...settingOf(mutability),
        tags: tags.tags.map(({ key, value }) => ({ Key: key, Value: value })),
      }),
    onSuccess: async (_, repositoryName) => {
      notify({ type: 'success', header: m.created(repositoryName) });
      await reread(registry, 'FindRepositories');
      unsaved.leaveTo(repositoryPath(registry, repositoryName));
    },
    onError: () => focusInvalid(form.current),
  });
  const taken =
    attempt.error instanceof APIError && attempt.error.code === 'RepositoryAlreadyExistsException'
      ? attempt.variables
      : undefined;
  const problem = nameProblem(name);
  // What typing on can fix is shown once one tries.
  const shown = problem && (tried || (problem !== 'short' && problem !== 'end'));
  const destinations = problem ? [] : destinationsFor(name, rules.data?.replicationConfiguration.rules ?? []);
  const submit = () => {
    setTried(true);
    if (!problem && mutabilityValid(mutability) && tags.valid) {
      attempt.mutate(name);
    } else {
      focusInvalid(form.current);
    }
  };
  return (
    <ContentLayout
      breadcrumbs={<Crumbs steps={[{ text: m.createTitle, path: pagePath(registry, 'repositories/create') }]} />}
      header={<Header variant="h1">{m.createTitle}</Header>}
    >
      <form
        ref={form}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button
                variant="link"
                formAction="none"
                onClick={() => void navigate(pagePath(registry, 'repositories'))}
              >
                {shell.cancel}
              </Button>
              <Button variant="primary" formAction="submit" loading={attempt.isPending}>
                {m.create}
              </Button>
            </SpaceBetween>
          }
        >
          <SpaceBetween size="l">
            {taken === undefined && <SubmitProblem error={attempt.error} />}
            <Container header={<Header variant="h2">{m.general}</Header>}>
              <SpaceBetween size="l">
                <FormField
                  label={m.name}
                  description={m.nameHint}
                  errorText={shown ? m.nameProblems[problem] : taken === name ? m.nameTaken : undefined}
                  constraintText={
                    !problem && deployment.data ? m.uriPreview(`${deployment.data.registryUri}/${name}`) : undefined
                  }
                  stretch
                >
                  <Input
                    value={name}
                    onChange={({ detail }) => setName(detail.value)}
                    placeholder="team/app"
                    autoFocus
                    autoComplete={false}
                    spellcheck={false}
                    disableBrowserAutocorrect
                  />
                </FormField>
                {destinations.length > 0 && (
                  <Alert type="info">{m.willReplicate(format.list(destinations.map(nameOf)))}</Alert>
                )}
                <MutabilityFields value={mutability} onChange={setMutability} tried={tried} />
              </SpaceBetween>
            </Container>
            <Container
              header={
                <Header variant="h2" description={m.tagsAdvice}>
                  {m.tags}
                </Header>
              }
            >
              <TagEditor tags={tags.tags} tagLimit={maxTags} onChange={({ detail }) => setTags(detail)} />
            </Container>
          </SpaceBetween>
        </Form>
      </form>
      {unsaved.prompt}
    </ContentLayout>
  );
}
