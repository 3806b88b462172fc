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
  const server = { repository: begin, puts: 0, afterRead: () => {} };
  await show(<FirstSettings />, {
    answers: {
      FindRepositories: () => ({ repositories: [server.repository] }),
      DescribeRepositories: () => {
        const repositories = [server.repository];
        server.afterRead();
        server.afterRead = () => {};
        return { repositories };
      },
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

test('settings: theirs that come between the last look and the write are not overwritten either', async () => {
  const server = await editSettings();
  server.afterRead = () => (server.repository = theirs);
  save();
  await screen.findByText(m.except(m.mutable, 'v*'));
  expect(server).toMatchObject({ puts: 0, repository: theirs });
  await choose(m.keepMine);
  save();
  await waitFor(() => expect(server.puts).toBe(1));
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

test.each(['before the last look', 'after it'])('a policy that comes %s', async (when) => {
  const theirs = '{"theirs": 1}';
  const server = { policy: '', sets: 0 };
  let afterRead = () => {};
  await show(<PermissionsTab repository={begin} />, {
    answers: {
      GetRepositoryPolicy: () => {
        const { policy } = server;
        afterRead();
        afterRead = () => {};
        if (policy === '') {
          throw 'RepositoryPolicyNotFoundException';
        }
        return { policyText: policy };
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
  const write = () => (server.policy = theirs);
  if (when === 'after it') {
    afterRead = write;
  } else {
    write();
  }
  save();
  await screen.findByText(theirs);
  expect(server.sets).toBe(0);
  expect(text.value).toBe('{"mine": 1}');
  await choose(m.keepMine);
  save();
  await waitFor(() => expect(server).toEqual({ policy: '{"mine": 1}', sets: 1 }));
});

/** Shows the tags of a repository that the server keeps: two, of which the second is removed here, and the first changed. */
async function editTags() {
  const server = { tags: [tag('team', 'a'), tag('old', '')], afterUntag: () => {} };
  await show(<ResourceTagsTab repository={begin} />, {
    answers: {
      ListTagsForResource: () => ({ tags: server.tags }),
      TagResource: ({ tags }) => {
        server.tags = [...server.tags.filter((old) => !tags.some(({ Key }) => Key === old.Key)), ...tags];
        return {};
      },
      UntagResource: ({ tagKeys }) => {
        server.tags = server.tags.filter(({ Key }) => !tagKeys.includes(Key));
        server.afterUntag();
        return {};
      },
    },
  });
  const row = (number: number) => createWrapper().findTagEditor()!.findRow(number)!;
  const value = await waitFor(() => row(1).findField(2)!.find('input')!.getElement());
  fireEvent.change(value, { target: { value: 'mine' } });
  fireEvent.click(row(2).findRemoveButton()!.getElement());
  return server;
}

const tag = (Key: string, Value: string) => ({ Key, Value });

test('tags: mine are saved where nothing has changed', async () => {
  const server = await editTags();
  save();
  await waitFor(() => expect(server.tags).toEqual([tag('team', 'mine')]));
});

test('tags: theirs are shown, and mine saved when that is chosen', async () => {
  const server = await editTags();
  const stored = [tag('team', 'theirs'), tag('old', '')];
  server.tags = stored;
  save();
  await screen.findByText('theirs');
  expect(server.tags).toBe(stored);
  await choose(m.keepMine);
  save();
  await waitFor(() => expect(server.tags).toEqual([tag('team', 'mine')]));
});

test('tags: theirs that come between the two writes are not overwritten either', async () => {
  const server = await editTags();
  server.afterUntag = () => (server.tags = [tag('team', 'theirs')]);
  save();
  await screen.findByText('theirs');
  expect(server.tags).toEqual([tag('team', 'theirs')]);
});
