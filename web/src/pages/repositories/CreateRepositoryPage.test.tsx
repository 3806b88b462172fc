import { fireEvent, screen, waitFor } from '@testing-library/react';
import { expect, test } from 'vitest';

import { repositories as m } from '../../i18n/en/repositories';
import { show } from '../../testing/show';
import { CreateRepositoryPage } from './CreateRepositoryPage';

async function showForm() {
  const created: unknown[] = [];
  await show(<CreateRepositoryPage />, {
    answers: {
      CreateRepository: (input) => {
        created.push(input);
        throw 'RepositoryAlreadyExistsException';
      },
      DescribeRegistry: {
        registryId: '111122223333',
        replicationConfiguration: {
          rules: [
            {
              destinations: [{ registryId: '444455556666', region: 'us-east-1' }],
              repositoryFilters: [{ filter: 'team/', filterType: 'PREFIX_MATCH' }],
            },
          ],
        },
      },
    },
  });
  const name = screen.getByLabelText<HTMLInputElement>(m.name);
  return {
    created,
    name,
    type: (text: string) => fireEvent.change(name, { target: { value: text } }),
    press: () => fireEvent.click(screen.getByRole('button', { name: m.create })),
  };
}

test('a name is checked as it is typed, and what typing on fixes is reported at the end', async () => {
  const { created, name, type, press } = await showForm();
  type('Team');
  expect(screen.getByText(m.nameProblems.capitals)).toBeTruthy();
  type('team/');
  expect(screen.queryByText(m.nameProblems.end)).toBeNull();
  press();
  expect(screen.getByText(m.nameProblems.end)).toBeTruthy();
  await waitFor(() => expect(document.activeElement).toBe(name));
  expect(created).toEqual([]);
});

test('says where the rules will send it', async () => {
  const { type } = await showForm();
  type('team/app');
  expect(await screen.findByText(m.willReplicate('444455556666 · us-east-1'))).toBeTruthy();
  type('other');
  expect(screen.queryByText(m.willReplicate('444455556666 · us-east-1'))).toBeNull();
});

test('a name that is taken is reported beside the field, and stays there', async () => {
  const { created, name, type, press } = await showForm();
  type('team/app');
  press();
  expect(await screen.findByText(m.nameTaken)).toBeTruthy();
  expect(name.value).toBe('team/app');
  expect(created).toEqual([{ repositoryName: 'team/app', imageTagMutability: 'MUTABLE', tags: [] }]);
  type('team/app2');
  expect(screen.queryByText(m.nameTaken)).toBeNull();
});

test('an exclusion without a filter is not sent', async () => {
  const { created, type, press } = await showForm();
  type('app');
  fireEvent.click(screen.getByRole('button', { name: m.addFilter }));
  press();
  expect(screen.getByText(m.filterProblems.empty)).toBeTruthy();
  expect(created).toEqual([]);
});
