// What someone else has saved while a repository's settings, policy or tags are edited is not
// overwritten without a word.

import createWrapper from '@cloudscape-design/components/test-utils/dom';
import { fireEvent, screen, waitFor } from '@testing-library/react';
import { expect, test } from 'vitest';

import type { FoundRepository } from '../../api/twinport';
import { useTwinport } from '../../app/registry';
import { policy as editorTexts } from '../../i18n/en/policy';
import { repositories as m } from '../../i18n/en/repositories';
import { shell } from '../../i18n/en/shell';
import { show } from '../../testing/show';
import { PermissionsTab } from './PermissionsTab';
import { ResourceTagsTab } from './ResourceTagsTab';
import { SettingsTab } from './SettingsTab';

const begin: FoundRepository = {
  registryId: '111122223333',
  repositoryName: 'app',
  repositoryArn: 'arn:aws:ecr:us-east-1:111122223333:repository/app',
  repositoryUri: 'localhost:8080/111122223333/us-east-1/app',
  createdAt: 1.7e9,
  imageTagMutability: 'MUTABLE',
  hasPolicy: false,
  replicatesTo: [],
};

const save = () => fireEvent.click(screen.getByRole('button', { name: shell.save }));
const choose = async (name: string) => fireEvent.click(await screen.findByRole('button', { name }));

function FirstSettings() {
  const [repository] = useTwinport('FindRepositories', {}).data?.repositories ?? [];
  return repository ? <SettingsTab repository={repository} /> : null;
}

/** Shows the settings of a repository that the server keeps, and makes it immutable but for a filter. */
async function editSettings() {
  const server = { repository: begin, puts: 0 };
  await show(<FirstSettings />, {
    answers: {
      FindRepositories: () => ({ repositories: [server.repository] }),
      DescribeRepositories: () => ({ repositories: [server.repository] }),
      PutImageTagMutability: ({ repositoryName, ...setting }) => {
        server.repository = { ...begin, ...setting };
        server.puts++;
        return { repositoryName };
      },
    },
  });
  fireEvent.click(await screen.findByLabelText(m.immutable));
  return server;
}

const theirs: FoundRepository = {
  ...begin,
  imageTagMutability: 'MUTABLE_WITH_EXCLUSION',
  imageTagMutabilityExclusionFilters: [{ filter: 'v*', filterType: 'WILDCARD' }],
};

test('settings: mine are saved where nothing has changed', async () => {
  const server = await editSettings();
  save();
  await waitFor(() => expect(server.repository.imageTagMutability).toBe('IMMUTABLE'));
});

test('settings: theirs are shown, and mine saved when that is chosen', async () => {
  const server = await editSettings();
  server.repository = theirs;
  save();
  await screen.findByText(m.except(m.mutable, 'v*'));
  expect(server.puts).toBe(0);
  await choose(m.keepMine);
  save();
  await waitFor(() => expect(server).toMatchObject({ puts: 1, repository: { imageTagMutability: 'IMMUTABLE' } }));
  await waitFor(() => expect(screen.queryByText(m.conflict)).toBeNull());
});

test('settings: theirs can be taken', async () => {
  const server = await editSettings();
  server.repository = theirs;
  save();
  await choose(m.takeStored);
  expect(screen.getByLabelText<HTMLInputElement>(m.mutable).checked).toBe(true);
  expect(screen.getByDisplayValue('v*')).toBeTruthy();
  expect(screen.queryByText(m.conflict)).toBeNull();
  expect(server.puts).toBe(0);
});

test('a policy', async () => {
  const server = { policy: '', sets: 0 };
  await show(<PermissionsTab repository={begin} />, {
    answers: {
      GetRepositoryPolicy: () => {
        if (server.policy === '') {
          throw 'RepositoryPolicyNotFoundException';
        }
        return { policyText: server.policy };
      },
      SetRepositoryPolicy: ({ policyText }) => {
        server.policy = policyText;
        server.sets++;
        return { policyText };
      },
      ValidatePolicy: { problems: [] },
    },
  });
  const text = await screen.findByLabelText<HTMLTextAreaElement>(m.repositoryPolicy, { selector: 'textarea' });
  fireEvent.change(text, { target: { value: '{"mine": 1}' } });
  await screen.findByText(editorTexts.valid);
  server.policy = '{"theirs": 1}';
  save();
  await screen.findByText(server.policy);
  expect(server.sets).toBe(0);
  expect(text.value).toBe('{"mine": 1}');
  await choose(m.keepMine);
  save();
  await waitFor(() => expect(server).toEqual({ policy: '{"mine": 1}', sets: 1 }));
});

test('tags', async () => {
  const server = { tags: [{ Key: 'team', Value: 'a' }], changes: 0 };
  await show(<ResourceTagsTab repository={begin} />, {
    answers: {
      ListTagsForResource: () => ({ tags: server.tags }),
      TagResource: ({ tags }) => {
        server.tags = [...server.tags.filter((old) => !tags.some((tag) => tag.Key === old.Key)), ...tags];
        server.changes++;
        return {};
      },
    },
  });
  const value = await waitFor(() =>
    createWrapper().findTagEditor()!.findRow(1)!.findField(2)!.find('input')!.getElement(),
  );
  fireEvent.change(value, { target: { value: 'mine' } });
  server.tags = [{ Key: 'team', Value: 'theirs' }];
  save();
  await screen.findByText('theirs');
  expect(server.changes).toBe(0);
  await choose(m.keepMine);
  save();
  await waitFor(() => expect(server).toEqual({ tags: [{ Key: 'team', Value: 'mine' }], changes: 1 }));
});
